// SPDX-License-Identifier: Apache-2.0
import DPDK
import Discovery
import Linux
import Model
import Packet

/// The network devices of the process: from names in `dpvs.conf` to started ports.
struct PortSet {
    struct Port {
        var name: String
        var device: Device
        var setup: Device.Setup
        /// `steering` of its block: auto, rss, flow or redirect.
        var wantedSteering: String
        var steering: PortSteering
        /// For steering by flow.
        var flowRules: FlowRules?
        /// What it is made of when it is a bond.
        var bond: BondedPort?
        /// How it is driven when its block names an interface of the kernel.
        var interface: KernelInterface?
        /// The kernel's interface that it is, of drivers that do not tell how its link fares.
        var kernelName: String?
        /// What can be read when a receive queue has frames, by queue; empty: it gives no signals.
        var descriptors: [[Int32]] = []
        var isVirtual: Bool { device.facts.isVirtual }
    }

    var ports: [Port] = []
    var pool: PacketPool
    var notes: [String] = []
    var domain: SteeringDomain
    /// By the name of the block.
    var kernelDevices: [String: KernelDevice] = [:]

    /// The names by which DPDK will know the devices: "net_af_packet0", "0000:06:00.0".
    struct Names {
        var virtualDevices: [String] = []
        /// What EAL is to look for on the buses.
        var busDevices: [String] = []
        /// DPDK's name for each device block; nil takes the next device in DPDK's order.
        var devices: [String?] = []
        /// Interfaces of the kernel, by the name of the block: their devices are made after EAL's
        /// start, so that there is a second choice when one cannot be had.
        var kernelDevices: [String: KernelDevice] = [:]

        /// `bonds` are the ports of devices that are slaves.
        init(
            _ choices: [DeviceChoice],
            plan: WorkerPlan,
            bonds: [String: String] = [:]
        ) throws(StartError) {
            for (index, choice) in choices.enumerated() {
                if let problem = choice.problem {
                    throw StartError("device \(choice.name): \(problem); dpvs doctor tells more")
                }
                if let interface = choice.interface {
                    let kernel = KernelDevice(interface: interface, number: index)
                    kernelDevices[choice.name] = kernel
                    devices.append(kernel.name)
                } else if let driver = choice.driver {
                    let queues = plan.queues(of: bonds[choice.name] ?? choice.name)
                    let device = Self.virtualDevice(
                        driver,
                        index,
                        max(queues.receive, queues.transmit)
                    )
                    virtualDevices.append(device)
                    devices.append(device.split(separator: ",").first.map(String.init))
                } else {
                    if let device = choice.device { busDevices.append(device.allowName) }
                    devices.append(choice.device?.name)
                }
            }
        }

        /// Gives the device a number of its own, and AF_PACKET the queues and frames it needs.
        static func virtualDevice(_ driver: String, _ index: Int, _ queues: Int) -> String {
            var parts = driver.split(separator: ",").map(String.init)
            if parts.isEmpty { return driver }
            if parts[0].last?.isNumber == false { parts[0] += String(index) }
            let isAFPacket = parts[0].hasPrefix("net_af_packet")
            let given = Set(parts.compactMap { $0.split(separator: "=").first.map(String.init) })
            if isAFPacket, !given.contains("qpairs") { parts.append("qpairs=\(queues)") }
            if isAFPacket, given.isDisjoint(with: ["framesz", "blocksz", "framecnt"]) {
                parts += ["blocksz=4096", "framesz=2048", "framecnt=2048"]
            }
            return parts.joined(separator: ",")
        }
    }

    /// `steeringKey` is what devices were asked to hash with before, if anybody relies on that.
    init(
        _ settings: Settings,
        plan: WorkerPlan,
        names: Names,
        steeringKey: [UInt8]? = nil
    ) throws {
        var names = names
        let prepared = try names.makeKernelDevices(settings, plan)
        let all = try Device.all()
        // Where all devices are near one node, packets are there, too.
        let sockets = Set(all.map(\.facts.socket))
        pool = try PacketPool(
            name: "packets",
            size: settings.integer("netif_defs.pktpool_size"),
            cache: settings.integer("netif_defs.pktpool_cache"),
            frameSize: settings.frameSize,
            socket: sockets.count == 1 ? sockets.first ?? -1 : -1
        )
        let named = names.devices.compactMap { $0 }
        domain = try SteeringDomain(
            workers: plan.workers.count,
            tableSizes: all.map(\.facts.redirectionPlaces),
            key: steeringKey,
            random: Host.randomNumber
        )
        notes = prepared
        kernelDevices = names.kernelDevices
        var unnamed = all.filter { !named.contains($0.facts.device) }
        var found: [String: Device] = [:]
        for (block, name) in zip(settings.devices, names.devices) {
            let device: Device
            if let name {
                do {
                    device = try Device.named(name)
                } catch {
                    throw StartError("device \(block.name): DPDK found no \(name)")
                }
            } else if unnamed.isEmpty {
                throw StartError(
                    "there is no DPDK device for '\(block.name)': name one with driver or pci"
                )
            } else {
                device = unnamed.removeFirst()
            }
            found[block.name] = device
        }
        var bonds: [String: BondedPort] = [:]
        for (index, block) in settings.bonds.enumerated() {
            let bond = try BondedPort.make(
                Bond(block),
                index,
                devices: found,
                kernelNames: settings.kernelNames
            )
            notes += bond.notes
            bonds[block.name] = bond
        }
        for block in settings.ports {
            guard let device = bonds[block.name]?.device ?? found[block.name] else { continue }
            let interrupts = Self.wantsInterrupts(device, settings)
            try start(device, block, plan, bonds[block.name], interrupts: interrupts)
        }
        settleSteering()
    }

