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
/// A handle to memory that its maker destroys, the scheduler's included.
@safe
public struct ServiceRecord: BitwiseCopyable, @unchecked Sendable {
    /// Where its cursors are; the same through all snapshots.
    public let slot: UInt32
    public let localAddressCount: UInt32
    private let backends: UnsafeMutablePointer<BackendRecord>
    private let localAddresses: UnsafeMutablePointer<LocalAddressRecord>
    public let scheduler: Scheduler

    public init(
        slot: UInt32,
        backends: [BackendRecord],
        scheduler: Scheduler,
        localAddresses: [LocalAddressRecord]
    ) {
        self.slot = slot
        precondition(backends.count == scheduler.memberCount)
        self.scheduler = scheduler
        localAddressCount = UInt32(localAddresses.count)
        unsafe self.backends = .allocate(capacity: max(1, backends.count))
        unsafe self.localAddresses = .allocate(capacity: max(1, localAddresses.count))
        for (index, backend) in backends.enumerated() {
            unsafe (self.backends + index).initialize(to: backend)
        }
        for (index, address) in localAddresses.enumerated() {
            unsafe (self.localAddresses + index).initialize(to: address)
        }
    }

    public func destroy() {
        unsafe backends.deallocate()
        unsafe localAddresses.deallocate()
        scheduler.destroy()
    }

    /// The backend at a place of the service's list, as the scheduler names it.
    public func backend(at index: UInt32) -> BackendRecord {
        assert(index < scheduler.memberCount)
        return unsafe backends[Int(index)]
    }

    public func localAddress(at position: UInt32) -> LocalAddressRecord {
        assert(position < localAddressCount)
        return unsafe localAddresses[Int(position)]
    }
}
