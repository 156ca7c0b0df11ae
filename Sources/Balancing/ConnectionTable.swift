// SPDX-License-Identifier: Apache-2.0
public import Addressing
import CLinux
import CPacket
import Containers
public import Timing

/// All connections of one worker: a slab of entries, an index with their keys, a timer wheel.
///
/// Beside the slab lie the addresses of IPv6 keys and the side states, touched only by connections
/// that have them.
///
/// A reference is what the index stores: the entry's position and, in the lowest bit, by which of
/// the two keys it was found, which is the packet's direction.
@safe
public struct ConnectionTable: ~Copyable {
    public static let none = TagIndex.none

    private let entries: UnsafeMutablePointer<Connection>
    private let wide: UnsafeMutablePointer<WideKeys>
    /// A cache line each.
    private let sides: UnsafeMutableRawPointer
    private var index: TagIndex
    private var wheel: TimerWheel
    private let key: HashKey
    public let capacity: Int
    /// Entries in use.
    public private(set) var count = 0
    /// Entries that were in use once and are free again, linked through their timers.
    private var free = TimerWheel.end
    /// Entries from here on were never used.
    private var untouched: UInt32 = 0

    /// Octets between two side states.
    static let sideStride = 64

    /// Room for `capacity` connections; nil when memory is short.
    ///
    /// `seed` is random and secret, so that nobody can choose tuples that collide.
    public init?(capacity: Int, seed: UInt64, now: Tick) {
        precondition((1...(1 << 30)).contains(capacity))
        self.capacity = capacity
        key = HashKey(seed: seed)
        guard
            let memory = unsafe CLinux_map_table(capacity * MemoryLayout<Connection>.stride),
            let wideMemory = unsafe CLinux_map_lazily(capacity * MemoryLayout<WideKeys>.stride),
            let sideMemory = unsafe CLinux_map_lazily(capacity * Self.sideStride),
            let index = TagIndex(keys: capacity * 2)
        else { return nil }
        unsafe entries = memory.assumingMemoryBound(to: Connection.self)
        unsafe wide = wideMemory.assumingMemoryBound(to: WideKeys.self)
        unsafe sides = sideMemory
        self.index = index
        wheel = TimerWheel(start: now)
    }

    deinit {
        unsafe CLinux_unmap_table(entries, capacity * MemoryLayout<Connection>.stride)
        unsafe CLinux_unmap_lazily(wide, capacity * MemoryLayout<WideKeys>.stride)
        unsafe CLinux_unmap_lazily(sides, capacity * Self.sideStride)
    }

    /// Octets of memory for one connection at full capacity, its index included.
    public func bytesPerConnection(isIPv6: Bool = false) -> Double {
        let own = MemoryLayout<Connection>.stride + (isIPv6 ? MemoryLayout<WideKeys>.stride : 0)
        return Double(own) + Double(index.byteCount) / Double(capacity)
    }

    // MARK: - Look-ahead, in passes over a burst

    // These change nothing, but a borrowed struct of this size is copied onto the stack for each
    // call, and a mutated one is passed by its address.

    public mutating func hash(_ tuple: some FlowTuple, _ protocol: FlowProtocol) -> UInt64 {
        tuple.hash(`protocol`, key: key)
    }

    public mutating func hash(_ flow: Flow) -> UInt64 { flow.hash(key: key) }

    /// Pass one: asks for the index bucket.
    public mutating func prefetch(_ hash: UInt64) { index.prefetch(hash) }

    /// Pass two: the reference that probably fits; asks for its entry.
    public mutating func candidate(_ hash: UInt64, isIPv6: Bool) -> UInt32 {
        let reference = index.candidate(for: hash)
        if reference != Self.none {
            unsafe CPacket_prefetch_write(entry(reference))
            if isIPv6 { unsafe CPacket_prefetch(wide + Int(reference >> 1)) }
        }
        return reference
    }

