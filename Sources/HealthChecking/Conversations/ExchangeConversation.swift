// SPDX-License-Identifier: Apache-2.0
import Model

/// Opens a connection and, where that is asked for, says something and hears something.
struct StreamConversation: Conversation {
    private let exchange: HealthProbe.Exchange
    private let greeting: [UInt8]
    private var received: [UInt8] = []

    /// `greeting` goes first: a header of the PROXY protocol.
    init(_ exchange: HealthProbe.Exchange, greeting: [UInt8] = []) {
        self.exchange = exchange
        self.greeting = greeting
    }

    mutating func begin() -> ConversationStep {
        let octets = greeting + (exchange.send ?? [])
        guard exchange.expect != nil else {
            return octets.isEmpty ? .finish(.good) : .sendAndFinish(octets)
        }
        return octets.isEmpty ? .wait : .send(octets)
    }

    mutating func receive(_ octets: [UInt8]) -> ConversationStep {
        guard let expect = exchange.expect else { return .finish(.good) }
        received += octets
        if received.contains(expect) { return .finish(.good) }
        return received.count > mostAnswer ? .finish(.bad("another answer")) : .wait
    }

    mutating func end() -> ProbeResult {
        .bad(received.isEmpty ? "closed the connection without an answer" : "another answer")
    }

    func giveUp() -> ProbeResult {
        .bad(received.isEmpty ? "no answer in time" : "another answer")
    }
}

/// Sends a datagram; silence is good unless an answer is asked for.
struct DatagramConversation: Conversation {
    private let exchange: HealthProbe.Exchange
    private let greeting: [UInt8]

    init(_ exchange: HealthProbe.Exchange, greeting: [UInt8] = []) {
        self.exchange = exchange
        self.greeting = greeting
    }

    mutating func begin() -> ConversationStep { .send(greeting + (exchange.send ?? [])) }

    mutating func receive(_ octets: [UInt8]) -> ConversationStep {
        guard let expect = exchange.expect else { return .finish(.good) }
        return .finish(octets.contains(expect) ? .good : .bad("another answer"))
    }

    func giveUp() -> ProbeResult {
        exchange.expect == nil ? .good : .bad("no answer in time")
    }
}

/// Headers of the PROXY protocol that say that a connection is the balancer's own.
enum ProxyGreeting {
    /// Version 1 has no such word: a receiver takes UNKNOWN as "use the connection's own addresses".
    static let version1 = Array("PROXY UNKNOWN\r\n".utf8)

    /// Signature, version 2 with command LOCAL, no family, no addresses.
    static let version2: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x20, 0x00, 0x00,
        0x00,
    ]

    /// What a backend expects in front of everything, when its own port is asked.
    static func octets(for mode: ClientAddressMode) -> [UInt8] {
        switch mode {
        case .proxyV1, .proxyV1Insecure: version1
        case .proxyV2, .proxyV2Insecure: version2
        case .none, .toa, .uoa, .uoaOption: []
        }
    }
}
