// SPDX-License-Identifier: Apache-2.0
import CDPDK
import Packet

/// How a bond uses its slaves, as DPDK numbers it.
public enum BondMode: Int, Sendable {
    case roundRobin, activeBackup, balance, broadcast, lacp, transmitLoad, adaptiveLoad

    /// Whether a transmit queue gets buffers of several pools, or one buffer several times: then a
    /// device may not free them in bulk.
    var mixesBuffers: Bool { [.broadcast, .lacp, .adaptiveLoad].contains(self) }

    var duties: DPDKPort.Duties {
        switch self {
        case .lacp: .transmitControlFrames
        case .adaptiveLoad: .restoreAddresses
        default: []
        }
    }
}

/// What may change while a bond runs.
public struct BondTuning: Equatable, Sendable {
    /// What the slave of a packet is chosen by: 0: layer 2, 1: layers 2 and 3, 2: layers 3 and 4.
    public var transmitPolicy: Int
    /// Milliseconds.
    public var monitorInterval: Int

    public init(transmitPolicy: Int, monitorInterval: Int) {
        self.transmitPolicy = transmitPolicy
        self.monitorInterval = monitorInterval
    }
}

/// How the slaves of a bond fare.
public struct BondState: Equatable, Sendable {
    public struct Slave: Equatable, Sendable {
        /// By DPDK's number.
        var port: UInt16
        public var isLinkUp: Bool
        /// Whether LACP has agreed on it with the partner.
        public var isDistributing: Bool
        /// The system at the other end, in LACP.
        public var partner: UInt64
    }

    var primary: UInt16
    var slaves: [Slave]
    public var transmitPolicy: Int

    public func isPrimary(_ device: Device) -> Bool { device.port == primary }

    public subscript(_ device: Device) -> Slave? { slaves.first { $0.port == device.port } }
}

extension Device {
    /// Makes a bond called `name` of devices that are not started; the first one gives it its
    /// address until another is the primary.
    public static func bond(
        _ name: String,
        _ mode: BondMode,
        of slaves: [Device],
        primary: Device,
        node: Int
    ) throws(DPDKError) -> Device {
        var failed: UnsafePointer<CChar>?
        let ports = slaves.map(\.port)
        let made = unsafe name.withCString { name in
            unsafe ports.withUnsafeBufferPointer { ports in
                var setup = unsafe CDPDK_bond_setup()
                unsafe setup.name = name
                unsafe setup.mode = UInt8(mode.rawValue)
                unsafe setup.socket = UInt8(clamping: node)
                unsafe setup.slaves = ports.baseAddress
                unsafe setup.slave_count = UInt32(ports.count)
                return unsafe CDPDK_bond_create(&setup, &failed)
            }
        }
        let call = unsafe failed.map { unsafe String(cString: $0) } ?? "rte_eth_bond_create"
        let port = UInt16(try check(made, call, on: name))
        let bare = try Device(port: port)
        let bond = Device(port: port, facts: bare.facts, bondMode: mode)
        try bond.setPrimary(primary)
        return try bond.knowing(slaves, primary)
    }

    /// The bond with the facts of now: its address, and what all slaves can do.
    public func knowing(_ slaves: [Device], _ primary: Device) throws(DPDKError) -> Device {
        guard let bondMode else { return self }
        var facts = try Device(port: port).facts
        let all = slaves.map(\.facts)
        facts.largestMTU = all.map(\.largestMTU).min() ?? facts.largestMTU
        facts.canScaleReceive = all.allSatisfy(\.canScaleReceive)
        facts.filledQueues = .ofBond(all.map(\.filledQueues))
        facts.scattersFlows = all.contains(where: \.scattersFlows)
        facts.isVirtual = all.contains(where: \.isVirtual)
        facts.socket = primary.facts.socket
        if all.contains(where: { $0.offloads.contains(.unfinishedReceiveChecksums) }) {
            facts.offloads.takeLocalSenders()
        }
        return Device(port: port, facts: facts, bondMode: bondMode)
    }

    /// Lets LACP have queues of its own; before the start.
    public func useDedicatedQueues(_ dedicated: Bool) throws(DPDKError) {
        try check(
            CDPDK_bond_use_dedicated_queues(port, dedicated),
            "rte_eth_bond_8023ad_dedicated_queues_enable",
            on: facts.device
        )
    }

    /// DPDK's AF_PACKET says that its frames end at 1518 octets, so that a bond that is configured for
    /// longer ones refuses it.
    public var isUnderstated: Bool { facts.driver == "net_af_packet" }

    /// Lets the started device carry packets of `mtu` octets.
    public func setMTU(_ mtu: Int) throws(DPDKError) {
        try check(CDPDK_port_set_mtu(port, UInt16(mtu)), "rte_eth_dev_set_mtu", on: facts.device)
    }

    /// Lets every slave receive what comes for the bond; after the start.
    public func openSlaves(_ setup: Setup) throws(DPDKError) {
        try check(
            CDPDK_bond_open(port, setup.isPromiscuous, setup.allMulticast),
            "rte_eth_bond_slaves_get",
            on: facts.device
        )
    }

    public func setPrimary(_ slave: Device) throws(DPDKError) {
        var failed: UnsafePointer<CChar>?
        let result = unsafe CDPDK_bond_set_primary(port, slave.port, &failed)
        let call = unsafe failed.map { unsafe String(cString: $0) } ?? ""
        try check(result, call, on: facts.device)
    }

    public func tune(_ tuning: BondTuning) throws(DPDKError) {
        var raw = CDPDK_bond_tuning(
            xmit_policy: UInt8(clamping: tuning.transmitPolicy),
            monitor_interval: UInt32(clamping: tuning.monitorInterval)
        )
        var failed: UnsafePointer<CChar>?
        let result = unsafe CDPDK_bond_tune(port, &raw, &failed)
        let call = unsafe failed.map { unsafe String(cString: $0) } ?? ""
        try check(result, call, on: facts.device)
    }

    /// nil when it is no bond.
    public var bondState: BondState? {
        var raw = CDPDK_bond_state()
        guard bondMode != nil, unsafe CDPDK_bond_get_state(port, &raw) >= 0 else { return nil }
        let slaves = unsafe withUnsafeBytes(of: raw.slaves) { octets in
            unsafe octets.bindMemory(to: CDPDK_bond_slave.self).prefix(Int(raw.slave_count))
                .map(BondState.Slave.init)
        }
        return BondState(
            primary: raw.primary,
            slaves: slaves,
            transmitPolicy: Int(raw.xmit_policy)
        )
    }
}

extension BondState.Slave {
    fileprivate init(_ raw: CDPDK_bond_slave) {
        let octets = [
            raw.partner.0, raw.partner.1, raw.partner.2, raw.partner.3, raw.partner.4,
            raw.partner.5,
        ]
        self.init(
            port: raw.port,
            isLinkUp: raw.is_active,
            isDistributing: raw.is_distributing,
            partner: octets.reduce(0) { $0 << 8 | UInt64($1) }
        )
    }
}
