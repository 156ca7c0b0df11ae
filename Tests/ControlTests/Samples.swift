// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import ControlServer
import Foundation
import MetricsExposition
import Model
import Testing

/// A daemon that only answers.
struct SampleBackend: ControlBackend {
    var live = Probe.passing
    var ready = Probe.passing
    var outcome = ReloadReport.Outcome.applied
    /// How often statistics have the service.
    var copies = 1
    let events = RunningEvents()

    func liveness() async -> Probe { live }
    func readiness() async -> Probe { ready }
    func status(of selection: StatusSelection) async -> Status {
        guard var status = try? Status.sample(), let service = try? Service.sample() else {
            return .empty
        }
        let isMeant = selection.services.contains(service)
        status.list(isMeant ? status.services : [], selection)
        return status
    }
    func readings(of services: ServiceFilter) async -> ServiceReadings {
        guard let service = try? Service.sample() else { return .init(version: "", generation: 0) }
        var readings = ServiceReadings(version: "0.1.0", generation: 7)
        var reading = ServiceReading(service)
        reading.traffic.connections = 12
        readings.services = services.contains(service) ? [reading] : []
        return readings
    }
    func zero(_ services: ServiceFilter) async -> Bool {
        services.isEverything || ((try? Service.sample()).map(services.contains) ?? false)
    }
    func edit<Outcome: Sendable>(
        _ change: @Sendable @escaping (inout ServiceDraft) throws -> Outcome
    ) async throws -> (Outcome, ReloadReport?) {
        var draft = ServiceDraft(RuntimeLayer(), files: await running(), running: await running())
        return (try change(&draft), draft.isChanged ? .sample(outcome) : nil)
    }
    func connections(_ query: ConnectionQuery) async throws -> ConnectionPages {
        .sample(query)
    }
    func endConnections(_ query: ConnectionQuery) async throws -> Int {
        try await connections(query).reduce(0) { $0 + $1.connections.count }
    }
    func linkDiscovery() async -> [LinkDiscoveryStatus] { .sample }
    func links(hasDetails: Bool) async -> [LinkStatus] { .sample(hasDetails: hasDetails) }

    /// Knows one device, which cannot switch its link.
    func change(_ link: String, _ switches: LinkSwitches) async throws(ProblemDetails) {
        guard link == "dpdk0" else { throw ProblemDetails(.notFound, "no such device") }
        guard switches.isUp == nil else { throw ProblemDetails(.failed, "it has no switch") }
    }

    func lcores() async -> [LcoreStatus] { [.sample] }
    func addresses() async -> [AddressStatus] { [.sample].compactMap(\.self) }
    func routes() async -> [RouteStatus] { [.sample].compactMap(\.self) }
    func neighbours() async -> [NeighbourStatus] { [.sample].compactMap(\.self) }
    func groups() async -> [GroupStatus] { [.sample] }
    func memory() async -> MemoryStatus { .sample }
    func liveReport(seconds: Double) async -> LiveReport { .sample(seconds: seconds) }
    func running() async -> DesiredState {
        DesiredState(services: [(try? .sample())].compactMap(\.self))
    }

    func explain(_ request: ExplanationRequest) async throws(ProblemDetails) -> Explanation {
        guard request.destination.port == 80 else {
            throw ProblemDetails(.badRequest, "not this one")
        }
        return Explanation(
            verdict: .dropped,
            dropReason: "no_backend",
            steps: [.init("arrival", "\(request.source)"), .init("end", "dropped: no_backend")]
        )
    }

    func configurationStatus() async -> ConfigStatus { .sample }
    func watch() async throws(ProblemDetails) -> AsyncStream<RunningEvents.Signal> {
        if let stream = events.watch() { return stream }
        throw ProblemDetails(.unavailable, "too many watch")
    }

    func history() async -> [HistoryEntry] { .sample }
    func drift() async -> [DriftEntry] { .sample }
    func reload() async -> ReloadReport { .sample(outcome) }

    func runtimeLayer() async -> RuntimeLayer { RuntimeLayer() }
    func export(isWhole: Bool) async -> String { isWhole ? "# all\n" : "# edits\n" }

    /// Says what it was asked.
    func edit(_ request: EditRequest) async throws(ProblemDetails) -> ReloadReport {
        if let generation = request.generation, generation != 7 {
            throw ProblemDetails(.conflict, "7 runs")
        }
        var report = ReloadReport.sample(outcome)
        report.isDryRun = request.isDryRun
        report.changes = [request.name, String(decoding: request.batch, as: UTF8.self)]
        return report
    }

    func revert(
        _ objects: [String]?,
        isDryRun: Bool
    ) async throws(ProblemDetails) -> ReloadReport {
        if objects?.contains("nothing") == true {
            throw ProblemDetails(.notFound, "not that")
        }
        var report = ReloadReport.sample(outcome)
        report.isDryRun = isDryRun
        report.changes = objects ?? ["all"]
        return report
    }

    func rollback(to generation: UInt64) async throws(ProblemDetails) -> ReloadReport {
        if generation < 7 { return .sample(.applied) }
        throw ProblemDetails(.notFound, "no generation \(generation)")
    }

    func stop(_ mode: StopMode?) async {}

