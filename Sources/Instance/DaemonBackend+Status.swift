// SPDX-License-Identifier: Apache-2.0
import Balancing
import Control
import DPDK
import Dataplane
import Discovery
import Foundation
import HealthChecking
import Linux
import MetricsExposition
import Model
import Networking
import Packet
import Provisioning
import Reload

extension DaemonBackend {
    func status(of selection: StatusSelection) async -> Status {
        let configuration = await reloader.status()
        var status = Status(
            version: BuildInformation.version,
            instance: instance,
            pid: ProcessInfo.processInfo.processIdentifier,
            uptime: Date().timeIntervalSince(startTime),
            phase: phase,
            generation: configuration.generation,
            digest: configuration.digest
        )
        status.restartRequired = configuration.restartRequired
        status.memory = machine.memory
        status.privileges = Self.privileges()
        status.kernelMirror = await follower?.summary() ?? ""
        status.announced = await announcer.summary
        status.workers = workers()
        status.ports = machine.ports.ports.enumerated()
            .map { index, port in
                var status = Self.status(port)
                status.companion = machine.companionStatus(of: index)
                status.bond = port.bond?.status
                return status
            }
        let numbers = await machine.conductor.vlans
        let running = await reloader.running
        status.vlans = running.vlans.map { complete(VLANStatus($0), numbers) }
        status.tunnels = running.tunnels
            .map { complete(TunnelStatus(name: $0.name, way: $0.way), numbers) }
        let totals = await machine.conductor.totals(of: selection.services)
        let checks = await checker.readings()
        var services = totals.services.map { Self.status($0, checks) }
        if !running.settings.isOn("ipvs_defs.conn.expire_quiescent_template") {
            let persistent = running.services.filter { $0.persistence != nil }.map(\.key)
            Self.noteClients(of: Set(persistent), in: &services)
        }
        status.list(services, selection)
        status.drops = machine.drops.filter { $0.packets > 0 }
            .map {
                DropStatus(
                    reason: $0.reason.name,
                    stage: $0.reason.stage.rawValue,
                    packets: $0.packets
                )
            }
        return status
    }

    /// The same with its companion and what went by it, as far as the dataplane knows it.
    private func complete<Status: InterfaceStatus>(
        _ status: Status,
        _ numbers: [(name: String, id: InterfaceID)]
    ) -> Status {
        guard let numbered = numbers.first(where: { $0.name == status.name }) else {
            return status
        }
        var status = status
        let companion = machine.companions.all[numbered.id]
        status.companion = companion.map { "\($0.name) (\($0.kind))" }
        let counted = machine.statistics(numbered)
        status.receivedPackets = counted.receivedPackets
        status.receivedBytes = counted.receivedBytes
        status.transmittedPackets = counted.transmittedPackets
        status.transmittedBytes = counted.transmittedBytes
        return status
    }

    private static func privileges() -> PrivilegeStatus {
        let held = Privileges.held
        var status = PrivilegeStatus()
        status.user = Privileges.user
        status.capabilities = held.words
        status.summary = held.description
        status.cannotGain = Privileges.cannotGain
        return status
    }

    private func workers() -> [WorkerStatus] {
        let counters = machine.engine.interchange.counters
        let cycles = counters.map { (busy: $0[.busyCycles], idle: $0[.idleCycles]) }
        defer { lastCycles = cycles }
        return counters.enumerated()
            .map { index, counters in
                let before = lastCycles.isEmpty ? (busy: 0, idle: 0) : lastCycles[index]
                let busy = Double(cycles[index].busy - before.busy)
                let all = busy + Double(cycles[index].idle - before.idle)
                let planned = machine.plan.workers[index]
                return WorkerStatus(
                    id: planned.id,
                    cpu: planned.cpu,
                    busyFraction: all > 0 ? busy / all : 0,
                    connections: counters[.connections],
                    connectionCapacity: UInt64(machine.engine.limits.connectionsPerWorker),
                    packets: counters[.received]
                )
            }
    }

    private static func status(_ port: PortSet.Port) -> PortStatus {
        let facts = port.device.facts
        let counted = port.device.statistics
        let link = port.link
        var status = PortStatus(
            name: port.name,
            driver: facts.driver,
            macAddress: facts.macAddress,
            mtu: port.setup.mtu,
            isLinkUp: link.isUp,
            speed: link.bitsPerSecond,
            queues: port.setup.receiveQueues
        )
        status.interface = port.interface?.description
        status.steering = port.steering.method.rawValue
        status.steeringReason = port.steering.reason
        status.receivedPackets = counted.receivedPackets
        status.receivedBytes = counted.receivedBytes
        status.transmittedPackets = counted.transmittedPackets
        status.transmittedBytes = counted.transmittedBytes
        status.lostPackets =
            counted.missed + counted.receiveErrors + counted.noBuffer + counted.transmitErrors
        return status
    }

    private static func status(
        _ totals: ProvisioningTotals.ServiceTotals,
        _ checks: [CheckedBackend: CheckReading]
    ) -> ServiceStatus {
        var status = ServiceStatus(totals.service)
        status.isRemoved = totals.isRemoved
        status.activeConnections = totals.sum[BackendCounter.active.rawValue]
        status.totalConnections = totals.sum[BackendCounter.connections.rawValue]
        status.backends = totals.service.targets.enumerated()
            .map { index, backend in
                var status = BackendStatus(backend)
                status.role = BackendStatus.role(of: backend, under: totals.conditions[index])
                let key = CheckedBackend(
                    service: totals.service.key,
                    endpoint: backend.endpoint
                )
                status.check = checks[key].map(CheckStatus.init)
                return Self.counting(totals.backends[index], in: status)
            }
        status.backends += totals.leaving.sorted { "\($0.endpoint)" < "\($1.endpoint)" }
            .map { Self.counting($0.counters, in: BackendStatus(removed: $0.endpoint)) }
        status.judge(lacking: totals.service.addressLack)
        return status
    }

    /// A drained backend of a service with persistence gets new connections all the same.
    private static func noteClients(
        of keys: Set<Service.Key>,
        in services: inout [ServiceStatus]
    ) {
        for index in services.indices where keys.contains(services[index].key) {
            for backend in services[index].backends.indices
            where services[index].backends[backend].role == .draining {
                services[index].backends[backend].keepsClients = true
            }
        }
    }

    private static func counting(_ counters: [UInt64], in status: BackendStatus) -> BackendStatus {
        var status = status
        status.activeConnections = counters[BackendCounter.active.rawValue]
        status.inactiveConnections = counters[BackendCounter.inactive.rawValue]
        status.totalConnections = counters[BackendCounter.connections.rawValue]
        return status
    }
}

extension CheckStatus {
    init(_ reading: CheckReading) {
        let state: State =
            switch reading.state {
            case .unknown: .unknown
            case .healthy: .healthy
            case .failed: .failed
            }
        self.init(state: state, since: reading.since, detail: reading.detail)
        good = reading.good
        bad = reading.bad
        unable = reading.unable
        duration = reading.duration
    }
}
