// SPDX-License-Identifier: Apache-2.0
import Balancing
import DPDK
import Dataplane
import Discovery
import Foundation
import Linux
import Logging
import Model
import Networking
import Packet
import Provisioning
import Timing

/// The packet side of the process, from EAL to running workers.
final class Machine: Sendable {
    let engine: Engine
    let slowPath: SlowPath<DPDKPort>
    let conductor: Conductor
    let ports: PortSet
    let companions: Companions
    let bonds: BondTuner
    let vlanFilters: VLANFilters
    let tunnelNumbers: TunnelNumbers
    let faults: DeviceFaults
    let plan: WorkerPlan
    let memory: String
    /// What the process may not lose while the devices run.
    let lastingCapabilities: Capabilities
    /// What wakes workers that wait; open as long as they are.
    private let workerEvents: [EventFD]
    /// What each worker does when nothing comes.
    private let idlings: [Idling]
    let loops: [WorkerLoop<DPDKPort>]
    let clock: CycleClock
    private let slowPathThread: SlowPathThread
    private let instance: String
    /// Where DPDK makes a directory for the instance.
    private let ealDirectory: String
    let logger: Logger

    /// Starts everything with an empty configuration; the first one that is applied takes
    /// `handover` along.
    init(
        _ settings: Settings,
        instance: String,
        claims: Claims,
        runDirectory: String,
        eal extra: [String],
        after handover: consuming Handover?,
        logger: Logger
    ) throws {
        self.instance = instance
        self.logger = logger
        let surroundings = Surroundings(environment: ProcessInfo.processInfo.environment)
        let start = StartPlan(settings, surroundings)
        plan = start.workers
        memory = start.memory.description
        lastingCapabilities = start.lastingCapabilities
        try claims.hold(start.devices)
        try claims.hold(companions: settings.companionNames)
        let names = try PortSet.Names(
            start.devices,
            plan: plan,
            bonds: settings.bondOfSlave,
            frameSizes: settings.frameSizes
        )
        // Whoever says to EAL how devices are to address memory knows what they do.
        let isTold = extra.contains { $0.hasPrefix("--iova-mode") }
        let refused = isTold ? [] : start.refusals().map(\.text)
        guard refused.isEmpty else {
            throw StartError("nothing was started:\n\(refused.joined())")
        }
        let options = Self.options(start, names, instance, extra)
        if let problem = options.problem { throw StartError("after --: \(problem)") }
        logger.notice("\(memory)")
        ealDirectory = Self.ealDirectory(runDirectory)
        do {
            try Environment.start(options)
            try Device.watchRemovals()
            try Self.checkLcores(plan)
            ports = try PortSet(
                settings,
                plan: plan,
                names: names,
                steeringKey: handover?.head.steeringKey
            )
            companions = try Companions(
                settings,
                ports,
                handles: ports.transmitters(of: plan.workers[0]),
                logger: logger
            )
        } catch {
            throw StartError(
                error,
                doctor: start.deviceChecks(surroundings).filter { $0.state == .missing },
                log: Environment.takeLog(),
                arguments: options.arguments
            )
        }
        // The kernel's log may be opened for as long as the process has its capabilities.
        faults = DeviceFaults(
            ports.ports.flatMap { $0.devices.map(\.facts.device) },
            surroundings,
            log: KernelLog()
        )
        for line in Environment.takeLog() { logger.info("\(line)", metadata: ["source": "dpdk"]) }
        let notes = start.driverNotes(surroundings) + plan.notes + ports.notes + companions.notes
        for note in notes { logger.warning("\(note)") }
        clock = Self.clock()
        let now = clock.instant(at: Host.cycles)
        let doorbell = try EventFD()
        let workers = plan.workers.count
        var limits = DataplaneLimits(
            connectionsPerWorker: max(
                1024,
                settings.integer("ipvs_defs.conn.conn_pool_size") / workers
            )
        )
        limits.fragments = FragmentTable.Limits(settings)
        let workerEvents = try (0..<workers).map { _ in try EventFD() }
        self.workerEvents = workerEvents
        let engine = Engine(
            workers: workers,
            limits: limits,
            seed: try Host.randomNumber(),
            persistenceSeed: handover?.head.clientSeed,
            steering: ports.makeSteering(),
            doorbell: Doorbell(descriptor: doorbell.descriptor),
            workerBells: workerEvents.map { Doorbell(descriptor: $0.descriptor) }
        )
        guard let engine else { throw StartError("not enough memory for the connection tables") }
        self.engine = engine
        let slowPath = SlowPath(
            engine: engine,
            ports: ports.transmitters(of: plan.workers[0]),
            companions: companions.dataplane,
            limits: SlowPathLimits(settings),
            now: now
        )
        guard let slowPath else { throw StartError("not enough memory for the slow path") }
        slowPath.present(as: .thisMachine)
        self.slowPath = slowPath
        companions.attach(.init(slowPath: slowPath, event: doorbell))
        let made = companions.all
        let interfaces = ports.ports.enumerated()
            .map {
                Interface(
                    name: $1.name,
                    id: InterfaceID(port: $0),
                    mtu: $1.setup.mtu,
                    macAddress: $1.device.facts.macAddress,
                    hasCompanion: made[InterfaceID(port: $0)] != nil
                )
            }
        let provisioner = Provisioner(
            engine: engine,
            interfaces: interfaces,
            neighbours: slowPath,
            companions: companions,
            subPools: settings.integer("sa_pool.pool_hash_size"),
            workerIDs: plan.workers.map(\.id)
        )
        let tunnelNumbers = TunnelNumbers(in: runDirectory, now: Host.secondsOfWallClock)
        self.tunnelNumbers = tunnelNumbers
        provisioner.beginTunnels { tunnelNumbers.beginning(of: $0) }
        if let handover {
            Self.goOn(after: handover, engine, provisioner, slowPath, ports, now)
        }
        let bonds = BondTuner(ports.ports.compactMap(\.bond), logger: logger)
        self.bonds = bonds
        vlanFilters = VLANFilters(ports.ports.map(VLANFilters.Port.init), logger: logger)
        conductor = Conductor(
            provisioner: provisioner,
            steering: FlowSteerer(
                devices: ports.ports.compactMap { port in port.flowRules.map { (port.name, $0) } },
                logger: logger
            ),
            admission: vlanFilters,
            clock: { [clock] in clock.instant(at: Host.cycles) },
            changeSettings: {
                slowPath.change(limits: SlowPathLimits($0))
                bonds.tune($0)
            }
        )
        let idlings = plan.workers.indices.map { [ports] in
            ports.idling(ofWorker: $0, settings)
        }
        self.idlings = idlings
        loops = try Self.startWorkers(plan, ports, engine, clock, idlings)
        slowPathThread = SlowPathThread(
            slowPath,
            doorbell,
            engine.interchange.doorbell,
            clock,
            companions: companions
        )
        slowPathThread.start()
        logPorts()
    }

