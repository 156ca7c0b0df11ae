// SPDX-License-Identifier: Apache-2.0
import CLinux

/// The ports of one local address that one worker may use, one bit each.
///
/// A port may serve several backends at once, so there are independent sub-pools, chosen by a hash
/// of the backend's endpoint (`sa_pool/pool_hash_size`). A sub-pool hands ports out in circular
/// order: a freed port waits longest before it is used again. The control side makes pools and
/// destroys them when `used` is 0 and every worker has left the snapshots that name them; in
/// between, one worker owns the handle's memory.
///
///     header: used | exhausted | per sub-pool: { used, cursor }     bits: sub-pool x words
@safe
public struct LocalPortPool: BitwiseCopyable, @unchecked Sendable {
    /// The ports of the whole pool, of which each worker owns a share; those below are reserved.
    public static let ports = 1025...65535

    private let base: UnsafeMutablePointer<UInt64>
    private let firstPort: UInt32
    private let portCount: UInt32
    private let wordCount: Int
    private let subPoolMask: Int

    private enum Header {
        static let used = 0, exhausted = 1, subPools = 2
    }

    /// The share of `worker` among `workers`; nil when memory is short.
    ///
    /// Shares are contiguous, so that `owner(of:)` is one multiplication. `subPools` is rounded up
    /// to a power of two.
    public init?(worker: Int, of workers: Int, subPools: Int) {
        let share = Self.share(of: worker, among: workers)
        firstPort = UInt32(share.lowerBound)
        portCount = UInt32(share.count)
        wordCount = (share.count + 63) / 64
        var count = 1
        while count < subPools { count *= 2 }
        subPoolMask = count - 1
        let words = Header.subPools + count * (2 + wordCount)
        guard let memory = unsafe CLinux_map_lazily(words * 8) else { return nil }
        unsafe base = memory.assumingMemoryBound(to: UInt64.self)
    }

    public func destroy() {
        let words = Header.subPools + (subPoolMask + 1) * (2 + wordCount)
        unsafe CLinux_unmap_lazily(base, words * 8)
    }

    // MARK: - Ownership of ports

    /// The worker that owns `port` of every local address, when there are `workers`.
    public static func owner(of port: UInt16, among workers: Int) -> Int {
        let offset = max(0, Int(port) &- ports.lowerBound)
        return (offset &* workers) / ports.count
    }

    /// The ports that `worker` owns.
    static func share(of worker: Int, among workers: Int) -> Range<Int> {
        func start(_ worker: Int) -> Int {
            ports.lowerBound + (worker * ports.count + workers - 1) / workers
        }
        return start(worker)..<start(worker + 1)
    }

    // MARK: - The owning worker

    /// A free port for a backend whose endpoint hashes to `hash`, or nil: counted as exhausted.
    public func allocate(hash: UInt64) -> UInt16? {
        let subPool = Int(truncatingIfNeeded: hash) & subPoolMask
        let state = unsafe base + Header.subPools + subPool &* 2
        guard unsafe state[0] < UInt64(portCount) else {
            unsafe base[Header.exhausted] &+= 1
            return nil
        }
        let words = unsafe bits(of: subPool)
        let cursor = unsafe Int(state[1])
        var word = cursor >> 6
        // Bits before the cursor in its word count as taken on the way round.
        var taken = unsafe words[word] | (1 << UInt64(cursor & 63) &- 1)
        while true {
            let bit = (~taken).trailingZeroBitCount
            let offset = word &* 64 &+ bit
            if bit < 64, offset < Int(portCount) {
                unsafe words[word] |= 1 << UInt64(bit)
                unsafe state[0] &+= 1
                unsafe state[1] = UInt64(offset &+ 1 == Int(portCount) ? 0 : offset &+ 1)
                unsafe base[Header.used] &+= 1
                return UInt16(truncatingIfNeeded: Int(firstPort) &+ offset)
            }
            word = word &+ 1 == wordCount ? 0 : word &+ 1
            taken = unsafe words[word]
        }
    }

    /// Gives back `port`, which `allocate(hash:)` gave out for the same `hash`.
    public func release(_ port: UInt16, hash: UInt64) {
        let subPool = Int(truncatingIfNeeded: hash) & subPoolMask
        let offset = Int(port) &- Int(firstPort)
        let mask: UInt64 = 1 << UInt64(offset & 63)
        let word = unsafe bits(of: subPool) + offset >> 6
        assert(unsafe word.pointee & mask != 0, "a port was released twice")
        unsafe word.pointee &= ~mask
        unsafe (base + Header.subPools + subPool &* 2).pointee &-= 1
        unsafe base[Header.used] &-= 1
    }

    // MARK: - Any thread

    /// Ports given out now.
    public var used: UInt64 { unsafe base[Header.used] }
    /// Refusals since the start.
    public var exhausted: UInt64 { unsafe base[Header.exhausted] }
    /// Ports that can be given out at most.
    public var capacity: UInt64 { UInt64(portCount) * UInt64(subPoolMask + 1) }

    private func bits(of subPool: Int) -> UnsafeMutablePointer<UInt64> {
        unsafe base + Header.subPools + (subPoolMask &+ 1) &* 2 + subPool &* wordCount
    }
}
