// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// A backend as the packet path sees it: addresses as they go onto the wire.
public struct BackendRecord: BitwiseCopyable, Sendable {
    public var address: WireAddress
    /// In wire order; 0: the port that the client asked.
    public var port: UInt16
    /// Where its counters are; the same through all snapshots.
    public var slot: UInt32
    /// What it adds to the flow hash of its replies.
    var flowHash: UInt32

    public init(address: IPAddress, port: UInt16, slot: UInt32, steering: FamilySteering) {
        self.address = WireAddress(address)
        self.port = port.bigEndian
        self.slot = slot
        flowHash = 0
        take(self.port, steering)
    }

    /// A host that no service lists, such as SNAT talks to; `port` is in wire order.
    init(_ address: WireAddress, port: UInt16, slot: UInt32, _ steering: FamilySteering) {
        self.address = address
        self.port = port
        self.slot = slot
        flowHash = 0
        take(port, steering)
    }

    /// Gives the backend another port, in wire order.
    mutating func take(_ port: UInt16, _ steering: FamilySteering) {
        self.port = port
        flowHash = steering.of(isIPv6: address.isIPv6).flowHash(ofBackend: address, port: port)
    }
}

/// Chooses the sub-pool of local ports.
@inline(__always)
func endpointHash(_ address: WireAddress, _ port: UInt16) -> UInt64 {
    // Every bit of the address counts in every bit of the result: neighbours go to other pools.
    let mixed = (address.mixed ^ UInt64(port)) &* 0x9E37_79B9_7F4A_7C15
    return mixed >> 40
}

/// A local address as the packet path sees it.
public struct LocalAddressRecord: BitwiseCopyable, Sendable {
    public var address: WireAddress
    /// Where its port pools are; the same through all snapshots.
    public var slot: UInt16
    /// What it adds to the flow hash of replies to it.
    var flowHash: UInt32

    public init(address: IPAddress, slot: UInt16, steering: FamilySteering) {
        self.address = WireAddress(address)
        self.slot = slot
        flowHash = steering.of(isIPv6: self.address.isIPv6)
            .flowHash(ofLocalAddress: self.address)
    }
}

/// One service, compiled: flat, immutable, shared by every snapshot in which it is the same.
///
/// A handle to memory that its maker destroys, the scheduler's included.
@safe
public struct ServiceRecord: BitwiseCopyable, @unchecked Sendable {
    private let backends: UnsafeMutablePointer<BackendRecord>
    private let localAddresses: UnsafeMutablePointer<LocalAddressRecord>
    let quic: QUICRouting?
    public let scheduler: Scheduler
    /// Where its cursors are; the same through all snapshots.
    public let slot: UInt32
    /// Local addresses of IPv4, which stand first, and all of them.
    private let ipv4LocalCount: UInt32
    private let localCount: UInt32
    public let kind: ConnectionKind
    /// Its options lie behind its backends.
    private let hasOptions: Bool
    let limits: ServiceLimits
    public let clientAddress: ClientAddressRule

    public init(
        slot: UInt32,
        kind: ConnectionKind,
        clientAddress: ClientAddressRule = .none,
        backends: [BackendRecord],
        scheduler: Scheduler,
        localAddresses: [LocalAddressRecord],
        quic: QUICRouting? = nil,
        options: ServiceOptions? = nil,
        limits: ServiceLimits = ServiceLimits()
    ) {
        self.limits = limits
        self.slot = slot
        self.quic = quic
        self.kind = kind
        self.clientAddress = clientAddress
        precondition(backends.count == scheduler.memberCount)
        self.scheduler = scheduler
        let ipv4 = localAddresses.filter { !$0.address.isIPv6 }
        let localAddresses = ipv4 + localAddresses.filter { $0.address.isIPv6 }
        ipv4LocalCount = UInt32(ipv4.count)
        localCount = UInt32(localAddresses.count)
        let size =
            backends.count * MemoryLayout<BackendRecord>.stride
            + MemoryLayout<ServiceOptions>.stride
        unsafe self.backends = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
            .assumingMemoryBound(to: BackendRecord.self)
        unsafe self.localAddresses = .allocate(capacity: max(1, localAddresses.count))
        hasOptions = options != nil
        if let options {
            unsafe UnsafeMutableRawPointer(self.backends + backends.count)
                .storeBytes(of: options, as: ServiceOptions.self)
        }
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
        quic?.destroy()
    }

    public var backendCount: UInt32 { UInt32(truncatingIfNeeded: scheduler.memberCount) }

    /// Whether it matters for the choice of a backend what a QUIC packet says.
    var readsConnectionIDs: Bool {
        quic != nil || scheduler.options.contains(.usesConnectionID)
    }

    /// nil: nothing out of the common.
    public var options: ServiceOptions? {
        guard hasOptions else { return nil }
        return unsafe UnsafeRawPointer(backends + Int(backendCount))
            .load(as: ServiceOptions.self)
    }

    /// The backend at a place of the service's list, as the scheduler names it.
    public func backend(at index: UInt32) -> BackendRecord {
        assert(index < scheduler.memberCount)
        return unsafe backends[Int(index)]
    }

    /// All of them, of both families.
    public var allLocalAddresses: [WireAddress] {
        (0..<Int(localCount)).map { unsafe localAddresses[$0].address }
    }

    public func localAddressCount(isIPv6: Bool) -> UInt32 {
        isIPv6 ? localCount &- ipv4LocalCount : ipv4LocalCount
    }

    /// The local address of a family at a place; `position` is below `localAddressCount`.
    public func localAddress(isIPv6: Bool, at position: UInt32) -> LocalAddressRecord {
        assert(position < localAddressCount(isIPv6: isIPv6))
        return unsafe localAddresses[Int(isIPv6 ? position &+ ipv4LocalCount : position)]
    }
}
