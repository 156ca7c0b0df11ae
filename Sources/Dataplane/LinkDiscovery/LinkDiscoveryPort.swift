// SPDX-License-Identifier: Apache-2.0
public import Timing

/// Link-layer discovery on one port: what was heard and what is due.
///
/// A value: whoever changes it sends what has to be sent.
struct LinkDiscoveryPort {
    struct Entry {
        var neighbour: LinkNeighbour
        var expires: Instant
    }

    enum Outcome {
        case known, new, left
        /// There are `capacity` others.
        case full
    }

    /// Neighbours on a port at most; on a point-to-point link there is one.
    static let capacity = 16
    /// `msgTxInterval` and its `msgTxHold`: IEEE Std 802.1AB-2016 clause 9.2.5.
    static let period = Duration.seconds(30)
    static let timeToLive: UInt16 = 120
    /// The shortest time between two messages.
    private static let pause = Duration.seconds(1)

    /// The port's name in messages; nil while discovery is off.
    var name: String?
    private(set) var entries: [Entry] = []
    private var due = Instant(nanoseconds: 0)
    private var lastSent: Instant?
    var sent: UInt64 = 0, received: UInt64 = 0, malformed: UInt64 = 0, ignored: UInt64 = 0

    /// Sends soon: a neighbour or the link is new, and is not to wait for a whole period.
    mutating func hasten(at now: Instant) {
        due = lastSent.map { max(now, $0.advanced(by: Self.pause)) } ?? now
    }

    /// Whether it is time to send; then the next time is a period away.
    mutating func takeTurn(at now: Instant) -> Bool {
        guard name != nil, now >= due else { return false }
        lastSent = now
        due = now.advanced(by: Self.period)
        return true
    }

    mutating func learn(_ neighbour: LinkNeighbour, at now: Instant) -> Outcome {
        let index = entries.firstIndex { $0.neighbour.isSamePort(as: neighbour) }
        guard neighbour.timeToLive > 0 else {
            if let index { entries.remove(at: index) }
            return .left
        }
        let expires = now.advanced(by: .seconds(neighbour.timeToLive))
        let entry = Entry(neighbour: neighbour, expires: expires)
        if let index {
            entries[index] = entry
            return .known
        }
        guard entries.count < Self.capacity else { return .full }
        entries.append(entry)
        return .new
    }

    mutating func expire(at now: Instant) { entries.removeAll { $0.expires <= now } }

    mutating func forget() { entries = [] }
}

/// Link-layer discovery on one port, as it is shown.
public struct LinkDiscoveryReport: Sendable {
    /// Seconds after which neighbours forget us when they hear no more.
    public static var timeToLive: Int { Int(LinkDiscoveryPort.timeToLive) }

    public var isOn: Bool
    public var sent: UInt64
    public var received: UInt64
    /// Messages that broke the rules, among those received.
    public var malformed: UInt64
    /// Messages of neighbours for whom there was no room.
    public var ignored: UInt64
    /// Each with the time after which it is forgotten.
    public var neighbours: [(neighbour: LinkNeighbour, expires: Instant)]
}

/// How this machine presents itself to its neighbours.
public struct Station: Sendable {
    public var name: String
    public var description: String

    public init(name: String = "", description: String = "dpvs") {
        self.name = name
        self.description = description
    }
}
