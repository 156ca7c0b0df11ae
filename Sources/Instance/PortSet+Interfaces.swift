// SPDX-License-Identifier: Apache-2.0
import DPDK
import Discovery
import Linux
import Model

/// Devices that are interfaces of the kernel: `interface eth1`.
extension PortSet {
    /// Such a device from its choice to its start, by the name of its block.
    struct KernelDevice {
        var interface: KernelInterface
        /// Number of the block, which tells DPDK's devices apart.
        let number: Int
        /// Octets of the longest packet, link-layer header not counted.
        let frameSize: Int

        /// DPDK's name of the device.
        var name: String { (interface.way.isXDP ? "net_af_xdp" : "net_af_packet") + String(number) }

        /// Makes DPDK's device; by AF_PACKET where the driver of AF_XDP refuses.
        mutating func make(queues: Int) throws -> Device {
            if interface.way.isXDP {
                do {
                    return try Device.make(arguments(queues))
                } catch { fallBack(because: error) }
            }
            return try Device.make(arguments(queues))
        }

        /// What is said of a start that failed is DPDK's own last word, or the error.
        mutating func fallBack(because error: any Error) {
            let words = ["af_xdp", "xsk", "lib"]
            let said = Environment.takeLog().filter { line in words.contains(where: line.contains) }
            interface.fallBack(because: said.last ?? "\(error)")
        }

        private func arguments(_ queues: Int) -> String {
            let words = interface.driver.split(separator: ",", maxSplits: 1)
            let options = words.last.map(String.init) ?? ""
            return Names.virtualDevice(
                "\(words[0]),\(options)",
                number,
                queues: queues,
                frameSize: frameSize
            )
        }

        /// Prepares the interface: off with what a killed process has left, on with the interface.
        mutating func prepare() throws -> [String] {
            var notes: [String] = []
            let link = interface.link
            if let program = interface.leftover {
                try link.detach(program)
                notes.append(
                    "\(link.name): took off the XDP program that a killed process has left there"
                )
            }
            if !link.isUp {
                try KernelLink.setUp(link.name)
                notes.append("\(link.name) was down: switched it on")
            }
            if try link.stopJoining() {
                notes.append(
                    "\(link.name): switched off GRO and LRO, with which the kernel makes packets longer "
                        + "than the MTU of those that arrive"
                )
            }
            try link.receiveMulticast()
            let isFree = link.program == nil || interface.leftover != nil
            if interface.way.isXDP, isFree, let refusal = link.tryAttaching() {
                interface.fallBack(because: "the kernel refuses XDP on \(link.name): \(refusal)")
            }
            return notes
        }
    }

    /// Starts `device`, which is that of `block`; one by AF_XDP that does not start is replaced by one
    /// by AF_PACKET.
    mutating func begin(
        _ device: inout Device,
        _ setup: Device.Setup,
        of block: NamedBlock
    ) throws -> (applied: Device.Setup, notes: [String]) {
        guard var kernel = kernelDevices[block.name], kernel.interface.way.isXDP else {
            return try device.start(setup, pool: pool)
        }
        defer { kernelDevices[block.name] = kernel }
        var paired = setup
        // The driver has both kinds in pairs.
        paired.receiveQueues = max(setup.receiveQueues, setup.transmitQueues)
        paired.transmitQueues = paired.receiveQueues
        let others = Set(QueueSockets.xdp)
        do {
            guard pool.isOnePiece else {
                throw StartError("the packet memory is not in one piece, as AF_XDP wants it")
            }
            let result = try device.start(paired, pool: pool)
            let sockets = QueueSockets.xdp.filter { !others.contains($0) }
            let isZeroCopy = sockets.allSatisfy(QueueSockets.isZeroCopy)
            kernel.interface.settle(isZeroCopy: isZeroCopy && !sockets.isEmpty)
            return result
        } catch {
            device.close()
            kernel.fallBack(because: error)
            device = try kernel.make(queues: paired.receiveQueues)
            return try device.start(setup, pool: pool)
        }
    }
}

extension PortSet.Names {
    /// Makes DPDK's devices of the kernel's interfaces; returns what there is to say.
    mutating func makeKernelDevices(_ settings: Settings, _ plan: WorkerPlan) throws -> [String] {
        var notes: [String] = []
        let bonds = settings.bondOfSlave
        for (index, block) in settings.devices.enumerated() {
            guard var kernel = kernelDevices[block.name] else { continue }
            notes += try kernel.prepare()
            let queues = plan.queues(of: bonds[block.name] ?? block.name)
            _ = try kernel.make(queues: max(queues.receive, queues.transmit))
            devices[index] = kernel.name
            kernelDevices[block.name] = kernel
        }
        return notes
    }
}

extension PortSet.Port {
    /// Drivers of the kernel behind which a flow comes to the pair of the queue that its latest packet
    /// left by.
    ///
    /// See `Device.Facts.scattersFlows`. AF_XDP shows their queues as they are; AF_PACKET spreads by a
    /// hash of its own.
    private static let scatteringDrivers: Set = ["virtio_net", "tun"]

    var hasScatteringKernel: Bool {
        guard device.facts.driver == "net_af_xdp" else { return false }
        let link = interface?.link ?? kernelName.flatMap(KernelLink.named)
        return link.map { Self.scatteringDrivers.contains($0.driver) } ?? false
    }

    /// Whether the link is up, and its speed; a bond is up while one of its slaves is.
    var link: Device.Link {
        guard let bond, bond.slaves.contains(where: { $0.kernelName != nil }) else {
            return device.link
        }
        let up = bond.slaves.map(\.link).filter(\.isUp)
        let carries = bond.bond.mode == .activeBackup ? Array(up.prefix(1)) : up
        let isUp = !up.isEmpty && device.link.isUp
        return Device.Link(isUp: isUp, megabits: carries.map(\.megabits).reduce(0, +))
    }
}

extension NamedBlock {
    /// The kernel's interface that the device is, of drivers that do not tell how its link fares.
    var kernelName: String? {
        if let interface = text("interface") { return interface }
        guard let driver = text("driver"), driver.hasPrefix("net_af_") else { return nil }
        return driver.split(separator: ",").first { $0.hasPrefix("iface=") }
            .map { String($0.dropFirst("iface=".count)) }
    }
}

extension Settings {
    /// `NamedBlock.kernelName` by the name of the device.
    var kernelNames: [String: String] {
        let pairs = devices.compactMap { block in block.kernelName.map { (block.name, $0) } }
        return Dictionary(pairs) { first, _ in first }
    }
}
