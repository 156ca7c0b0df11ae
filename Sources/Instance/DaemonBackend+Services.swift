// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Control
import ControlServer
import Linux
import Model
import Provisioning
import Reload
import Timing

/// Services as they run, for operators' tools.
extension DaemonBackend {
    func readings(of services: ServiceFilter) async -> ServiceReadings {
        // What was counted first: then nothing is newer than the generation that is told.
        let generation = await reloader.generation
        var totals = await machine.conductor.totals(of: services)
        totals.services.removeAll { $0.isRemoved }
        let running = await reloader.running
        var readings = ServiceReadings(
            version: BuildInformation.version,
            generation: generation
        )
        readings.timeouts.tcp = seconds("tcp.timeout.established", running)
        readings.timeouts.tcpFin = seconds("tcp.timeout.fin_wait", running)
        readings.timeouts.udp = seconds("udp.timeout.normal", running)
        let locals = Set(totals.services.flatMap(\.service.localAddresses))
        readings.addresses = running.addresses.filter { locals.contains($0.prefix.address) }
        readings.localAddresses = totals.localAddresses.filter { locals.contains($0.address) }
            .map {
                LocalAddressReading(
                    address: $0.address,
                    portsInUse: $0.used,
                    exhausted: $0.exhausted
                )
            }
        let isPersistent = totals.services.contains { $0.service.persistence != nil }
        let now = Instant(nanoseconds: Host.monotonicNanoseconds)
        let clients = isPersistent ? await machine.conductor.persistentClients(at: now) : [:]
        readings.services = totals.services.map { Self.reading($0, clients) }
        return readings
    }

    /// Lets what operators' tools show of some services begin at 0.
    func zero(_ services: ServiceFilter) async -> Bool {
        await machine.conductor.zero(services)
    }

    private func seconds(_ item: String, _ running: DesiredState) -> Int {
        running.settings.integer("ipvs_defs.\(item)")
    }

    private static func reading(
        _ totals: ProvisioningTotals.ServiceTotals,
        _ clients: [Provisioner.BackendKey: Int]
    ) -> ServiceReading {
        var reading = ServiceReading(totals.service)
        reading.traffic = traffic(totals.sum, since: totals.marks?.sum)
        let isPersistent = totals.service.persistence != nil
        reading.backends = totals.service.targets.enumerated()
            .map { index, backend in
                let counters = totals.backends[index]
                let role = BackendStatus.role(of: backend, under: totals.conditions[index])
                var reading = BackendReading(endpoint: backend.endpoint, role: role)
                reading.isInhibited = totals.conditions[index].isDead
                reading.isFull = totals.conditions[index].contains(.full)
                reading.activeConnections = counters[BackendCounter.active.rawValue]
                reading.inactiveConnections = counters[BackendCounter.inactive.rawValue]
                reading.traffic = traffic(counters, since: totals.marks?.backends[index])
                if isPersistent {
                    let service = totals.service.key
                    let key = Provisioner.BackendKey(service: service, endpoint: backend.endpoint)
                    reading.persistentClients = clients[key] ?? 0
                }
                return reading
            }
        return reading
    }

    private static func traffic(_ counters: [UInt64], since marks: [UInt64]?) -> TrafficReading {
        let since = { (counter: BackendCounter) in
            counters[counter.rawValue] &- (marks?[counter.rawValue] ?? 0)
        }
        var traffic = TrafficReading()
        traffic.connections = since(.connections)
        traffic.packetsIn = since(.incomingPackets)
        traffic.packetsOut = since(.outgoingPackets)
        traffic.bytesIn = since(.incomingBytes)
        traffic.bytesOut = since(.outgoingBytes)
        return traffic
    }
}

extension BackendStatus {
    /// What new connections a backend gets, by its weight and by what happened to it.
    static func role(of backend: Backend, under conditions: BackendConditions.Reasons) -> Role {
        if backend.weight == 0 { return .draining }
        if conditions.contains(.failed) { return .failed }
        if conditions.contains(.down) { return .inhibited }
        return conditions.contains(.full) ? .overloaded : .serving
    }
}
