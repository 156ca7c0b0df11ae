// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import Timing

/// Who is behind which address on which link: the state machine of RFC 4861 section 7.3, for
/// neighbour discovery and for ARP.
///
///      wanted            answered                silent for `reachableTime`
///     --------> incomplete -----> reachable ------------------------> stale
///                 |    ^             ^  ^------ answered ---- probe <---'  used, or pinned
///       3 x silent|    | wanted      |                          |
///                 v    | again       '-------- answered ---     | 3 x silent
///               failed -                     incomplete <-------'
///
/// `fix` makes a neighbour `permanent` from any state, and `loosen` ends that as `incomplete`.
///
/// A value without sockets or timers: events go in with the time, actions come out. The table
/// believes answers only about neighbours that somebody here wanted, so that nobody fills it from
/// outside, but follows every news about those at once: a gateway that fails over moves with its
/// first gratuitous ARP or unsolicited advertisement. There is no state DELAY: a packet to a stale
/// neighbour goes out and the probe with it. `Held` is how the caller names a packet that waits for
/// a neighbour.
public struct NeighbourTable<Held: BitwiseCopyable> {
    public struct Key: Hashable, Sendable {
        public var address: IPAddress
        public var interface: InterfaceID

        public init(_ address: IPAddress, on interface: InterfaceID) {
            self.address = address
            self.interface = interface
        }
    }

    /// What the caller is to do, in order.
    public enum Action {
        /// Ask for the key's link-layer address: everybody, or the one who had it.
        case solicit(Key, MACAddress?)
        /// Let workers see this.
        case show(AdjacencyTable.State, MACAddress, AdjacencyHandle)
        /// Send a packet that waited.
        case send(Held, Key)
        /// A packet that waited goes nowhere: nobody answered.
        case unreachable(Held)
        /// A packet finds no room to wait in.
        case refuse(Held)
        /// Forget the handle.
        case remove(AdjacencyHandle)
    }

    /// Times and sizes; the first two are `neigh_defs` of `dpvs.conf`.
    public struct Limits: Sendable {
        public var reachableTime: Duration
        public var queueLength: Int
        /// Packets that wait for all neighbours together; the oldest make room for new ones.
        public var totalLength: Int
        public var retransmitTime = Duration.seconds(1)
        public var solicitations = 3
        /// Unused neighbours are forgotten after this long.
        public var idleTime = Duration.seconds(600)
        /// A neighbour that did not answer is not asked for again for this long.
        public var failureHold = Duration.seconds(1)

        public init(
            reachableTime: Duration = .seconds(60),
            queueLength: Int = 128,
            totalLength: Int = .max
        ) {
            self.reachableTime = reachableTime
            self.queueLength = queueLength
            self.totalLength = totalLength
        }
    }

    public enum State: String, CaseIterable, Sendable {
        case incomplete, reachable, stale, probe, failed
        /// Given, not found out: neither asked nor believed, and never forgotten by itself.
        case permanent
    }

    struct Neighbour {
        var handle: AdjacencyHandle
        var state: State
        var mac: MACAddress
        /// When the state ends by itself.
        var deadline: Instant
        /// Solicitations sent in this state.
        var asked = 0
        var waiting: [Waiting] = []
        var isPinned: Bool
    }

    /// A packet that waits; packets that came later have higher numbers.
    struct Waiting {
        var packet: Held
        var number: UInt64
    }

    public var limits: Limits
    var neighbours: [Key: Neighbour] = [:]

    public init(limits: Limits = Limits()) {
        self.limits = limits
    }

    public var count: Int { neighbours.count }

    /// Packets that wait for an answer.
    public internal(set) var heldCount = 0
    /// Whom packets wait for, in the order in which they came; some wait no more.
    var arrivals: [(key: Key, number: UInt64)] = []
    /// Where the oldest of them is.
    var oldest = 0
    var nextNumber: UInt64 = 0

    public func count(in state: State) -> Int {
        neighbours.values.reduce(0) { $0 + ($1.state == state ? 1 : 0) }
    }

    /// Everything is forgotten; the packets that waited are the caller's again.
    public mutating func removeAll() -> [Held] {
        defer {
            neighbours = [:]
            heldCount = 0
        }
        return neighbours.values.flatMap { $0.waiting.map(\.packet) }
    }

