// SPDX-License-Identifier: Apache-2.0
import Addressing
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
import Timing

extension DaemonBackend {
    func statistics(of services: ServiceFilter) async -> DataplaneStatistics {
        var statistics = DataplaneStatistics(
            process: ProcessStatistics(
                instance: instance,
                version: BuildInformation.version,
                dpdk: Environment.version,
                swift: BuildInformation.swift,
                startTime: startTime.timeIntervalSince1970,
                isReady: trafficProbe.isPassing
            )
        )
        statistics.process.lostLogLines = StandardErrorLog.lostLines
        statistics.configuration = await configurationStatistics()
        statistics.cycleFrequency = Double(Environment.cycleFrequency)
        let ages = heartbeatAges()
        statistics.workers = machine.engine.interchange.counters.enumerated()
            .map { worker($0, $1, heartbeatAge: ages[$0]) }
        let slowPath = machine.slowPath.counters
        statistics.slowPath.generated = slowPath[.generated]
        statistics.slowPath.delivered = slowPath[.delivered]
        statistics.slowPath.held = slowPath[.held]
        statistics.slowPath.duplicateAddresses = slowPath[.duplicateAddresses]
        statistics.slowPath.addressConflicts = slowPath[.addressConflicts]
        statistics.ports = machine.ports.ports.enumerated().map(port)
        statistics.interfaces = await machine.conductor.vlans.map(machine.statistics)
        statistics.bonds = machine.ports.ports.compactMap { $0.bond?.statistics }
        statistics.exceptions = machine.exceptions
        let pool = machine.ports.pool
        statistics.pools = [
            PoolStatistics(
                name: "packets",
                inUse: UInt64(pool.inUse),
                capacity: UInt64(pool.size)
            )
        ]
        let totals = await machine.conductor.totals(of: services)
        statistics.connectionStates = [
            StateCount(state: "active", count: totals.activeConnections),
            StateCount(state: "inactive", count: totals.inactiveConnections),
        ]
        let now = Instant(nanoseconds: Host.monotonicNanoseconds)
        let clients = await machine.conductor.persistentClients(at: now)
        let checks = await checker.readings()
        statistics.services = totals.services.map { Self.service($0, clients, checks) }
        statistics.checks = CheckLoadStatistics(await checker.load)
        statistics.localAddresses = totals.localAddresses.map {
            LocalAddressStatistics(
                address: $0.address.description,
                portsInUse: $0.used,
                portCapacity: $0.capacity,
                exhausted: $0.exhausted
            )
        }
        statistics.sets = await machine.conductor.setTotals.map {
            SetStatistics(name: $0.name, entries: $0.entries, memory: $0.octets, hits: $0.hits)
        }
        statistics.neighbours = machine.neighbourStates
        statistics.linkDiscovery = await linkDiscoveryStatistics()
        statistics.kernelMirror = await follower?.statistics()
        statistics.addressedPackets = machine.addressedPackets
        statistics.unaddressedPackets = machine.unaddressedPackets
        statistics.drops = machine.drops.map {
            DropCount(reason: $0.name, stage: $0.stage.rawValue, packets: $1)
        }
        return statistics
    }

    private func configurationStatistics() async -> ConfigurationStatistics {
        let status = await reloader.status()
        let outcomes = await reloader.outcomes
        var result = ConfigurationStatistics()
        result.generation = status.generation
        result.lastReloadSuccessful = status.lastReload?.isSuccess ?? true
        result.lastSuccessTime = status.applied.timeIntervalSince1970
        result.lastReloadDuration = status.lastReload?.duration
        result.successfulReloads = UInt64(outcomes[.applied] ?? 0)
        result.failedReloads = UInt64((outcomes[.rejected] ?? 0) + (outcomes[.failed] ?? 0))
        result.unchangedReloads = UInt64(outcomes[.unchanged] ?? 0)
        result.restartRequired = status.restartRequired.count
        return result
    }

    private func worker(
        _ index: Int,
        _ counters: WorkerCounters,
        heartbeatAge: Duration
    ) -> WorkerStatistics {
        var worker = WorkerStatistics(id: machine.plan.workers[index].id)
        worker.heartbeatAge = heartbeatAge / .seconds(1)
        worker.turns = counters[.turns]
        worker.idleTurns = counters[.idleTurns]
        worker.busyCycles = counters[.busyCycles]
        worker.idleCycles = counters[.idleCycles]
        worker.kernelCycles = counters[.kernelCycles]
        worker.receivedPackets = counters[.received]
        worker.transmittedPackets = counters[.transmitted]
        worker.redirectedOut = counters[.redirectedOut]
        worker.redirectedIn = counters[.redirectedIn]
        worker.directReplies = counters[.directReplies]
        worker.relatedErrors = counters[.relatedErrors]
        worker.madeFragments = counters[.madeFragments]
        worker.punted = counters[.punted]
        worker.generated = counters[.generated]
        worker.injected = counters[.injected]
        worker.connectionsOpened = counters[.connectionsOpened]
        worker.connectionsExpired = counters[.connectionsExpired]
        worker.lostResets = counters[.lostResets]
        worker.connections = counters[.connections]
        worker.connectionCapacity = UInt64(machine.engine.limits.connectionsPerWorker)
        return worker
    }