    private mutating func start(
        _ device: Device,
        _ block: NamedBlock,
        _ plan: WorkerPlan,
        _ bond: BondedPort?,
        interrupts: Bool
    ) throws {
        var (device, bond) = (device, bond)
        let queues = plan.queues(of: block.name)
        var setup = Device.Setup()
        setup.receiveQueues = max(queues.receive, block.integer("rx.queue_number") ?? 0)
        setup.transmitQueues = max(queues.transmit, block.integer("tx.queue_number") ?? 0)
        setup.receiveDescriptors = block.integer("rx.descriptor_number") ?? 256
        setup.transmitDescriptors = block.integer("tx.descriptor_number") ?? 512
        setup.mtu = block.integer("mtu") ?? 1500
        setup.isPromiscuous = block.isOn("promisc_mode")
        setup.allMulticast = block.isOn("allmulticast")
        setup.fastFree = block.isOn("tx.mbuf_fast_free")
        setup.interrupts = interrupts
        let others = Set(QueueSockets.xdp)
        setup.rss = Self.rss(block.words("rx.rss"))
        let wish = block.text("steering") ?? "auto"
        let wantsRSS = plan.workers.count > 1 && setup.receiveQueues > 1 && wish != "redirect"
        if wantsRSS {
            setup.rss.formUnion([.ip, .tcp, .udp])
            setup.rssKey = Array(domain.wantedKey.prefix(device.facts.keySize))
        }
        let (applied, notes) =
            try bond?.start(setup, pool: pool) ?? begin(&device, setup, of: block)
        device = bond?.device ?? device
        self.notes += notes.map { "\(block.name): \($0)" }
        guard applied.transmitQueues >= queues.transmit else {
            throw StartError(
                "\(block.name) has \(applied.transmitQueues) transmit queues; "
                    + "\(queues.transmit) workers need one each"
            )
        }
        noteFarWorkers(device, block.name, plan)
        var port = Port(
            name: block.name,
            device: device,
            setup: applied,
            wantedSteering: wish,
            steering: PortSteering(.direct, "there is one worker"),
            bond: bond,
            interface: kernelDevices[block.name]?.interface,
            kernelName: block.kernelName
        )
        port.descriptors = Self.descriptors(of: port, notAmong: others)
        steer(&port, plan)
        ports.append(port)
    }

    private mutating func noteFarWorkers(_ device: Device, _ name: String, _ plan: WorkerPlan) {
        let near = device.facts.socket
        for worker in plan.workers where worker.receiveQueues[name] != nil && near >= 0 {
            guard let node = NUMA.node(ofCPU: worker.cpu), node != near else { continue }
            notes.append(
                "\(name) is on NUMA node \(near), worker \(worker.id) on \(node): "
                    + "every packet crosses between them"
            )
        }
    }

    private static func rss(_ words: [String]) -> Device.RSS {
        var rss: Device.RSS = []
        for word in words {
            switch word {
            case "all": rss.formUnion([.ip, .tcp, .udp])
            case "ip": rss.insert(.ip)
            case "tcp": rss.insert(.tcp)
            case "udp": rss.insert(.udp)
            case "sctp": rss.insert(.sctp)
            default: break
            }
        }
        return rss
    }

    // MARK: - Handles

    /// The receive queues that a worker polls; those that a device does not have are left out.
    func receivers(of worker: WorkerPlan.Worker) -> [DPDKPort] {
        ports.enumerated()
            .flatMap { index, port in
                (worker.receiveQueues[port.name] ?? [])
                    .filter { $0 < port.setup.receiveQueues }
                    .map { handle(index, port, $0, worker) }
            }
    }

    /// One handle for each port, to transmit.
    func transmitters(of worker: WorkerPlan.Worker) -> [DPDKPort] {
        ports.enumerated().map { handle($0, $1, 0, worker) }
    }

    private func handle(
        _ index: Int,
        _ port: Port,
        _ queue: Int,
        _ worker: WorkerPlan.Worker
    ) -> DPDKPort {
        port.device.handle(
            index: index,
            receiveQueue: queue,
            transmitQueue: worker.transmitQueue[port.name] ?? 0,
            mtu: port.setup.mtu,
            isInterrupted: port.setup.interrupts && !port.descriptors.isEmpty,
            pool: pool
        )
    }

    func close() {
        for port in ports {
            port.device.close()
            for slave in port.bond?.slaves ?? [] { slave.device.close() }
        }
        pool.destroy()
    }
}

/// Why the program cannot start, in one sentence.
package struct StartError: Error, CustomStringConvertible {
    package var description: String

    init(_ description: String) {
        self.description = description
    }
}
