// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// What belongs to each of some addresses: open addressing, at most half full.
///
/// A handle to immutable memory that its maker destroys.
@safe
public struct AddressTable: BitwiseCopyable, @unchecked Sendable {
    private struct Slot: BitwiseCopyable {
        var address: WireAddress
        var value: UInt32
        var isUsed: Bool
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let mask: UInt64

    public init(_ values: [(IPAddress, UInt32)]) {
        var count = 4
        while count < values.count * 2 { count *= 2 }
        mask = UInt64(count - 1)
        unsafe slots = .allocate(capacity: count)
        unsafe slots.initialize(
            repeating: Slot(address: .zero, value: 0, isUsed: false),
            count: count
        )
        for (address, value) in values {
            let address = WireAddress(address)
            var slot = address.mixed & mask
            while unsafe slots[Int(slot)].isUsed { slot = (slot &+ 1) & mask }
            unsafe slots[Int(slot)] = Slot(address: address, value: value, isUsed: true)
        }
    }

    public func destroy() { unsafe slots.deallocate() }

    public func value(for address: WireAddress) -> UInt32? {
        var slot = address.mixed & mask
        while true {
            let found = unsafe slots + Int(slot)
            guard unsafe found.pointee.isUsed else { return nil }
            if unsafe found.pointee.address == address { return unsafe found.pointee.value }
            slot = (slot &+ 1) & mask
        }
    }
}
