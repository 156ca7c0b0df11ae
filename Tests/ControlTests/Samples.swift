// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import ControlServer
import MetricsExposition
import Model
import Testing

/// A daemon that only answers.
struct SampleBackend: ControlBackend {
    var live = Probe.passing
    var ready = Probe.passing

    func liveness() async -> Probe { live }
    func readiness() async -> Probe { ready }
    func status() async -> Status { (try? .sample()) ?? .empty }
    func running() async -> DesiredState {
        DesiredState(services: [(try? .sample())].compactMap(\.self))
    }

    func statistics() async -> DataplaneStatistics {
        var statistics = DataplaneStatistics(
            process: ProcessStatistics(
                instance: "default",
                version: "0.1.0",
                commit: "abc",
                dpdk: "22.11",
                swift: "6.3",
                startTime: 1,
                isReady: true
            )
        )
        var service = ServiceStatistics(
            name: "web",
            address: "10.0.0.100",
            port: 80,
            transport: "tcp"
        )
        service.backends = [BackendStatistics(address: "192.168.0.2", port: 8080, weight: 1)]
        statistics.services = [service]
        return statistics
    }
}

extension Service {
    static func sample() throws -> Service {
        Service(
            key: Key(address: try #require(IPAddress("10.0.0.100")), port: 80, protocol: .tcp),
            name: "web",
            scheduler: .wrr,
            backends: [
                Backend(endpoint: try #require(Endpoint("192.168.0.2:8080")), weight: 3),
                Backend(endpoint: try #require(Endpoint("192.168.0.3:8080")), weight: 0),
            ]
        )
    }
}

extension Status {
    static let empty = Status(
        version: "0.1.0",
        instance: "default",
        pid: 4711,
        uptime: 273_600,
        phase: .ready,
        generation: 7,
        digest: "0123456789abcdef0123456789abcdef"
    )

    static func sample() throws -> Status {
        var status = empty
        status.restartRequired = ["worker_defs", "netif_defs.pktpool_size"]
        status.memory = "512 hugepages of 2 MB on NUMA node 0"
        status.workers = [
            WorkerStatus(
                id: 1,
                cpu: 2,
                busyFraction: 0.0415,
                connections: 1200,
                connectionCapacity: 1_048_576,
                packets: 12_345_678_901
            )
        ]
        var port = PortStatus(
            name: "dpdk0",
            driver: "net_af_packet",
            macAddress: try #require(MACAddress("02:00:00:00:00:01")),
            mtu: 1500,
            isLinkUp: true,
            speed: 10_000_000_000,
            queues: 1
        )
        port.receivedPackets = 999_999
        status.ports = [port]
        var service = ServiceStatus(try .sample())
        service.activeConnections = 12
        service.totalConnections = 4_000_000
        service.backends = try Service.sample().backends.map(BackendStatus.init)
        service.backends[0].activeConnections = 12
        service.backends[0].inactiveConnections = 30
        status.services = [service]
        status.drops = [
            DropStatus(reason: "no_route", stage: "network", packets: 0),
            DropStatus(reason: "no_service", stage: "balance", packets: 17),
            DropStatus(reason: "tcp_not_syn", stage: "balance", packets: 23),
        ]
        return status
    }
}
