// SPDX-License-Identifier: Apache-2.0
import CDPDK

/// A pool of packet buffers in DPDK's memory.
///
/// A handle; the memory is freed with `destroy`.
@safe
public struct PacketPool: BitwiseCopyable, @unchecked Sendable {
    let pointer: OpaquePointer
    public let size: Int

    /// Makes a pool of `size` buffers, each with room for a frame of `frameSize` octets.
    ///
    /// `cache` buffers stay with each lcore; `socket` is the memory's place, -1 for any.
    public init(
        name: String,
        size: Int,
        cache: Int,
        frameSize: Int,
        socket: Int
    ) throws(DPDKError) {
        var error: Int32 = 0
        // A cache may hold at most two thirds of the pool, and never more than DPDK's limit.
        let cache = min(cache, 512, size * 2 / 3)
        let made = unsafe name.withCString { name in
            unsafe CDPDK_make_pool(
                name,
                UInt32(size),
                UInt32(cache),
                UInt16(frameSize),
                Int32(socket),
                &error
            )
        }
        guard let made = unsafe made else {
            throw DPDKError("rte_pktmbuf_pool_create", error, on: "\(name), \(size) buffers")
        }
        unsafe pointer = unsafe made
        self.size = size
    }

    public func destroy() { unsafe CDPDK_free_pool(pointer) }

    /// Whether all buffers lie behind one another, as AF_XDP registers them with the kernel.
    public var isOnePiece: Bool { unsafe CDPDK_pool_is_one_piece(pointer) }

    /// Buffers that are in the pool or in a cache of it.
    public var available: Int { unsafe Int(CDPDK_pool_available(pointer)) }
    public var inUse: Int { unsafe Int(CDPDK_pool_in_use(pointer)) }
}
