// SPDX-License-Identifier: Apache-2.0
import Balancing
import Packet
import Timing

/// Packets of connections that do more than rewrite addresses and ports.
extension Worker {
    @inline(never)
    mutating func forwardSpecially<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ transport: TransportPacket<Tuple>,
        along reference: UInt32,
        networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        unsafe carryClientAddress(
            packet,
            transport,
            along: reference,
            networkOffset: networkOffset,
            snapshot
        )
    }
}
