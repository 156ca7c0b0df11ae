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
        /// The receive queues that each worker polls.
        var polled: [[Int]]
        /// What it is made of when it is a bond.
        var bond: BondedPort?
        /// How it is driven when its block names an interface of the kernel.
        var interface: KernelInterface?
        /// The kernel's interface that it is, of drivers that do not tell how its link fares.
        var kernelName: String?
        /// What can be read when a receive queue has frames, by queue; empty: it gives no signals.
        var descriptors: [[Int32]] = []
        var isVirtual: Bool { device.facts.isVirtual }
        /// Whether packets of one flow come to several workers.
        var scattersFlows: Bool {
            let isScattered = device.facts.scattersFlows || hasScatteringKernel
            return isScattered && polled.count { !$0.isEmpty } > 1
        }
        /// Itself, or what it is made of.
        var devices: [Device] { bond?.slaves.map(\.device) ?? [device] }
    }

    var ports: [Port] = []
    var pool: PacketPool
    var notes: [String] = []
    var domain: SteeringDomain
    /// By the name of the block.
    var kernelDevices: [String: KernelDevice] = [:]

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
                    if let interface = block.kernelName, KernelLink.named(interface) == nil {
                        throw StartError("device \(block.name): there is no interface \(interface)")
                    }
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
        let queues = try QueuePlan(
            block.name,
            plan,
            .init(device.facts),
            configured: (block.integer("rx.queue_number"), block.integer("tx.queue_number"))
        )
        self.notes += queues.notes
        var setup = Device.Setup()
        setup.receiveQueues = queues.receiveQueues
        setup.transmitQueues = queues.transmitQueues
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
        if plan.workers.count > 1, setup.receiveQueues > 1 {
            if wish != "redirect" {
                setup.rss.formUnion([.ip, .tcp, .udp])
                setup.rssKey = Array(domain.wantedKey.prefix(device.facts.keySize))
            } else if block.items["rx.rss"] == nil {
                setup.rss.formUnion([.ip, .tcp, .udp])
            } else {
                noteUnhashed(setup.rss, block.name)
            }
        }
        let (applied, notes) =
            try bond?.start(setup, pool: pool) ?? begin(&device, setup, of: block)
        device = bond?.device ?? device
        self.notes += notes.map { "\(block.name): \($0)" }
        noteFarWorkers(device, block.name, plan)
        var port = Port(
            name: block.name,
            device: device,
            setup: applied,
            wantedSteering: wish,
            steering: PortSteering(.direct, "there is one worker"),
            polled: queues.polled,
            bond: bond,
            interface: kernelDevices[block.name]?.interface,
            kernelName: block.kernelName
        )
        port.descriptors = Self.descriptors(of: port, notAmong: others)
        steer(&port, plan)
        if port.scattersFlows {
            port.steering.reason +=
                "; it brings a flow now to one queue and then to another, so clients' packets are "
                + "redirected, too, by address and port"
        }
        ports.append(port)
    }

    /// Says what a device that hashes only what `rx { rss }` names leaves to one worker.
    private mutating func noteUnhashed(_ rss: Device.RSS, _ name: String) {
        guard !rss.contains(.ip) else { return }
        let left = [rss.contains(.tcp) ? nil : "TCP", rss.contains(.udp) ? nil : "UDP"]
            .compactMap(\.self)
        guard !left.isEmpty else { return }
        notes.append(
            "\(name): rx rss does not name \(left.joined(separator: " and ")), so with steering "
                + "redirect one worker receives all of it: say `rss all`"
        )
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
    ///
    /// `number` counts workers from 0.
    func receivers(of worker: WorkerPlan.Worker, number: Int) -> [DPDKPort] {
        ports.enumerated()
            .flatMap { index, port in
                port.polled[number]
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
            scattersFlows: port.scattersFlows,
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