    // MARK: - Start

    private static func options(
        _ start: StartPlan,
        _ names: PortSet.Names,
        _ instance: String,
        _ extra: [String]
    ) -> EALOptions {
        EALOptions(
            instance: instance,
            mainLcore: start.workers.main,
            workerLcores: start.workers.workers.map { ($0.id, $0.cpu) },
            memory: .init(
                size: start.memory.needed,
                usesHugepages: start.memory.pages != nil,
                byNode: start.memory.byNode,
                limit: start.memory.limit,
                directory: start.memory.directory
            ),
            addressing: start.settings.text("global_defs.iova_mode") ?? "va",
            busDevices: names.busDevices,
            virtualDevices: names.virtualDevices,
            extra: extra
        )
    }

    /// EAL has the lcores that it was told, by us or after `--`.
    private static func checkLcores(_ plan: WorkerPlan) throws(StartError) {
        let there = Environment.workerLcores
        for worker in plan.workers where !there.contains(worker.id) {
            let others = there.map(String.init).joined(separator: ", ")
            throw StartError(
                "worker \(worker.id) runs on the lcore of this number, and the arguments after -- have "
                    + "\(there.isEmpty ? "none" : "only \(others)") beside the main one: name it "
                    + "there, --lcores …,\(worker.id)@CPU"
            )
        }
    }

