// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// Finds the service that a packet addresses: open addressing, one probe as a rule.
///
/// A handle to immutable memory that the snapshot's maker destroys; the records belong to others.
@safe
public struct ServiceTable: BitwiseCopyable, @unchecked Sendable {
    private struct Slot: BitwiseCopyable {
        var address: WireAddress
        /// Port and protocol; 0 is an empty slot.
        var tail: UInt32
        var record: ServiceRecord?
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let mask: UInt64

    public init(
        _ services: [(address: IPAddress, port: UInt16, protocol: FlowProtocol, ServiceRecord)]
    ) {
        var count = 16
        while count < services.count * 2 { count *= 2 }
        mask = UInt64(count - 1)
        unsafe slots = .allocate(capacity: count)
        unsafe slots.initialize(repeating: Slot(address: .zero, tail: 0, record: nil), count: count)
        for (address, port, number, record) in services {
            let address = WireAddress(address)
            let tail = Self.tail(port.bigEndian, number)
            var slot = Self.hash(address, tail) & mask
            while unsafe slots[Int(slot)].tail != 0 { slot = (slot &+ 1) & mask }
            unsafe slots[Int(slot)] = Slot(address: address, tail: tail, record: record)
        }
    }

    public func destroy() { unsafe slots.deallocate() }

    /// The service to which a packet with this destination belongs.
    public func service(for flow: Flow) -> ServiceRecord? {
        // Services of queries have no port.
        let port = flow.protocol.isQuery ? 0 : UInt16(truncatingIfNeeded: flow.ports >> 16)
        let tail = Self.tail(port, flow.protocol)
        var slot = Self.hash(flow.destination, tail) & mask
        while true {
            let found = unsafe slots + Int(slot)
            if unsafe found.pointee.tail == tail, unsafe found.pointee.address == flow.destination {
                return unsafe found.pointee.record
            }
            if unsafe found.pointee.tail == 0 { return nil }
            slot = (slot &+ 1) & mask
        }
    }

    private static func tail(_ port: UInt16, _ protocol: FlowProtocol) -> UInt32 {
        UInt32(port) | UInt32(`protocol`.rawValue) << 16 | 1 << 31
    }

    private static func hash(_ address: WireAddress, _ tail: UInt32) -> UInt64 {
        let mixed = (address.mixed ^ UInt64(tail)) &* 0x9E37_79B9_7F4A_7C15
        return mixed ^ mixed >> 32
    }
}
