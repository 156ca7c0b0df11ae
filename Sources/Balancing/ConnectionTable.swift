// SPDX-License-Identifier: Apache-2.0
import CLinux
import CPacket
import Containers
public import Timing

/// All connections of one worker: a slab of entries, an index with two keys each, a timer wheel.
///
/// A reference is what the index stores: the entry's position and, in the lowest bit, by which of
/// the two keys it was found, which is the packet's direction.
@safe
public struct ConnectionTable: ~Copyable {
    public static let none = TagIndex.none

    private let entries: UnsafeMutablePointer<Connection>
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

    /// Room for `capacity` connections; nil when memory is short.
    ///
    /// `seed` is random and secret, so that nobody can choose tuples that collide.
    public init?(capacity: Int, seed: UInt64, now: Tick) {
        precondition((1...(1 << 30)).contains(capacity))
        self.capacity = capacity
        key = HashKey(seed: seed)
        guard
            let memory = unsafe CLinux_map_table(capacity * MemoryLayout<Connection>.stride),
            let index = TagIndex(keys: capacity * 2)
        else { return nil }
        unsafe entries = memory.assumingMemoryBound(to: Connection.self)
        self.index = index
        wheel = TimerWheel(start: now)
    }

    deinit { unsafe CLinux_unmap_table(entries, capacity * MemoryLayout<Connection>.stride) }

    /// Octets of memory for one connection at full capacity, its index included.
    public var bytesPerConnection: Double {
        Double(MemoryLayout<Connection>.stride) + Double(index.byteCount) / Double(capacity)
    }

    // MARK: - Look-ahead, in passes over a burst

    // These change nothing, but a borrowed struct of this size is copied onto the stack for each
    // call, and a mutated one is passed by its address.

    public mutating func hash(_ tuple: IPv4Tuple, _ protocolNumber: UInt8) -> UInt64 {
        tuple.hash(protocolNumber, key: key)
    }

    /// Pass one: asks for the index bucket.
    public mutating func prefetch(_ hash: UInt64) { index.prefetch(hash) }

    /// Pass two: the reference that probably fits; asks for its entry.
    public mutating func candidate(_ hash: UInt64) -> UInt32 {
        let reference = index.candidate(for: hash)
        if reference != Self.none { unsafe CPacket_prefetch_write(entry(reference)) }
        return reference
    }

    /// Pass three: the reference that fits, or `none`.
    public mutating func find(
        _ tuple: IPv4Tuple,
        _ protocolNumber: UInt8,
        hash: UInt64,
        candidate: UInt32
    ) -> UInt32 {
        if candidate == Self.none { return search(tuple, protocolNumber, hash) }
        if matches(candidate, tuple, protocolNumber) { return candidate }
        return search(tuple, protocolNumber, hash)
    }

    // MARK: - Entries

    /// The entry behind a reference; valid until the connection is removed.
    public func entry(_ reference: UInt32) -> UnsafeMutablePointer<Connection> {
        unsafe entries + Int(reference >> 1)
    }

    /// Adds a connection that fires at `deadline`; nil when the table is full.
    public mutating func insert(
        _ connection: Connection,
        clientHash: UInt64,
        deadline: Tick
    ) -> UInt32? {
        guard let position = takeFreeEntry() else { return nil }
        unsafe (entries + Int(position)).initialize(to: connection)
        let reference = position << 1
        guard index.insert(reference, under: clientHash) else {
            giveBack(position)
            return nil
        }
        let backendHash = hash(connection.backendTuple, connection.protocolNumber)
        guard index.insert(reference | 1, under: backendHash) else {
            index.remove(reference, under: clientHash)
            giveBack(position)
            return nil
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

    /// A connection whose timer has fired and is armed no more: arm it again or remove it.
    public mutating func nextFired(now: Tick) -> UInt32? {
        guard let position = unsafe wheel.next(dueAt: now, in: links) else { return nil }
        return position << 1
    }

    public mutating func arm(_ reference: UInt32, at deadline: Tick) {
        unsafe wheel.arm(reference >> 1, at: deadline, in: links)
    }

    /// Asks for both places in the index of a connection that is to be removed soon.
    public mutating func prefetchRemoval(of reference: UInt32) {
        let connection = unsafe entry(reference).pointee
        index.prefetch(hash(connection.clientTuple, connection.protocolNumber))
        index.prefetch(hash(connection.backendTuple, connection.protocolNumber))
    }

    /// Removes a connection that is not armed.
    public mutating func removeFired(_ reference: UInt32) {
        let connection = unsafe entry(reference).pointee
        let position = reference >> 1
        index.remove(
            position << 1,
            under: hash(connection.clientTuple, connection.protocolNumber)
        )
        index.remove(
            position << 1 | 1,
            under: hash(connection.backendTuple, connection.protocolNumber)
        )
        giveBack(position)
        count &-= 1
    }

    // MARK: - Inside

    private func matches(_ reference: UInt32, _ tuple: IPv4Tuple, _ number: UInt8) -> Bool {
        let entry = unsafe entry(reference)
        let isClient = reference & 1 == 0
        let addresses =
            unsafe isClient ? entry.pointee.clientAddresses : entry.pointee.backendAddresses
        let ports = unsafe isClient ? entry.pointee.clientPorts : entry.pointee.backendPorts
        let entryNumber = unsafe entry.pointee.protocolNumber
        return addresses == tuple.addresses && ports == tuple.ports && entryNumber == number
    }

    @inline(never)
    private mutating func search(_ tuple: IPv4Tuple, _ number: UInt8, _ hash: UInt64) -> UInt32 {
        var search = TagIndex.Search(hash, in: index)
        while true {
            let reference = index.next(of: hash, in: &search)
            if reference == Self.none || matches(reference, tuple, number) { return reference }
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
let timerOffset = 52
