// SPDX-License-Identifier: Apache-2.0
import CLinux
import Containers
public import Networking
public import Packet
public import Timing

/// What became of a datagram's first fragment, for the others to follow.
public struct FragmentDecision: Hashable, Sendable, BitwiseCopyable {
    /// The caller's: a connection with the direction in its lowest bit, a worker or an interface.
    public var reference: UInt32
    /// What tells whether `reference` still means the same: a connection's place is used again.
    public var check: UInt32

    public init(reference: UInt32, check: UInt32) {
        self.reference = reference
        self.check = check
    }

    /// The first fragment was dropped, and so are the others.
    public static let drop = FragmentDecision(reference: .max, check: 0)

    /// Set in a `reference` that is a worker; tables have at most 2^30 connections.
    private static let workerFlag: UInt32 = 1 << 31

    /// The first fragment went on to another worker.
    public static func worker(_ index: Int) -> FragmentDecision {
        FragmentDecision(reference: workerFlag | UInt32(truncatingIfNeeded: index), check: 0)
    }

    /// The worker that the first fragment went to.
    public var worker: Int? {
        reference & Self.flags == Self.workerFlag
            ? Int(reference & ~Self.workerFlag) : nil
    }

    /// Set beside `workerFlag` in a `reference` that is an interface.
    private static let companionFlag: UInt32 = 1 << 30
    private static let flags = workerFlag | companionFlag

    /// The first fragment went to the kernel, by the companion of an interface.
    public static func companion(_ interface: InterfaceID) -> FragmentDecision {
        FragmentDecision(reference: flags | UInt32(interface.rawValue), check: 0)
    }

    /// The interface by whose companion the first fragment went to the kernel.
    public var companion: InterfaceID? {
        guard self != .drop, reference & Self.flags == Self.flags else { return nil }
        return InterfaceID(rawValue: UInt16(truncatingIfNeeded: reference & ~Self.flags))
    }
}

/// The decisions on fragmented datagrams of one worker, and fragments that came before their first.
///
/// Fragments are forwarded, not put together, so overlaps, duplicates and gaps are the receiver's
/// affair. All memory is allocated at start. Entries live in two rings, so that the oldest is always
/// at hand, eviction and expiry take no search, and a flood of later fragments, which anyone can
/// send, pushes out no decision:
///
///     decisions  [ dead | key -> reference, check | ... | newest ]
///     waiting    [ key -> held packets | ... | newest ]
///
///     absent --hold--> waiting --decide--> decided --expiry, eviction--> absent
///     waiting --expiry, eviction: its packets come out of `nextDropped`--> absent
///
/// An entry that is replaced dies in its place and leaves the ring when it is the oldest. A key has
/// one living entry.
@safe
public struct FragmentTable: ~Copyable {
    /// How much a table keeps, and for how long.
    public struct Limits: Sendable, Equatable {
        public var decisions = 4096
        /// Datagrams whose first fragment is missing.
        public var waiting = 1024
        /// Packets of such datagrams together.
        public var held = 1024
        /// Packets of one such datagram.
        public var heldPerDatagram = 8
        /// RFC 791 section 3.2 proposes 15 s for reassembly; the fragments of one datagram that
        /// still come later are of no use to most receivers, and an identification is used again.
        public var decisionLifetime = Duration.seconds(15)
        /// Fragments overtake each other by milliseconds; this is the default of DPVS' `fragment`
        /// item `ttl`.
        public var waitingLifetime = Duration.seconds(1)

        public init() {}
    }

    struct Entry: BitwiseCopyable {
        var key: FragmentKey
        var decision: FragmentDecision
        var deadline: Tick
        var isAlive: Bool
        var held: PacketChain
    }

    let entries: UnsafeMutablePointer<Entry>
    var index: TagIndex
    let key: HashKey
    var decisions: EntryRing
    var waiting: EntryRing
    private let heldLimit: Int
    private let heldPerDatagram: Int
    private let decisionTicks: UInt32
    private let waitingTicks: UInt32
    private var size: Int { decisions.capacity &+ waiting.capacity }
    /// Packets that are here: those that wait and those to be fetched by `nextDropped`.
    public var packetCount: Int { heldCount &+ dropped.count }
    /// Packets in waiting entries.
    public internal(set) var heldCount = 0
    /// Packets that wait for `nextDropped`.
    var dropped = PacketChain()