    /// Pass three: the reference that fits, or `none`.
    public mutating func find(
        _ tuple: some FlowTuple,
        _ protocol: FlowProtocol,
        hash: UInt64,
        candidate: UInt32
    ) -> UInt32 {
        if candidate == Self.none { return search(tuple, `protocol`, hash) }
        if matches(candidate, tuple, `protocol`) { return candidate }
        return search(tuple, `protocol`, hash)
    }

    /// The same without look-ahead, for rare packets.
    public mutating func find(_ flow: Flow) -> UInt32 {
        let hash = hash(flow)
        if flow.isIPv6 {
            let tuple = IPv6Tuple(
                source: flow.source,
                destination: flow.destination,
                ports: flow.ports
            )
            return search(tuple, flow.protocol, hash)
        }
        let tuple = IPv4Tuple(source: flow.source, destination: flow.destination, ports: flow.ports)
        return search(tuple, flow.protocol, hash)
    }

    // MARK: - Entries

    /// The entry behind a reference; valid until the connection is removed.
    public func entry(_ reference: UInt32) -> UnsafeMutablePointer<Connection> {
        unsafe entries + Int(reference >> 1)
    }

    /// Every entry lies before this position; those that are free have backend slot `UInt32.max`.
    var bound: UInt32 { untouched }

    /// The side state behind a reference, of a connection that has one.
    func side(_ reference: UInt32) -> UnsafeMutablePointer<SideState> {
        unsafe (sides + Int(reference >> 1) &* Self.sideStride)
            .assumingMemoryBound(to: SideState.self)
    }

    /// The key under which packets of a direction find the connection, as they come in.
    ///
    /// `Tuple` is of that key's family.
    @inline(__always)
    func key<Tuple: FlowTuple>(
        _ direction: Direction,
        of reference: UInt32,
        _ tuple: Tuple.Type
    ) -> Tuple {
        let entry = unsafe entry(reference)
        let isInbound = direction == .inbound
        let ports = unsafe isInbound ? entry.pointee.clientPorts : entry.pointee.backendPorts
        let base: UnsafeMutableRawPointer
        if Tuple.isIPv6 {
            let keys = unsafe UnsafeMutableRawPointer(wide + Int(reference >> 1))
            unsafe base = keys + (isInbound ? 0 : 2 &* MemoryLayout<WireAddress>.stride)
        } else {
            // The two pairs of addresses lie one behind the other.
            unsafe base = UnsafeMutableRawPointer(entry) + (isInbound ? 0 : 8)
        }
        return unsafe Tuple(addressesAt: base, ports: ports)
    }

    /// The same for either family.
    public mutating func flow(_ direction: Direction, of reference: UInt32) -> Flow {
        let shape = unsafe entry(reference).pointee.shape
        return shape.isIPv6(direction)
            ? Flow(key(direction, of: reference, IPv6Tuple.self), shape.protocol)
            : Flow(key(direction, of: reference, IPv4Tuple.self), shape.protocol)
    }

    /// Where packets along `reference` go once they are rewritten.
    public mutating func destination(along reference: UInt32) -> IPAddress {
        let opposite: Direction = reference & 1 == 0 ? .outbound : .inbound
        return flow(opposite, of: reference).source.address
    }

    /// Adds a connection between `client` and `backend` that fires at `deadline`; nil when the table
    /// is full.
    mutating func insert(
        _ connection: Connection,
        client: Flow,
        backend: Flow,
        clientHash: UInt64,
        deadline: Tick
    ) -> UInt32? {
        guard let position = takeFreeEntry() else { return nil }
        unsafe (entries + Int(position)).initialize(to: connection)
        if connection.shape.isWide {
            unsafe (wide + Int(position))
                .initialize(
                    to: WideKeys(
                        clientSource: client.source,
                        clientDestination: client.destination,
                        backendSource: backend.source,
                        backendDestination: backend.destination
                    )
                )
        }
        let reference = position << 1
        guard index.insert(reference, under: clientHash) else {
            giveBack(position)
            return nil
        }
        if connection.shape.kind.isTwoWay {
            guard index.insert(reference | 1, under: hash(backend)) else {
                index.remove(reference, under: clientHash)
                giveBack(position)
                return nil
            }
        }
        unsafe wheel.arm(position, at: deadline, in: links)
        count &+= 1
        return reference
    }

