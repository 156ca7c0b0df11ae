// SPDX-License-Identifier: Apache-2.0
import CDPDK
public import Packet

/// One queue pair of a DPDK port, as one worker uses it: each call is one call of C for a burst.
@safe
public struct DPDKPort: PacketPort, @unchecked Sendable {
    private let port: UInt16
    private let receiveQueue: UInt16
    private let transmitQueue: UInt16
    private let pool: PacketPool
    public let traits: PortTraits

    init(
        port: UInt16,
        receiveQueue: Int,
        transmitQueue: Int,
        pool: PacketPool,
        traits: PortTraits
    ) {
        self.port = port
        self.receiveQueue = UInt16(receiveQueue)
        self.transmitQueue = UInt16(transmitQueue)
        self.pool = pool
        self.traits = traits
    }

    public func receive(into burst: inout Burst) {
        let room = UInt16(truncatingIfNeeded: burst.capacity &- burst.count)
        let received = unsafe CDPDK_receive(port, receiveQueue, burst.storage + burst.count, room)
        burst.count &+= Int(received)
    }

    public func transmit(_ burst: inout Burst) {
        let count = UInt16(truncatingIfNeeded: burst.count)
        let sent = unsafe CDPDK_transmit(port, transmitQueue, burst.storage, count)
        burst.removeFirst(Int(sent))
    }

    public func free(_ burst: inout Burst) {
        unsafe CDPDK_free(burst.storage, UInt32(truncatingIfNeeded: burst.count))
        burst.count = 0
    }

    public func allocate() -> Packet? {
        guard let buffer = unsafe CDPDK_allocate(pool.pointer) else { return nil }
        return unsafe Packet(owning: buffer)
    }
}
