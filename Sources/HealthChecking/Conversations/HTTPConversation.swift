// SPDX-License-Identifier: Apache-2.0
import Model

/// Asks for a page and looks at the status and, where that is asked for, at the body.
///
/// It reads as much as it needs: a body that nobody looks at is not waited for.
struct HTTPConversation: Conversation {
    private let http: HealthProbe.HTTP
    private let greeting: [UInt8]
    /// `10.0.1.2:8080`.
    private let authority: String
    private var received: [UInt8] = []

    init(_ http: HealthProbe.HTTP, authority: String, greeting: [UInt8] = []) {
        self.http = http
        self.authority = authority
        self.greeting = greeting
    }

    mutating func begin() -> ConversationStep {
        let request = """
            \(http.method.rawValue) \(http.path) HTTP/1.1\r
            Host: \(http.host ?? authority)\r
            User-Agent: dpvs\r
            Accept: */*\r
            Connection: close\r
            \r

            """
        return .send(greeting + Array(request.utf8))
    }

    mutating func receive(_ octets: [UInt8]) -> ConversationStep {
        received += octets
        guard let status else {
            if received.count > mostAnswer || !beginsAsHTTP { return .finish(.bad("no HTTP")) }
            return .wait
        }
        guard http.status.contains(where: { $0.contains(status) }) else {
            return .finish(.bad("status \(status)"))
        }
        guard let expect = http.expect, http.method != .head else { return .finish(.good) }
        if body.contains(expect) { return .finish(.good) }
        return received.count > mostAnswer ? .finish(.bad("another body")) : .wait
    }

    mutating func end() -> ProbeResult {
        if received.isEmpty { return .bad("closed the connection without an answer") }
        return .bad(status == nil ? "half an answer" : "another body")
    }

    func giveUp() -> ProbeResult {
        if received.isEmpty { return .bad("no answer in time") }
        return .bad(status == nil ? "half an answer in time" : "another body")
    }

    // MARK: - The answer

    private static let name = Array("HTTP/".utf8)

    private var beginsAsHTTP: Bool { received.starts(with: Self.name.prefix(received.count)) }

    /// Of the status line, once that is there as a whole (RFC 9112 section 4); nil before, and when
    /// it is none.
    private var status: Int? {
        guard beginsAsHTTP, let end = received.firstIndex(of: 0x0A) else { return nil }
        let words = received[..<end].split(separator: 0x20, maxSplits: 2)
        guard words.count >= 2 else { return nil }
        let digits = words[1].filter { $0 != 0x0D }
        guard digits.count == 3 else { return nil }
        return Int(String(decoding: digits, as: UTF8.self))
    }

    /// What follows the first empty line.
    private var body: [UInt8] {
        var isLineEmpty = false
        for (index, octet) in received.enumerated() {
            if octet == 0x0A {
                if isLineEmpty { return Array(received[(index + 1)...]) }
                isLineEmpty = true
            } else if octet != 0x0D {
                isLineEmpty = false
            }
        }
        return []
    }
}