    func statistics(of services: ServiceFilter) async -> DataplaneStatistics {
        var statistics = DataplaneStatistics(
            process: ProcessStatistics(
                instance: "default",
                version: "0.1.0",
                dpdk: "22.11",
                swift: "6.3",
                startTime: 1,
                isReady: true
            )
        )
        var service = ServiceStatistics(
            name: "web",
            address: "10.0.0.100",
            port: "80",
            transport: "tcp"
        )
        service.backends = [BackendStatistics(address: "192.168.0.2", port: 8080, weight: 1)]
        let isMeant = (try? Service.sample()).map(services.contains) ?? false
        statistics.services = isMeant ? Array(repeating: service, count: copies) : []
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
            ),
            WorkerStatus(
                id: 2,
                cpu: 3,
                busyFraction: 0,
                connections: 0,
                connectionCapacity: 1_048_576,
                packets: 0
            ),
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
        port.steering = "rss"
        port.steeringReason = "Toeplitz over a table of 128 places"
        var companion = CompanionStatus(name: "dpdk0.kni", kind: "tap")
        companion.passed = 12
        companion.policed = 5_000_000
        port.companion = companion
        status.ports = [port]
        var vlan = VLANStatus(
            VLANInterface(name: "dpdk0.100", link: "dpdk0", id: 100, innerID: 7, priority: 3),
            companion: "dpdk0.100.kni (tap)"
        )
        vlan.receivedPackets = 12
        status.vlans = [vlan]
        var service = ServiceStatus(try .sample())
        service.activeConnections = 12
        service.totalConnections = 4_000_000
        service.backends = try Service.sample().backends.map(BackendStatus.init)
        service.backends[0].activeConnections = 12
        service.backends[0].inactiveConnections = 30
        service.judge()
        status.list([service], StatusSelection())
        status.drops = [
            DropStatus(reason: "no_route", stage: "network", packets: 0),
            DropStatus(reason: "no_service", stage: "balance", packets: 17),
            DropStatus(reason: "tcp_not_syn", stage: "balance", packets: 23),
        ]
        return status
    }
}

extension ReloadReport {
    static func sample(_ outcome: Outcome) -> ReloadReport {
        var report = ReloadReport(
            outcome: outcome,
            trigger: "file",
            generation: 7,
            digest: "0123456789abcdef",
            finished: Date(timeIntervalSince1970: 1_700_000_000),
            duration: 0.0042
        )
        switch outcome {
        case .applied: report.changes = ["set weight of 192.168.0.2:8080 in web to 3"]
        case .unchanged: report.restartRequired = ["worker_defs"]
        case .rejected, .failed:
            report.problems = [
                Problem(.error, at: "web.yaml:12:9", "services[0].port: '99999' is not a port")
            ]
        }
        return report
    }
}

extension ConfigStatus {
    static let sample = ConfigStatus(
        generation: 7,
        digest: "0123456789abcdef",
        applied: Date(timeIntervalSince1970: 1_699_999_000),
        files: ["/etc/dpvs/dpvs.conf", "/etc/dpvs/services/web.yaml"],
        restartRequired: ["worker_defs"],
        drift: 1,
        lastReload: .sample(.rejected)
    )
}

extension [HistoryEntry] {
    static let sample = [
        HistoryEntry(
            generation: 7,
            digest: "0123456789abcdef",
            applied: Date(timeIntervalSince1970: 1_699_999_000),
            trigger: "file",
            changes: 3,
            isCurrent: true
        )
    ]
}

extension [LinkDiscoveryStatus] {
    static let sample: [LinkDiscoveryStatus] = {
        var port = LinkDiscoveryStatus(port: "dpdk0", isOn: true)
        port.sent = 9
        port.received = 8
        var neighbour = LinkDiscoveryStatus.Neighbour(chassis: "02:00:00:00:00:09", port: "eth7")
        neighbour.systemName = "leaf1"
        neighbour.capabilities = ["bridge", "router"]
        neighbour.managementAddresses = [.v4(IPv4Address(10, 0, 0, 9))]
        neighbour.expiresIn = 93
        port.neighbours = [neighbour]
        return [port, LinkDiscoveryStatus(port: "dpdk1", isOn: false)]
    }()
}

extension [DriftEntry] {
    static let sample = [
        DriftEntry(
            object: "service tcp 10.0.0.100:80",
            kind: .different,
            owner: .file("/etc/dpvs/services/web.yaml"),
            detail: "weight of 192.168.0.2:8080: file 1, running 3"
        )
    ]
}

extension ConnectionReading {
    /// One of three connections of a client.
    static func sample(_ number: UInt16) -> ConnectionReading {
        func endpoint(_ last: UInt8, _ net: UInt8, _ port: UInt16) -> Endpoint {
            let octets = UInt32(10) << 24 | UInt32(net) << 8 | UInt32(last)
            return Endpoint(.v4(IPv4Address(rawValue: octets)), port)
        }
        return ConnectionReading(
            worker: 1,
            protocol: .tcp,
            state: "established",
            mode: .fnat,
            client: endpoint(7, 0, 50_000 + number),
            virtual: endpoint(100, 0, 80),
            local: endpoint(200, 1, 1025 + number),
            backend: endpoint(2, 1, 80),
            service: "tcp 10.0.0.100:80",
            expires: 90
        )
    }
}

extension ConnectionPages {
    /// Three connections, those from the query's place on, one a page.
    static func sample(_ query: ConnectionQuery) -> ConnectionPages {
        ConnectionPages { continuation in
            for number in query.place.position..<3 {
                var page = ConnectionPage()
                page.connections = [.sample(UInt16(number))]
                page.places = [ConnectionPlace(worker: 0, position: number + 1)]
                continuation.yield(page)
            }
            continuation.finish()
        }
    }
}
