// SPDX-License-Identifier: Apache-2.0
import CLinux

/// The ports of one local address that one worker may use, one bit each.
///
/// A port may serve several backends at once, so there are independent sub-pools, chosen by a hash
/// of the backend's endpoint (`sa_pool/pool_hash_size`). For each flow `FlowSteering` says which
/// classes of ports bring the replies back to this worker; the pool goes round these classes, and
/// in each class round its ports, so that a port that came back waits long before it is used again.
/// The order of the classes, and of the ports in each, is the pool's own and random, so that strangers
/// cannot tell which ports are in use or come next (RFC 6056).
/// The control side makes pools and destroys them when `used` is 0 and every worker has left the
/// snapshots that name them; in between, one worker owns the handle's memory.
///
///     header: used | exhausted     sub-pool: turn, flag | class: in use, next place | bits by class
@safe
public struct LocalPortPool: BitwiseCopyable, @unchecked Sendable {
    /// The ports of the whole pool, of which each worker owns a share; those below are reserved.
    public static let ports = 1025...65535

    private enum Layout {
        static let used = 0, exhausted = 1, subPools = 2
        /// Of a sub-pool: the next place in the worker's table, and whether the reserved ports are
        /// taken out.
        static let turn = 0, isPrepared = 1, classes = 2
        static let bits = 65536 / 64
    }

    private struct ClassState: BitwiseCopyable {
        var inUse: UInt16
        /// Where the search for a free port begins.
        var next: UInt16
    }

    private let base: UnsafeMutablePointer<UInt64>
    private let steering: FlowSteering
    private let worker: Int
    private let placeCount: Int
    private let subPoolMask: Int
    private let order: PortOrder

    /// The share of `worker` under `steering`; nil when memory is short.
    ///
    /// `subPools` is rounded up to a power of two. Memory is touched as ports are used.
    public init?(worker: Int, steering: FlowSteering, subPools: Int) {
        self.init(
            worker: worker,
            steering: steering,
            subPools: subPools,
            order: .random(turns: steering.placeCount(of: worker))
        )
    }

    private init?(worker: Int, steering: FlowSteering, subPools: Int, order: PortOrder) {
        self.order = order
        self.steering = steering
        self.worker = worker
        placeCount = steering.placeCount(of: worker)
        var count = 1
        while count < subPools { count *= 2 }
        subPoolMask = count - 1
        let size = Self.size(steering, subPools: count)
        guard let memory = unsafe CLinux_map_lazily(size) else { return nil }
        unsafe base = memory.assumingMemoryBound(to: UInt64.self)
    }

    public func destroy() {
        unsafe CLinux_unmap_lazily(base, Self.size(steering, subPools: subPoolMask + 1))
    }

    /// Octets of a pool.
    private static func size(_ steering: FlowSteering, subPools: Int) -> Int {
        (Layout.subPools + subPools * stride(steering)) * 8
    }

    /// Words of a sub-pool.
    private static func stride(_ steering: FlowSteering) -> Int {
        Layout.classes + steering.classCount / 2 + Layout.bits
    }

    /// A copy with memory of its own; nil when memory is short.
    ///
    /// For looking at what a worker would do: what it does meanwhile may be in the copy or not.
    func copy() -> LocalPortPool? {
        let copy = LocalPortPool(
            worker: worker,
            steering: steering,
            subPools: subPoolMask + 1,
            order: order
        )
        guard let copy else { return nil }
        let words = Self.size(steering, subPools: subPoolMask + 1) / 8
        for index in 0..<words where unsafe base[index] != 0 {
            unsafe copy.base[index] = unsafe base[index]
        }
        return copy
    }

    // MARK: - The owning worker

    /// A free port for a backend whose endpoint hashes to `hash`, such that replies of the flow
    /// come to this worker; or nil: counted as exhausted.
    public func allocate(hash: UInt64, flowHash: UInt32) -> UInt16? {
        let pool = unsafe subPool(hash)
        if unsafe pool[Layout.isPrepared] == 0 { unsafe prepare(pool) }
        var turn = unsafe Int(pool[Layout.turn])
        for _ in 0..<placeCount {
            let portClass = steering.portClass(atPlace: turn, of: worker, flowHash: flowHash)
            turn &+= order.stride
            if turn >= placeCount { turn &-= placeCount }
            let state = unsafe state(of: portClass, in: pool)
            guard unsafe Int(state.pointee.inUse) < steering.classSize else { continue }
            unsafe pool[Layout.turn] = UInt64(turn)
            let place = unsafe takeFree(portClass, state, in: pool)
            unsafe base[Layout.used] &+= 1
            return steering.port(in: portClass, rank: order.rank(at: place) & classMask)
        }
        unsafe base[Layout.exhausted] &+= 1
        return nil
    }

    /// Takes a certain port, as `allocate` would have for the same `hash`; false when it is taken
    /// or reserved.
    public func hold(_ port: UInt16, hash: UInt64) -> Bool {
        let pool = unsafe subPool(hash)
        if unsafe pool[Layout.isPrepared] == 0 { unsafe prepare(pool) }
        let portClass = Int(steering.portClass(of: port))
        let place = self.place(of: port, in: portClass)
        let mask: UInt64 = 1 << UInt64(place & 63)
        let word = unsafe bits(of: portClass, in: pool) + place >> 6
        guard unsafe word.pointee & mask == 0 else { return false }
        unsafe word.pointee |= mask
        unsafe state(of: portClass, in: pool).pointee.inUse &+= 1
        unsafe base[Layout.used] &+= 1
        return true
    }

