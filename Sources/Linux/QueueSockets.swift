// SPDX-License-Identifier: Apache-2.0
import CLinux

/// Sockets of this process behind which DPDK's drivers keep the queues of kernel interfaces.
package enum QueueSockets {
    /// More queues than one interface has here.
    private static let capacity = 256

    /// Those of AF_PACKET on interface number `index`, in the order of their queues: a driver opens
    /// them one after another, and the kernel gives the lowest free number.
    package static func packet(on index: UInt32) -> [Int32] {
        unsafe collect { unsafe CLinux_find_packet_sockets(index, $0, $1) }
    }

    /// All of AF_XDP, in order.
    package static var xdp: [Int32] { unsafe collect { unsafe CLinux_find_xdp_sockets($0, $1) } }

    /// Whether a socket of AF_XDP gets its frames from the device's driver without a copy.
    package static func isZeroCopy(_ socket: Int32) -> Bool { CLinux_is_zero_copy(socket) == 1 }

    private static func collect(
        _ find: (UnsafeMutablePointer<Int32>?, Int32) -> Int32
    ) -> [Int32] {
        unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: capacity) { found in
            unsafe found.initialize(repeating: -1)
            let count = unsafe find(found.baseAddress, Int32(capacity))
            return unsafe Array(found.prefix(max(0, Int(count))))
        }
    }
}