    /// Where `key` was last heard of, while that counts.
    public func address(of key: Key) -> MACAddress? {
        guard let neighbour = neighbours[key], neighbour.mac != .zero else { return nil }
        return neighbour.mac
    }

    public func handle(of key: Key) -> AdjacencyHandle? { neighbours[key]?.handle }

    /// All that are known, in no order; one that has not answered has the address zero.
    public var all: [(key: Key, state: State, mac: MACAddress)] {
        neighbours.map { ($0.key, $0.value.state, $0.value.mac) }
    }

    // MARK: - Events

    /// Somebody wants to reach `key`, perhaps with a packet; `handle` is for a new neighbour.
    ///
    /// A neighbour that cannot be asked yet, not `isLinkThere`, is asked when it is wanted again.
    public mutating func want(
        _ key: Key,
        holding packet: Held? = nil,
        isPinned: Bool = false,
        isLinkThere: Bool = true,
        handle: @autoclosure () -> AdjacencyHandle?,
        at now: Instant
    ) -> [Action] {
        let actions = admit(key, packet, isPinned, isLinkThere, handle(), now)
        return packet == nil ? actions : actions + shed()
    }

    private mutating func admit(
        _ key: Key,
        _ packet: Held?,
        _ isPinned: Bool,
        _ isLinkThere: Bool,
        _ handle: @autoclosure () -> AdjacencyHandle?,
        _ now: Instant
    ) -> [Action] {
        guard var neighbour = neighbours[key] else {
            guard let handle = handle() else { return packet.map { [.refuse($0)] } ?? [] }
            var neighbour = Neighbour(
                handle: handle,
                state: .incomplete,
                mac: .zero,
                deadline: now.advanced(by: limits.retransmitTime),
                asked: isLinkThere ? 1 : 0,
                isPinned: isPinned
            )
            if let packet { keep(packet, &neighbour, key) }
            neighbours[key] = neighbour
            return isLinkThere ? [.solicit(key, nil)] : []
        }
        defer { neighbours[key] = neighbour }
        if isPinned { neighbour.isPinned = true }
        switch neighbour.state {
        case .reachable, .probe, .permanent: return packet.map { [.send($0, key)] } ?? []
        case .stale:
            return begin(.probe, &neighbour, key, now) + (packet.map { [.send($0, key)] } ?? [])
        case .incomplete:
            let isFirst = neighbour.asked == 0 && isLinkThere
            return (packet.map { hold($0, &neighbour, key) } ?? [])
                + (isFirst ? begin(.incomplete, &neighbour, key, now) : [])
        case .failed:
            guard now >= neighbour.deadline else { return packet.map { [.unreachable($0)] } ?? [] }
            if let packet { keep(packet, &neighbour, key) }
            return begin(.incomplete, &neighbour, key, now)
        }
    }

    /// A worker sent to a neighbour that was shown as stale.
    public mutating func used(_ key: Key, at now: Instant) -> [Action] {
        guard var neighbour = neighbours[key], neighbour.state == .stale else { return [] }
        defer { neighbours[key] = neighbour }
        return begin(.probe, &neighbour, key, now)
    }

    /// How much word of a neighbour is worth (RFC 4861 section 7.2.5).
    public enum Evidence: Sendable {
        /// It answered, so packets go both ways: ARP, or a solicited advertisement.
        case answer(overrides: Bool)
        /// It spoke by itself: the address holds, whether it hears us is to be found out.
        case news(overrides: Bool)

        var overrides: Bool {
            switch self {
            case .answer(let overrides), .news(let overrides): overrides
            }
        }
        var isAnswer: Bool {
            if case .answer = self { true } else { false }
        }
    }