    /// Gives back `port`, which `allocate` gave out for the same `hash`.
    public func release(_ port: UInt16, hash: UInt64) {
        let pool = unsafe subPool(hash)
        let portClass = Int(steering.portClass(of: port))
        let place = self.place(of: port, in: portClass)
        let mask: UInt64 = 1 << UInt64(place & 63)
        let word = unsafe bits(of: portClass, in: pool) + place >> 6
        assert(unsafe word.pointee & mask != 0, "a port was released twice")
        unsafe word.pointee &= ~mask
        unsafe state(of: portClass, in: pool).pointee.inUse &-= 1
        unsafe base[Layout.used] &-= 1
    }

    // MARK: - Any thread

    /// Ports given out now.
    public var used: UInt64 { unsafe base[Layout.used] }
    /// Refusals since the start.
    public var exhausted: UInt64 { unsafe base[Layout.exhausted] }
    /// Ports that can be given out when every sub-pool serves one backend.
    public var capacity: UInt64 {
        UInt64(steering.portCount(of: worker) * (subPoolMask + 1))
    }

    // MARK: - Inside

    /// Takes the reserved ports out, once a sub-pool.
    @inline(never)
    private func prepare(_ pool: UnsafeMutablePointer<UInt64>) {
        for port in 0..<UInt16(Self.ports.lowerBound) {
            let portClass = Int(steering.portClass(of: port))
            let place = self.place(of: port, in: portClass)
            unsafe bits(of: portClass, in: pool)[place >> 6] |= 1 << UInt64(place & 63)
            unsafe state(of: portClass, in: pool).pointee.inUse &+= 1
        }
        unsafe pool[Layout.turn] = UInt64(order.firstTurn)
        unsafe pool[Layout.isPrepared] = 1
    }

    /// Takes the next free port of a class, which has one, in circular order.
    private func takeFree(
        _ portClass: Int,
        _ state: UnsafeMutablePointer<ClassState>,
        in pool: UnsafeMutablePointer<UInt64>
    ) -> Int {
        let words = unsafe bits(of: portClass, in: pool)
        let wordMask = steering.classSize / 64 &- 1
        let start = unsafe Int(state.pointee.next)
        var word = start >> 6
        // Bits before the start in its word count as taken on the way round.
        var taken = unsafe words[word] | (1 << UInt64(start & 63) &- 1)
        while taken == .max {
            word = (word &+ 1) & wordMask
            taken = unsafe words[word]
        }
        let bit = (~taken).trailingZeroBitCount
        unsafe words[word] |= 1 << UInt64(bit)
        let place = word &* 64 &+ bit
        unsafe state.pointee.inUse &+= 1
        unsafe state.pointee.next = UInt16((place &+ 1) & classMask)
        return place
    }

    private var classMask: Int { steering.classSize &- 1 }

    /// Where a port stands in the order in which the ports of its class are given out.
    private func place(of port: UInt16, in portClass: Int) -> Int {
        order.place(of: steering.rank(of: port, in: portClass)) & classMask
    }

    private func subPool(_ hash: UInt64) -> UnsafeMutablePointer<UInt64> {
        let number = Int(truncatingIfNeeded: hash) & subPoolMask
        return unsafe base + Layout.subPools + number &* Self.stride(steering)
    }

    private func state(
        of portClass: Int,
        in pool: UnsafeMutablePointer<UInt64>
    ) -> UnsafeMutablePointer<ClassState> {
        unsafe UnsafeMutableRawPointer(pool + Layout.classes)
            .assumingMemoryBound(to: ClassState.self) + portClass
    }

    private func bits(
        of portClass: Int,
        in pool: UnsafeMutablePointer<UInt64>
    ) -> UnsafeMutablePointer<UInt64> {
        let states = steering.classCount / 2
        return unsafe pool + Layout.classes + states + portClass &* (steering.classSize / 64)
    }
}

/// In which order a pool gives out its ports.
private struct PortOrder: BitwiseCopyable {
    /// From one class to the next; has no divisor in common with their number, so that each has its turn.
    let stride: Int
    let firstTurn: Int
    // In a class `rank = place * factor + offset`; since the factor is odd, every power of two of
    // places is every rank once.
    private let factor: Int
    private let inverse: Int
    private let offset: Int

    static func random(turns: Int) -> PortOrder {
        let factor = Int.random(in: 0..<1 << 15) << 1 | 1
        // Newton's iteration: each step doubles the low bits that are right, beginning with three.
        var inverse = factor
        for _ in 0..<3 { inverse = inverse &* (2 &- factor &* inverse) }
        var stride = 1
        for _ in 0..<100 where turns > 2 {
            stride = Int.random(in: 1..<turns)
            if greatestCommonDivisor(stride, turns) == 1 { break }
            stride = 1
        }
        return PortOrder(
            stride: stride,
            firstTurn: .random(in: 0..<max(1, turns)),
            factor: factor,
            inverse: inverse,
            offset: .random(in: 0..<1 << 16)
        )
    }

    /// Higher bits than those of the numbers mean nothing.
    func rank(at place: Int) -> Int { place &* factor &+ offset }
    func place(of rank: Int) -> Int { (rank &- offset) &* inverse }
}
