// SPDX-License-Identifier: Apache-2.0
import DPDK
import Model

/// A port that is a bond, with its slaves.
struct BondedPort: Sendable {
    struct Slave: Sendable {
        var name: String
        var device: Device
        /// See `PortSet.Port.kernelName`.
        var kernelName: String?

        var link: Device.Link { device.link }
    }

    var bond: Bond
    private(set) var device: Device
    var slaves: [Slave]
    /// What could not be had, in words.
    private(set) var notes: [String] = []
    private var hasDedicatedQueues = false

    private init(_ bond: Bond, _ device: Device, _ slaves: [Slave]) {
        self.bond = bond
        self.device = device
        self.slaves = slaves
    }

    /// Makes the bond of devices that are not started; `index` tells bonds apart in DPDK.
    static func make(
        _ bond: Bond,
        _ index: Int,
        devices: [String: Device],
        kernelNames: [String: String]
    ) throws -> BondedPort {
        let slaves = bond.slaves.compactMap { name in
            devices[name]
                .map { Slave(name: name, device: $0, kernelName: kernelNames[name]) }
        }
        guard let primary = devices[bond.tuning.primary] else {
            throw StartError("bonding \(bond.name): there is no device '\(bond.tuning.primary)'")
        }
        guard let mode = BondMode(rawValue: bond.mode.rawValue) else {
            throw StartError("bonding \(bond.name): DPDK has no mode \(bond.mode.rawValue)")
        }
        let device = try Device.bond(
            "net_bonding\(index)",
            mode,
            of: slaves.map(\.device),
            primary: primary,
            node: bond.node
        )
        try device.tune(bond.tuning.forDPDK)
        var port = BondedPort(bond, device, slaves)
        port.noteSilentLinks()
        if bond.usesDedicatedQueues { port.useDedicatedQueues() }
        port.device = try device.knowing(slaves.map(\.device), primary)
        return port
    }

    /// DPDK's AF_PACKET says that a link is up whatever the kernel knows; only in mode 1 do we choose
    /// the slave.
    private mutating func noteSilentLinks() {
        guard bond.mode != .activeBackup else { return }
        let silent = slaves.filter { $0.kernelName != nil }.map(\.name)
        guard !silent.isEmpty else { return }
        notes.append(
            "\(bond.name): DPDK does not learn when the links of kernel interfaces go down, so the bond "
                + "goes on to use \(silent.joined(separator: ", ")) in mode \(bond.mode.rawValue)"
        )
    }

    /// What a device needs for them, a rule for LACP, shows when it is asked for one.
    private mutating func useDedicatedQueues() {
        do {
            try device.useDedicatedQueues(true)
            hasDedicatedQueues = true
        } catch { noteSharedQueues(error) }
    }

    private mutating func noteSharedQueues(_ error: any Error) {
        notes.append("\(bond.name): no dedicated queues, LACP shares those of packets: \(error)")
    }

    /// Starts the bond and with it its slaves; from then on it knows its address.
    mutating func start(
        _ setup: Device.Setup,
        pool: PacketPool
    ) throws -> (applied: Device.Setup, notes: [String]) {
        var usual = setup
        let isUnderstated = slaves.contains { $0.device.isUnderstated }
        if isUnderstated { usual.mtu = min(setup.mtu, 1500) }
        var result = try startSharingIfNeeded(usual, pool)
        if usual.mtu != setup.mtu {
            for slave in slaves { try slave.device.setMTU(setup.mtu) }
            result.applied.mtu = setup.mtu
        }
        try device.openSlaves(result.applied)
        let primary = slaves.first { $0.name == bond.tuning.primary } ?? slaves[0]
        device = try device.knowing(slaves.map(\.device), primary.device)
        return result
    }

    /// Goes without dedicated queues where a slave takes them only until it is started.
    private mutating func startSharingIfNeeded(
        _ setup: Device.Setup,
        _ pool: PacketPool
    ) throws -> (applied: Device.Setup, notes: [String]) {
        do {
            return try device.start(setup, pool: pool)
        } catch {
            guard hasDedicatedQueues else { throw error }
            noteSharedQueues(error)
        }
        try device.useDedicatedQueues(false)
        hasDedicatedQueues = false
        let (applied, more) = try device.start(setup, pool: pool)
        return (applied, [notes.removeLast()] + more)
    }
}

extension Bond.Tuning {
    var forDPDK: BondTuning {
        BondTuning(
            transmitPolicy: Bond.TransmitPolicy.allCases.firstIndex(of: transmitPolicy) ?? 0,
            monitorInterval: monitorInterval
        )
    }
}
