// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// Finds the service that a packet addresses: open addressing, one probe as a rule.
///
/// A handle to immutable memory that the snapshot's maker destroys; the records belong to others.
@safe
public struct ServiceTable: BitwiseCopyable, @unchecked Sendable {
    private struct Slot: BitwiseCopyable {
        /// Address, port and protocol; 0 is an empty slot.
        var key: UInt64
        var record: ServiceRecord?
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let mask: UInt64

    public init(
        _ services: [(address: IPv4Address, port: UInt16, protocol: IPProtocol, ServiceRecord)]
    ) {
        var count = 16
        while count < services.count * 2 { count *= 2 }
        mask = UInt64(count - 1)
        unsafe slots = .allocate(capacity: count)
        unsafe slots.initialize(repeating: Slot(key: 0, record: nil), count: count)
        for (address, port, number, record) in services {
            let key = Self.key(
                address.rawValue.bigEndian,
                port.bigEndian,
                number.rawValue
            )
            var slot = Self.hash(key) & mask
            while unsafe slots[Int(slot)].key != 0 { slot = (slot &+ 1) & mask }
            unsafe slots[Int(slot)] = Slot(key: key, record: record)
        }
    }

    public func destroy() { unsafe slots.deallocate() }

    /// The service to which a packet with this destination belongs.
    public func service(for tuple: IPv4Tuple, _ protocolNumber: UInt8) -> ServiceRecord? {
        let key = Self.key(
            UInt32(truncatingIfNeeded: tuple.addresses >> 32),
            UInt16(truncatingIfNeeded: tuple.ports >> 16),
            protocolNumber
        )
        var slot = Self.hash(key) & mask
        while true {
            let found = unsafe slots[Int(slot)]
            if found.key == key { return found.record }
            if found.key == 0 { return nil }
            slot = (slot &+ 1) & mask
        }
    }

    private static func key(_ address: UInt32, _ port: UInt16, _ number: UInt8) -> UInt64 {
        UInt64(address) | UInt64(port) << 32 | UInt64(number) << 48 | 1 << 63
    }

    private static func hash(_ key: UInt64) -> UInt64 {
        let mixed = key &* 0x9E37_79B9_7F4A_7C15
        return mixed ^ mixed >> 32
    }
}