    /// Somebody said that `key` is at `mac`; nil: where it was, the message did not say.
    public mutating func learn(
        _ key: Key,
        at mac: MACAddress?,
        as evidence: Evidence = .answer(overrides: true),
        now: Instant
    ) -> [Action] {
        guard var neighbour = neighbours[key], neighbour.state != .permanent else { return [] }
        if let mac, mac.isMulticast || mac == .zero { return [] }
        let isKnown = neighbour.state != .incomplete && neighbour.state != .failed
        guard let mac = mac ?? (isKnown ? neighbour.mac : nil) else { return [] }
        defer { neighbours[key] = neighbour }
        if isKnown, mac != neighbour.mac, !evidence.overrides {
            // "If the Override flag is clear and the supplied link-layer address differs", a
            // reachable entry becomes stale and nothing else changes.
            return neighbour.state == .reachable ? doubt(&neighbour, key, now) : []
        }
        if isKnown, mac == neighbour.mac, !evidence.isAnswer { return [] }
        neighbour.mac = mac
        let waiting = takeWaiting(&neighbour)
        let released = waiting.map { Action.send($0, key) }
        guard evidence.isAnswer else {
            // A packet that goes out, like a pin, asks for confirmation.
            guard waiting.isEmpty else { return begin(.probe, &neighbour, key, now) + released }
            return doubt(&neighbour, key, now)
        }
        neighbour.state = .reachable
        neighbour.asked = 0
        neighbour.deadline = now.advanced(by: limits.reachableTime)
        return [.show(.reachable, mac, neighbour.handle)] + released
    }

    /// Nobody needs `key` kept any more.
    public mutating func unpin(_ key: Key) { neighbours[key]?.isPinned = false }

    public var pinned: [Key] { neighbours.filter(\.value.isPinned).map(\.key) }

    /// Lets time pass; call a few times a second.
    public mutating func tick(at now: Instant) -> [Action] {
        var actions: [Action] = []
        for (key, known) in neighbours
        where known.state != .permanent && known.deadline <= now {
            var neighbour = known
            actions += expire(&neighbour, key, now)
            neighbours[key] = neighbour
            if isForgotten(neighbour, now) {
                neighbours[key] = nil
                actions.append(.remove(neighbour.handle))
            }
        }
        return actions
    }

    // MARK: - Inside

    private mutating func expire(
        _ neighbour: inout Neighbour,
        _ key: Key,
        _ now: Instant
    ) -> [Action] {
        switch neighbour.state {
        case .reachable: return doubt(&neighbour, key, now)
        case .probe, .incomplete:
            if neighbour.asked < limits.solicitations {
                neighbour.asked += 1
                neighbour.deadline = now.advanced(by: limits.retransmitTime)
                return [.solicit(key, neighbour.state == .probe ? neighbour.mac : nil)]
            }
            if neighbour.state == .probe { return begin(.incomplete, &neighbour, key, now) }
            return fail(&neighbour, now)
        case .failed where neighbour.isPinned: return begin(.incomplete, &neighbour, key, now)
        case .failed, .stale, .permanent: return []
        }
    }

    /// Whether the neighbour still hears us is not known: asked at once when pinned, else when used.
    private func doubt(_ neighbour: inout Neighbour, _ key: Key, _ now: Instant) -> [Action] {
        if neighbour.isPinned { return begin(.probe, &neighbour, key, now) }
        neighbour.state = .stale
        neighbour.deadline = now.advanced(by: limits.idleTime)
        return [.show(.stale, neighbour.mac, neighbour.handle)]
    }

    func begin(
        _ state: State,
        _ neighbour: inout Neighbour,
        _ key: Key,
        _ now: Instant
    ) -> [Action] {
        neighbour.state = state
        neighbour.asked = 1
        neighbour.deadline = now.advanced(by: limits.retransmitTime)
        let isProbe = state == .probe
        // While the old address is being confirmed packets go on, without news from the workers.
        return [
            .show(isProbe ? .reachable : .unresolved, neighbour.mac, neighbour.handle),
            .solicit(key, isProbe ? neighbour.mac : nil),
        ]
    }

    private mutating func fail(_ neighbour: inout Neighbour, _ now: Instant) -> [Action] {
        let waiting = takeWaiting(&neighbour)
        neighbour.state = .failed
        neighbour.deadline = now.advanced(by: limits.failureHold)
        return waiting.map { .unreachable($0) }
    }

    /// Stale for `idleTime`, or failed and not wanted since.
    private func isForgotten(_ neighbour: Neighbour, _ now: Instant) -> Bool {
        guard !neighbour.isPinned, neighbour.deadline <= now else { return false }
        return neighbour.state == .stale || neighbour.state == .failed
    }
}