    /// DPDK lets root have /run/dpdk, and others the directory of this variable.
    private static func ealDirectory(_ runDirectory: String) -> String {
        if Privileges.user == 0 { return "/run/dpdk" }
        Host.setVariable("XDG_RUNTIME_DIR", runDirectory)
        return "\(runDirectory)/dpdk"
    }

    private static func clock() -> CycleClock {
        CycleClock(
            frequency: Environment.cycleFrequency,
            cycles: Host.cycles,
            instant: Instant(nanoseconds: Host.monotonicNanoseconds)
        )
    }

    private static func startWorkers(
        _ plan: WorkerPlan,
        _ ports: PortSet,
        _ engine: Engine,
        _ clock: CycleClock,
        _ idlings: [Idling]
    ) throws -> [WorkerLoop<DPDKPort>] {
        var loops: [WorkerLoop<DPDKPort>] = []
        for (index, planned) in plan.workers.enumerated() {
            let now = clock.instant(at: Host.cycles)
            let made = NUMA.preferring(NUMA.node(ofCPU: planned.cpu)) {
                engine.makeBalancer(index, now: now)
            }
            guard let balancer = made else {
                throw StartError(
                    "not enough memory for the connections of worker \(planned.id): "
                        + "ipvs_defs.conn.conn_pool_size says how many there may be"
                )
            }
            let worker = Worker(
                index: index,
                interchange: engine.interchange,
                receivers: ports.receivers(of: planned, number: index),
                transmitters: ports.transmitters(of: planned),
                balancer: balancer
            )
            let loop = WorkerLoop(worker, clock: clock, idling: idlings[index])
            loops.append(loop)
            try Lcore.run(loop, on: planned.id)
        }
        return loops
    }

    private func logPorts() {
        for (index, port) in ports.ports.enumerated() {
            let facts = port.device.facts
            logger.notice(
                """
                port \(port.name): \(facts.device) (\(facts.driver)), \(facts.macAddress), \
                MTU \(port.setup.mtu), \(port.setup.receiveQueues) receive and \
                \(port.setup.transmitQueues) transmit queues, \
                \(port.setup.receiveDescriptors)/\(port.setup.transmitDescriptors) descriptors
                """
            )
            if let interface = port.interface {
                logger.notice("port \(port.name): \(interface.description)")
            }
            if let companion = companions.all[InterfaceID(port: index)] {
                logger.notice(
                    "port \(port.name): kernel companion \(companion.name) (\(companion.kind))"
                )
            }
            if let bond = port.bond?.bond {
                logger.notice(
                    """
                    port \(port.name): bond of \(bond.slaves.joined(separator: ", ")), \
                    mode \(bond.mode.rawValue) (\(bond.mode.name)), primary \(bond.tuning.primary)
                    """
                )
            }
            for slave in port.bond?.slaves ?? [] {
                guard let kernel = ports.kernelDevices[slave.name] else { continue }
                logger.notice("port \(port.name): \(slave.name): \(kernel.interface.description)")
            }
            let steering = port.steering
            logger.notice(
                "port \(port.name): steering \(steering.method.rawValue): \(steering.reason)"
            )
        }
        for (worker, idling) in zip(plan.workers, idlings) {
            logger.notice("worker \(worker.id) runs on CPU \(worker.cpu); idle, it \(idling.deed)")
        }
    }

    /// Ends all threads and gives everything back; the process may exit then.
    ///
    /// With a file, connections are left there, for a process that goes on with the configuration of
    /// `digest`.
    func stop(leavingTo file: HandoverFile? = nil, digest: String = "") async {
        if slowPath.leaveLinks() {
            // Workers send what tells the neighbours.
            try? await Task.sleep(for: .milliseconds(20))
        }
        for loop in loops { loop.requestStop() }
        for worker in plan.workers { Environment.wait(lcore: worker.id) }
        if let file { await leave(to: file, digest) }
        do {
            try tunnelNumbers.keep(await conductor.upcomingTunnelNumbers)
        } catch {
            logger.warning("sequence numbers of tunnels are not kept: \(error)")
        }
        slowPathThread.stop()
        slowPath.destroy()
        engine.destroy()
        companions.close()
        ports.close()
        Environment.stop()
        // DPDK makes it and leaves it.
        Files.removeDirectory("\(ealDirectory)/dpvs-\(instance)")
        Files.removeDirectory(ealDirectory)
    }
}
