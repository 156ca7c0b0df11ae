// SPDX-License-Identifier: Apache-2.0
import Model

/// One side of a talk with a backend: a value without sockets.
protocol Conversation: Sendable {
    /// The way to the backend is open.
    mutating func begin() -> ConversationStep

    /// Octets came: over TCP any part of the stream, over UDP a datagram.
    mutating func receive(_ octets: [UInt8]) -> ConversationStep

    /// The backend sends nothing more.
    mutating func end() -> ProbeResult

    /// The time is over.
    func giveUp() -> ProbeResult
}

extension Conversation {
    mutating func end() -> ProbeResult { .bad("closed the connection without an answer") }

    func giveUp() -> ProbeResult { .bad("no answer in time") }
}

enum ConversationStep: Equatable {
    case wait
    case send([UInt8])
    /// It is good when the octets are on their way.
    case sendAndFinish([UInt8])
    case finish(ProbeResult)
}

extension [UInt8] {
    /// Whether `other` stands somewhere in it.
    func contains(_ other: [UInt8]) -> Bool {
        guard !other.isEmpty else { return true }
        guard count >= other.count else { return false }
        return (0...(count - other.count)).contains { self[$0..<$0 + other.count] == other[...] }
    }
}

/// Answers longer than this are not looked at further.
let mostAnswer = 64 << 10
