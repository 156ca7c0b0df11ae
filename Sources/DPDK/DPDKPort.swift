// SPDX-License-Identifier: Apache-2.0
import CDPDK
public import Packet

/// One queue pair of a DPDK port, as one worker uses it: each call is one call of C for a burst.
@safe
public struct DPDKPort: PacketPort, @unchecked Sendable {
    struct Duties: OptionSet {
        var rawValue: UInt8

        /// LACP's own frames leave when something is transmitted, if only nothing.
        static let transmitControlFrames = Duties(rawValue: 1)
        /// Some clients know the bond by the address of a slave.
        static let restoreAddresses = Duties(rawValue: 2)
    }

    private let port: UInt16
    private let receiveQueue: UInt16
    private let transmitQueue: UInt16
    private let duties: Duties
    /// Whether the device raises receive interrupts where it is asked to.
    private let isInterrupted: Bool
    private let pool: PacketPool
    public let traits: PortTraits

    init(
        port: UInt16,
        receiveQueue: Int,
        transmitQueue: Int,
        duties: Duties,
        isInterrupted: Bool,
        pool: PacketPool,
        traits: PortTraits
    ) {
        self.port = port
        self.receiveQueue = UInt16(receiveQueue)
        self.transmitQueue = UInt16(transmitQueue)
        self.duties = duties
        self.isInterrupted = isInterrupted
        self.pool = pool
        self.traits = traits
    }

    public func receive(into burst: inout Burst) {
        let room = UInt16(truncatingIfNeeded: burst.capacity &- burst.count)
        let received = unsafe CDPDK_receive(port, receiveQueue, burst.storage + burst.count, room)
        if !duties.isEmpty { attend(burst, from: burst.count, received) }
        burst.count &+= Int(received)
    }

    /// What a bond needs beside packets: each turn comes by here.
    @inline(never)
    private func attend(_ burst: borrowing Burst, from first: Int, _ received: UInt16) {
        if duties.contains(.transmitControlFrames) {
            _ = unsafe CDPDK_transmit(port, transmitQueue, burst.storage, 0)
        }
        if duties.contains(.restoreAddresses) {
            unsafe CDPDK_bond_restore_address(port, burst.storage + first, received)
        }
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

    public func arm() { if isInterrupted { CDPDK_enable_interrupt(port, receiveQueue) } }

    public func disarm() { if isInterrupted { CDPDK_disable_interrupt(port, receiveQueue) } }

    public func allocate() -> Packet? {
        guard let buffer = unsafe CDPDK_allocate(pool.pointer) else { return nil }
        return unsafe Packet(owning: buffer)
    }
}
