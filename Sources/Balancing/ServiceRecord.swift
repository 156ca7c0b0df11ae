// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// A backend as the packet path sees it: addresses as they go onto the wire.
public struct BackendRecord: BitwiseCopyable, Sendable {
    /// In wire order.
    public var address: UInt32
    /// In wire order.
    public var port: UInt16
    /// Where its counters are; the same through all snapshots.
    public var slot: UInt32
    /// What it adds to the flow hash of its replies.
    var flowHash: UInt32

    public init(address: IPv4Address, port: UInt16, slot: UInt32, steering: FlowSteering) {
        self.address = address.rawValue.bigEndian
        self.port = port.bigEndian
        self.slot = slot
        flowHash = steering.flowHash(ofBackend: self.address, port: self.port)
    }

    /// Chooses the sub-pool of local ports.
    var endpointHash: UInt64 { Self.endpointHash(address, port) }

    static func endpointHash(_ address: UInt32, _ port: UInt16) -> UInt64 {
        let mixed = (UInt64(address) | UInt64(port) << 32) &* 0x9E37_79B9_7F4A_7C15
        return mixed >> 40
    }
}

/// A local address as the packet path sees it.
public struct LocalAddressRecord: BitwiseCopyable, Sendable {
    /// In wire order.
    public var address: UInt32
    /// Where its port pools are; the same through all snapshots.
    public var slot: UInt16
    /// What it adds to the flow hash of replies to it.
    var flowHash: UInt32

    public init(address: IPv4Address, slot: UInt16, steering: FlowSteering) {
        self.address = address.rawValue.bigEndian
        self.slot = slot
        flowHash = steering.flowHash(ofLocalAddress: self.address)
    }
}

/// One service, compiled: flat, immutable, shared by every snapshot in which it is the same.
///
/// The scheduler is a sequence of backends that new connections walk through in a circle; a
/// backend stands in it as often as its weight asks, evenly spread. A handle to memory that its
/// maker destroys.
@safe
public struct ServiceRecord: BitwiseCopyable, @unchecked Sendable {
    /// Where its cursors are; the same through all snapshots.
    public let slot: UInt32
    private let sequence: UnsafeMutablePointer<BackendRecord>
    private let localAddresses: UnsafeMutablePointer<LocalAddressRecord>
    public let sequenceCount: UInt32
    public let localAddressCount: UInt32

    public init(
        slot: UInt32,
        sequence: [BackendRecord],
        localAddresses: [LocalAddressRecord]
    ) {
        self.slot = slot
        sequenceCount = UInt32(sequence.count)
        localAddressCount = UInt32(localAddresses.count)
        unsafe self.sequence = .allocate(capacity: max(1, sequence.count))
        unsafe self.localAddresses = .allocate(capacity: max(1, localAddresses.count))
        for (index, backend) in sequence.enumerated() {
            unsafe (self.sequence + index).initialize(to: backend)
        }
        for (index, address) in localAddresses.enumerated() {
            unsafe (self.localAddresses + index).initialize(to: address)
        }
    }

    public func destroy() {
        unsafe sequence.deallocate()
        unsafe localAddresses.deallocate()
    }

    /// The backend at a place of the sequence; `position` is below `sequenceCount`.
    public func backend(at position: UInt32) -> BackendRecord {
        assert(position < sequenceCount)
        return unsafe sequence[Int(position)]
    }

    public func localAddress(at position: UInt32) -> LocalAddressRecord {
        assert(position < localAddressCount)
        return unsafe localAddresses[Int(position)]
    }
}