    /// Nil when memory is short; `key` is secret, random and the same for all workers.
    public init?(_ limits: Limits, key: HashKey) {
        precondition(limits.decisions > 0 && limits.waiting > 0 && limits.held > 0)
        precondition(limits.decisions + limits.waiting <= 1 << 24 && limits.heldPerDatagram > 0)
        self.key = key
        decisions = EntryRing(start: 0, capacity: limits.decisions)
        waiting = EntryRing(start: limits.decisions, capacity: limits.waiting)
        heldLimit = limits.held
        heldPerDatagram = limits.heldPerDatagram
        decisionTicks = Tick.count(covering: limits.decisionLifetime)
        waitingTicks = Tick.count(covering: limits.waitingLifetime)
        let count = limits.decisions + limits.waiting
        guard
            let memory = unsafe CLinux_map_table(count * MemoryLayout<Entry>.stride),
            let index = TagIndex(keys: count)
        else { return nil }
        unsafe entries = memory.assumingMemoryBound(to: Entry.self)
        self.index = index
    }

    deinit {
        assert(heldCount == 0 && dropped.count == 0, "held fragments were forgotten")
        unsafe CLinux_unmap_table(entries, size * MemoryLayout<Entry>.stride)
    }

    // MARK: - Fragments

    /// The worker that knows where the fragments under `fragment` go: see `FragmentKey.keeper`.
    public func keeper(of fragment: FragmentKey, workers: Int) -> Int {
        workers == 1 ? 0 : FragmentKey.keeper(of: fragment.hash(key), workers: workers)
    }

    /// What the datagram's first fragment met; nil when it was not seen, or too long ago.
    public mutating func decision(for fragment: FragmentKey, now: Tick) -> FragmentDecision? {
        guard let slot = find(fragment, fragment.hash(key)), decisions.contains(slot) else {
            return nil
        }
        let entry = unsafe entries[slot]
        return now.distance(from: entry.deadline) < 0 ? entry.decision : nil
    }

    /// Records what a first fragment met, in place of an older decision under the same key; returns
    /// the fragments that waited for it.
    ///
    /// An identification comes again, so the newest first fragment is right.
    public mutating func decide(
        _ decision: FragmentDecision,
        for fragment: FragmentKey,
        now: Tick
    ) -> HeldFragments {
        let hash = fragment.hash(key)
        var held = PacketChain()
        if let slot = find(fragment, hash) {
            // Late packets are still right ones: nothing was decided in between.
            held = retire(slot, hash)
        }
        if decisions.isFull { retireOldestDecision() }
        let slot = decisions.append()
        let entry = Entry(
            key: fragment,
            decision: decision,
            deadline: now + decisionTicks,
            isAlive: index.insert(UInt32(slot), under: hash),
            held: PacketChain()
        )
        unsafe (entries + slot).initialize(to: entry)
        return HeldFragments(held)
    }

    /// Keeps a later fragment until its first one has come; returns it when there is no room.
    ///
    /// For fragments without a decision. Makes room by giving up the datagram that has waited
    /// longest; the packets of it come out of `nextDropped`.
    public mutating func hold(
        _ packet: consuming Packet,
        for fragment: FragmentKey,
        now: Tick
    ) -> Packet? {
        let hash = fragment.hash(key)
        var found = find(fragment, hash)
        if let slot = found, unsafe now.distance(from: entries[slot].deadline) >= 0 {
            dropped.append(contentsOf: retire(slot, hash))
            found = nil
        }
        if let slot = found {
            guard waiting.contains(slot), unsafe entries[slot].held.count < heldPerDatagram else {
                return packet
            }
        }
        // Whoever does not take what was dropped gets no further.
        guard dropped.count < heldLimit else { return packet }
        if heldCount == heldLimit {
            retireOldestWaiting()
            found = find(fragment, hash)
        }
        guard let slot = found ?? startWaiting(fragment, hash, deadline: now + waitingTicks) else {
            return packet
        }
        unsafe entries[slot].held.append(packet)
        heldCount &+= 1
        return nil
    }

    /// A packet whose first fragment did not come in time or that made room for others.
    ///
    /// For the caller to drop and to count. Call until nil, or with a budget.
    public mutating func nextDropped(now: Tick) -> Packet? {
        retireExpiredDecisions(now: now)
        while dropped.count == 0, let slot = waiting.oldest {
            let entry = unsafe entries[slot]
            if entry.isAlive {
                guard now.distance(from: entry.deadline) >= 0 else { break }
                dropped.append(contentsOf: retire(slot, entry.key.hash(key)))
            }
            waiting.removeOldest()
        }
        return dropped.removeFirst()
    }

    /// Gives up every datagram that waits: `nextDropped` then returns all packets.
    public mutating func stopWaiting() {
        while waiting.oldest != nil { retireOldestWaiting() }
    }
}
