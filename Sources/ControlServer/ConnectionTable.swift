// SPDX-License-Identifier: Apache-2.0
import Addressing
import Synchronization

/// The clients that are connected, and who of them goes when there are too many.
///
/// Nobody can keep others out by connecting and staying silent: who comes when there is no room takes
/// the place of the client that has been silent for longest, of its own address first.
final class ConnectionTable: Sendable {
    struct Limits: Equatable, Sendable {
        /// All together.
        var total = 128
        /// Of one IPv4 address or one IPv6 network of 64 bits, which one host can have for itself.
        var perPeer = 32
    }

    private struct Entry {
        var peer: IPPrefix?
        /// Counts what happened on all connections: the least is silent for longest.
        var lastEvent: UInt64
        /// Whether a request is being answered.
        var isBusy = false
        var close: @Sendable () -> Void
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var events: UInt64 = 0
    }

    private let limits: Limits
    private let state = Mutex(State())

    init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Who counts as one client; nil where there are no addresses.
    static func peer(_ address: IPAddress?) -> IPPrefix? {
        switch address {
        case .v4(let v4): IPPrefix(host: .v4(v4))
        // A listener of both families shows clients of IPv4 so.
        case .v6(let v6) where v6.isIPv4Mapped:
            IPPrefix(host: .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: v6.low))))
        case .v6(let v6): IPPrefix(.v6(v6), length: 64)?.network
        case nil: nil
        }
    }

    var count: Int { state.withLock { $0.entries.count } }

    /// Takes a connection in and hangs up on another one where that is needed; nil when all that
    /// could go are busy, and then this one has to.
    ///
    /// `close` may be called from any thread.
    func open(_ peer: IPPrefix?, close: @escaping @Sendable () -> Void) -> UInt64? {
        let result: (id: UInt64?, loser: Entry?) = state.withLock { state in
            var loser: UInt64?
            if let peer, state.entries.values.count(where: { $0.peer == peer }) >= limits.perPeer {
                loser = Self.idlest(in: state.entries) { $0.peer == peer }
                if loser == nil { return (nil, nil) }
            } else if state.entries.count >= limits.total {
                loser = Self.idlest(in: state.entries) { _ in true }
                if loser == nil { return (nil, nil) }
            }
            state.events += 1
            let removed = loser.flatMap { state.entries.removeValue(forKey: $0) }
            state.entries[state.events] = Entry(peer: peer, lastEvent: state.events, close: close)
            return (state.events, removed)
        }
        result.loser?.close()
        return result.id
    }

    /// Notes that a request has come, or that its answer is complete.
    func set(_ id: UInt64, isBusy: Bool) {
        state.withLock { state in
            state.events += 1
            state.entries[id]?.lastEvent = state.events
            state.entries[id]?.isBusy = isBusy
        }
    }

    func remove(_ id: UInt64) { state.withLock { $0.entries[id] = nil } }

    private static func idlest(
        in entries: [UInt64: Entry],
        where isMeant: (Entry) -> Bool
    ) -> UInt64? {
        entries.filter { !$0.value.isBusy && isMeant($0.value) }
            .min { $0.value.lastEvent < $1.value.lastEvent }?
            .key
    }
}