    private func port(_ index: Int, _ port: PortSet.Port) -> PortStatistics {
        let interchange = machine.engine.interchange
        let faults = machine.faults
        let facts = port.device.facts
        let counted = port.device.statistics
        let link = port.link
        var result = PortStatistics(
            name: port.name,
            driver: facts.driver,
            macAddress: facts.macAddress.description
        )
        result.steering = port.steering.method.rawValue
        result.interface = port.interface?.name ?? ""
        result.way = port.interface?.way.rawValue ?? ""
        result.isLinkUp = link.isUp
        result.speed = link.bitsPerSecond
        result.mtu = port.setup.mtu
        result.receivedPackets = counted.receivedPackets
        result.receivedBytes = counted.receivedBytes
        result.receiveErrors = counted.receiveErrors
        result.receiveMissed = counted.missed
        result.receiveNoBuffer = counted.noBuffer
        result.badHeaderChecksums = interchange.received(.badHeaderChecksum, port: index)
        result.badTransportChecksums = interchange.received(.badTransportChecksum, port: index)
        result.misjudgedChecksums = interchange.received(.misjudgedChecksum, port: index)
        result.finishedChecksums = interchange.received(.finishedChecksum, port: index)
        result.superPackets = interchange.received(.superPacket, port: index)
        result.transmittedPackets = counted.transmittedPackets
        result.transmittedBytes = counted.transmittedBytes
        result.transmitErrors = counted.transmitErrors
        let sample = DeviceSample(port, faults)
        result.iommuFaults = sample.faults[.iommu]
        result.busErrors = sample.faults[.bus]
        result.isRemoved = sample.isRemoved
        return result
    }

    private static func service(
        _ totals: ProvisioningTotals.ServiceTotals,
        _ clients: [Provisioner.BackendKey: Int],
        _ checks: [CheckedBackend: CheckReading]
    ) -> ServiceStatistics {
        let key = totals.service.key
        var result = ServiceStatistics(
            name: totals.service.name,
            address: key.addressText,
            port: key.portText,
            transport: key.protocol.rawValue
        )
        result.traffic = traffic(totals.sum)
        result.activeConnections = totals.sum[BackendCounter.active.rawValue]
        result.leavingConnections = totals.leaving.reduce(0) {
            $0 &+ $1.counters[BackendCounter.claimed.rawValue]
        }
        result.refused = [
            ("connection_limit", totals.refused.overLimit),
            ("rate_limit", totals.refused.overRate), ("denied", totals.refused.denied),
            ("not_allowed", totals.refused.notAllowed),
            ("no_backend", totals.refused.withoutBackend),
        ]
        result.backends = totals.service.targets.enumerated()
            .map { index, backend in
                let counters = totals.backends[index]
                var result = BackendStatistics(
                    address: backend.endpoint.address.description,
                    port: backend.endpoint.port,
                    weight: backend.weight
                )
                result.traffic = traffic(counters)
                result.activeConnections = counters[BackendCounter.active.rawValue]
                result.inactiveConnections = counters[BackendCounter.inactive.rawValue]
                let own = Provisioner.BackendKey(service: key, endpoint: backend.endpoint)
                if totals.service.persistence != nil {
                    result.persistentClients = clients[own] ?? 0
                }
                if backend.weight == 0 {
                    result.remainingConnections = counters[BackendCounter.claimed.rawValue]
                }
                let conditions = totals.conditions[index]
                if backend.maxConnections != nil {
                    result.isOverloaded = conditions.contains(.full)
                }
                if totals.service.protection.destCheck != nil {
                    result.isInhibited = conditions.contains(.down)
                }
                let checked = CheckedBackend(service: key, endpoint: backend.endpoint)
                result.check = checks[checked].map(CheckStatistics.init)
                return result
            }
        return result
    }

    private static func traffic(_ counters: [UInt64]) -> TrafficStatistics {
        var traffic = TrafficStatistics()
        traffic.connections = counters[BackendCounter.connections.rawValue]
        traffic.incomingPackets = counters[BackendCounter.incomingPackets.rawValue]
        traffic.incomingBytes = counters[BackendCounter.incomingBytes.rawValue]
        traffic.outgoingPackets = counters[BackendCounter.outgoingPackets.rawValue]
        traffic.outgoingBytes = counters[BackendCounter.outgoingBytes.rawValue]
        return traffic
    }
}

extension CheckStatistics {
    init(_ reading: CheckReading) {
        self.init()
        isHealthy = reading.state == .unknown ? nil : reading.state == .healthy
        good = reading.good
        bad = reading.bad
        unable = reading.unable
        duration = reading.duration
    }
}

extension CheckLoadStatistics {
    init(_ load: CheckLoad) {
        self.init()
        probes = load.probes
        running = load.running
        waiting = load.waiting
    }
}
