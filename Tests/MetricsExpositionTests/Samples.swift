// SPDX-License-Identifier: Apache-2.0
@testable import MetricsExposition

extension DataplaneStatistics {
    /// One of everything, with values that can be told apart.
    static func sample(instance: String = "default") -> DataplaneStatistics {
        var statistics = DataplaneStatistics(
            process: ProcessStatistics(
                instance: instance,
                version: "0.1.0",
                dpdk: "22.11.7",
                swift: "6.3.1",
                startTime: 1_700_000_000.5,
                isReady: true
            )
        )
        statistics.configuration.generation = 7
        statistics.configuration.lastSuccessTime = 1_700_000_100
        statistics.configuration.lastReloadDuration = 0.0125
        statistics.configuration.failedReloads = 2
        statistics.cycleFrequency = 2.1e9
        var worker = WorkerStatistics(id: 1)
        worker.busyCycles = UInt64.max
        worker.connectionCapacity = 1_048_576
        statistics.workers = [worker]
        var port = PortStatistics(name: "dpdk0", driver: "net_tap", macAddress: "02:00:00:00:00:01")
        port.isLinkUp = true
        port.speed = 10_000_000_000
        port.mtu = 1500
        port.iommuFaults = 2
        port.busErrors = 0
        statistics.ports = [port]
        var interface = InterfaceStatistics(name: "dpdk0.100")
        interface.receivedPackets = 14
        interface.transmittedBytes = 900
        statistics.interfaces = [interface]
        let slave = BondSlaveStatistics(
            port: "bond0",
            slave: "dpdk1",
            isLinkUp: true,
            isActive: false
        )
        statistics.bonds = [
            BondStatistics(port: "bond0", mode: "802.3ad", primary: "dpdk2", slaves: [slave])
        ]
        var exceptions = ExceptionStatistics(port: "dpdk0", exceptionClass: "routing")
        exceptions.passed = 20
        exceptions.policed = 3
        statistics.exceptions = [exceptions]
        statistics.pools = [PoolStatistics(name: "pool0", inUse: 12, capacity: 8191)]
        statistics.connectionStates = [StateCount(state: "active", count: 3)]
        statistics.addressedPackets = [StateCount(state: "toa", count: 8)]
        statistics.unaddressedPackets = [StateCount(state: "mtu", count: 1)]
        statistics.services = [.sample()]
        statistics.sets = [SetStatistics(name: "bots", entries: 3, memory: 128, hits: 7)]
        statistics.localAddresses = [
            LocalAddressStatistics(
                address: "192.168.0.200",
                portsInUse: 4,
                portCapacity: 64511,
                exhausted: 0
            )
        ]
        statistics.neighbours = [StateCount(state: "reachable", count: 2)]
        statistics.linkDiscovery = [
            LinkDiscoveryStatistics(
                port: "dpdk0",
                neighbours: 1,
                sent: 9,
                received: 8,
                malformed: 2,
                ignored: 3
            )
        ]
        statistics.kernelMirror = KernelMirrorStatistics(
            objects: [
                StateCount(state: "address", count: 1), StateCount(state: "route", count: 3),
            ],
            changes: 7,
            overruns: 0,
            failures: 0
        )
        statistics.drops = [DropCount(reason: "no_service", stage: "balancing", packets: 5)]
        return statistics
    }
}

extension ServiceStatistics {
    static func sample(name: String = "web", backends: Int = 2) -> ServiceStatistics {
        var service = ServiceStatistics(
            name: name,
            address: "10.0.0.100",
            port: "80",
            transport: "tcp"
        )
        service.refused = [("connection_limit", 3)]
        for index in 0..<backends {
            var backend = BackendStatistics(
                address: "192.168.0.\(index + 2)",
                port: 8080,
                weight: index + 1
            )
            backend.traffic.connections = 10
            backend.traffic.incomingBytes = 1000
            if index == 0 {
                backend.remainingConnections = 4
                backend.persistentClients = 2
                backend.isOverloaded = true
                backend.isInhibited = false
                var check = CheckStatistics()
                check.isHealthy = true
                check.good = 21
                check.bad = 2
                check.duration = 0.0015
                backend.check = check
            }
            service.traffic += backend.traffic
            service.backends.append(backend)
        }
        return service
    }
}

/// The scrape as text.
func expose(
    _ statistics: DataplaneStatistics,
    as format: ExpositionFormat = .text,
    _ selection: Scrape.Selection = Scrape.Selection()
) -> String {
    let bytes = Catalogue.expose(statistics, as: format, selection)
    return String(decoding: bytes, as: UTF8.self)
}

func lines(_ text: String, with prefix: String) -> [String] {
    text.split(separator: "\n").filter { $0.hasPrefix(prefix) }.map(String.init)
}
