// SPDX-License-Identifier: Apache-2.0
import Model

/// Greets a mail server and takes its leave (RFC 5321 section 4.1.1.1).
struct SMTPConversation: Conversation {
    private let name: String
    private var received: [UInt8] = []
    private var isGreeted = false

    /// `name` is what HELO says.
    init(_ name: String) { self.name = name }

    mutating func begin() -> ConversationStep { .wait }

    mutating func receive(_ octets: [UInt8]) -> ConversationStep {
        received += octets
        guard received.count <= mostAnswer else { return .finish(.bad("no SMTP")) }
        guard let code = takeReply() else { return .wait }
        guard code == (isGreeted ? "250" : "220") else { return .finish(.bad("answers \(code)")) }
        if isGreeted { return .sendAndFinish(Array("QUIT\r\n".utf8)) }
        isGreeted = true
        return .send(Array("HELO \(name)\r\n".utf8))
    }

    /// The code of a reply that is there as a whole; of its lines the last one has a blank behind the
    /// code, the others a hyphen (section 4.2.1).
    private mutating func takeReply() -> String? {
        while let end = received.firstIndex(of: 0x0A) {
            let line = received[..<end].filter { $0 != 0x0D }
            received.removeFirst(end + 1)
            if line.count > 3, line[3] == UInt8(ascii: "-") { continue }
            return String(decoding: line.prefix(3), as: UTF8.self)
        }
        return nil
    }
}