    /// Makes the connection fire at `deadline`, earlier than it was armed for.
    public mutating func rearm(_ reference: UInt32, at deadline: Tick) {
        unsafe wheel.disarm(reference >> 1, in: links)
        unsafe wheel.arm(reference >> 1, at: deadline, in: links)
    }

    /// Stops the timer of a connection that is to be removed.
    mutating func disarm(_ reference: UInt32) { unsafe wheel.disarm(reference >> 1, in: links) }

    /// A connection whose timer has fired and is armed no more: arm it again or remove it.
    public mutating func nextFired(now: Tick) -> UInt32? {
        guard let position = unsafe wheel.next(dueAt: now, in: links) else { return nil }
        return position << 1
    }

    public mutating func arm(_ reference: UInt32, at deadline: Tick) {
        unsafe wheel.arm(reference >> 1, at: deadline, in: links)
    }

    /// Asks for the places in the index of a connection that is to be removed soon.
    public mutating func prefetchRemoval(of reference: UInt32) {
        index.prefetch(hash(flow(.inbound, of: reference)))
        index.prefetch(hash(flow(.outbound, of: reference)))
    }

    /// Removes a connection that is not armed.
    public mutating func removeFired(_ reference: UInt32) {
        let position = reference >> 1
        index.remove(position << 1, under: hash(flow(.inbound, of: reference)))
        if unsafe entry(reference).pointee.shape.kind.isTwoWay {
            index.remove(position << 1 | 1, under: hash(flow(.outbound, of: reference)))
        }
        giveBack(position)
        count &-= 1
    }

    // MARK: - Inside

    @inline(__always)
    private func matches<Tuple: FlowTuple>(
        _ reference: UInt32,
        _ tuple: Tuple,
        _ protocol: FlowProtocol
    ) -> Bool {
        let shape = unsafe entry(reference).pointee.shape
        let direction = reference & 1
        guard shape.isKey(direction, `protocol`, Tuple.self) else { return false }
        return key(direction == 0 ? .inbound : .outbound, of: reference, Tuple.self) == tuple
    }

    @inline(never)
    private mutating func search<Tuple: FlowTuple>(
        _ tuple: Tuple,
        _ protocol: FlowProtocol,
        _ hash: UInt64
    ) -> UInt32 {
        var search = TagIndex.Search(hash, in: index)
        while true {
            let reference = index.next(of: hash, in: &search)
            if reference == Self.none || matches(reference, tuple, `protocol`) { return reference }
        }
    }

    private mutating func takeFreeEntry() -> UInt32? {
        if free != TimerWheel.end {
            let position = free
            free = unsafe entries[Int(position)].timer.next
            return position
        }
        guard untouched < UInt32(capacity) else { return nil }
        untouched &+= 1
        return untouched &- 1
    }

    private mutating func giveBack(_ position: UInt32) {
        unsafe entries[Int(position)].backendSlot = .max
        unsafe entries[Int(position)].timer.next = free
        free = position
    }

    private var links: Links { unsafe Links(entries: entries) }

    @unsafe
    private struct Links: TimerLinks {
        let entries: UnsafeMutablePointer<Connection>

        func timerLinks(of entry: UInt32) -> UnsafeMutablePointer<TimerLink> {
            unsafe UnsafeMutableRawPointer(entries + Int(entry))
                .advanced(by: timerOffset)
                .assumingMemoryBound(to: TimerLink.self)
        }
    }
}

/// `MemoryLayout<Connection>.offset(of: \.timer)`, checked by a test: key paths cost a lookup.
let timerOffset = 28
