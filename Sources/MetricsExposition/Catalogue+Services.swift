// SPDX-License-Identifier: Apache-2.0

extension ServiceStatistics: MetricRow {
    static let labels = ["service", "local_address", "local_port", "proto"]
    var labelValues: [String] { [name, address, port, transport.uppercased()] }
}

struct BackendRow: MetricRow {
    static let labels = ServiceStatistics.labels + ["remote_address", "remote_port"]
    /// The labels of its service, as they are written.
    var serviceText: [UInt8]
    var service: ServiceStatistics
    var backend: BackendStatistics
    var labelValues: [String] { service.labelValues + [backend.address, String(backend.port)] }

    func appendLabels(to text: inout [UInt8]) {
        text.append(contentsOf: serviceText)
        text.appendLabel("remote_address", backend.address)
        text.append(contentsOf: Self.port)
        text.appendDecimal(UInt64(backend.port))
        text.append(UInt8(ascii: "\""))
    }

    private static let port = Array(",remote_port=\"".utf8)
}

/// The backends of all services, one after another.
struct BackendRows: Sequence, IteratorProtocol {
    private var services: ArraySlice<ServiceStatistics>
    /// What follows of the first service.
    private var backends: ArraySlice<BackendStatistics> = []
    private var text: [UInt8] = []

    init(_ services: [ServiceStatistics]) {
        self.services = services[...]
        begin()
    }

    mutating func next() -> BackendRow? {
        while let service = services.first {
            if let backend = backends.popFirst() {
                return BackendRow(serviceText: text, service: service, backend: backend)
            }
            services = services.dropFirst()
            begin()
        }
        return nil
    }

    private mutating func begin() {
        guard let service = services.first else { return }
        backends = service.backends[...]
        var text: [UInt8] = []
        service.appendLabels(to: &text)
        self.text = text
    }
}

struct RefusalRow: MetricRow {
    static let labels = ServiceStatistics.labels + ["reason"]
    var service: ServiceStatistics
    var reason: String
    var count: UInt64
    var labelValues: [String] { service.labelValues + [reason] }
}

struct CheckRow: MetricRow {
    static let labels = BackendRow.labels + ["result"]
    var backend: BackendRow
    var result: String
    var count: UInt64
    var labelValues: [String] { backend.labelValues + [result] }
}

extension Catalogue {
    static let services = MetricTable<ServiceStatistics>(
        of: \.services,
        traffic("dpvs_service", \.traffic) + [
            .gauge("dpvs_service_connections_active", "Established connections.") {
                .integer($0.activeConnections)
            },
            .gauge("dpvs_service_weight", "Sum of the backends' weights.") {
                .count($0.backends.reduce(0) { $0 + $1.weight })
            },
            .gauge("dpvs_service_backends", unit: "backends", "Backends, draining ones too.") {
                .count($0.backends.count)
            },
            .gauge(
                "dpvs_service_leaving_connections",
                unit: "connections",
                "Connections of backends that are gone from the service, or with it."
            ) { .integer($0.leavingConnections) },
        ]
    )

    static let refusals = MetricTable<RefusalRow>(
        of: { statistics in
            statistics.services.lazy.flatMap { service in
                service.refused.map {
                    RefusalRow(service: service, reason: $0.reason, count: $0.count)
                }
            }
        },
        [
            .counter(
                "dpvs_service_refused_connections_total",
                unit: "connections",
                "Connections that were given no backend."
            ) { $0.count }
        ]
    )

    static let backends = MetricTable<BackendRow>(
        of: { BackendRows($0.services) },
        traffic("dpvs_backend", \.backend.traffic) + [
            .gauge("dpvs_backend_connections_active", "Established connections.") {
                .integer($0.backend.activeConnections)
            },
            .gauge("dpvs_backend_connections_inactive", "Connections opening or closing.") {
                .integer($0.backend.inactiveConnections)
            },
            .gauge(
                "dpvs_backend_persistent_clients",
                unit: "clients",
                "Clients that persistence keeps there."
            ) { $0.backend.persistentClients.map { .count($0) } },
            .gauge("dpvs_backend_weight", "Share of new connections; 0 drains.") {
                .count($0.backend.weight)
            },
            .gauge(
                "dpvs_backend_remaining_connections",
                unit: "connections",
                "Connections that a draining backend still has."
            ) { $0.backend.remainingConnections.map { .integer($0) } },
            .gauge(
                "dpvs_backend_overloaded",
                "1 while it is passed over because it had maxConnections."
            ) { $0.backend.isOverloaded.map { .flag($0) } },
            .gauge(
                "dpvs_backend_inhibited",
                "1 while it is passed over because connections to it failed."
            ) { $0.backend.isInhibited.map { .flag($0) } },
            .gauge(
                "dpvs_backend_healthy",
                "1 while it passes its health check, 0 while it fails; absent before a verdict."
            ) { $0.backend.check?.isHealthy.map { .flag($0) } },
            .gauge(
                "dpvs_backend_check_duration_seconds",
                unit: "seconds",
                "Time that the latest health check took."
            ) { $0.backend.check.map { .number($0.duration) } },
        ]
    )

    static let backendChecks = MetricTable<CheckRow>(
        of: { statistics in
            BackendRows(statistics.services).lazy
                .flatMap { row -> [CheckRow] in
                    guard let check = row.backend.check else { return [] }
                    return [("good", check.good), ("bad", check.bad), ("unable", check.unable)]
                        .map { CheckRow(backend: row, result: $0, count: $1) }
                }
        },
        [
            .counter(
                "dpvs_backend_checks_total",
                unit: "checks",
                "Health checks, by what came of them; unable: they could not be made."
            ) { $0.count }
        ]
    )

    static let checks = MetricTable<WholeRow>(
        of: { [WholeRow(statistics: $0)] },
        [
            .gauge(
                "dpvs_health_check_probes",
                unit: "probes",
                "Questions that health checks ask again and again."
            ) { .count($0.statistics.checks.probes) },
            .gauge(
                "dpvs_health_check_running",
                "Health checks that wait for an answer."
            ) { .count($0.statistics.checks.running) },
            .gauge(
                "dpvs_health_check_waiting",
                "Health checks whose time has come and that wait for a place."
            ) { .count($0.statistics.checks.waiting) },
        ]
    )

    /// What a service and a backend count alike.
    private static func traffic<Row: MetricRow>(
        _ prefix: String,
        _ traffic: @escaping @Sendable (Row) -> TrafficStatistics
    ) -> [MetricTable<Row>.Entry] {
        [
            .counter(
                "\(prefix)_connections_total",
                unit: "connections",
                "Connections that were given a backend."
            ) { traffic($0).connections },
            .counter(
                "\(prefix)_incoming_packets_total",
                unit: "packets",
                "Packets from clients."
            ) { traffic($0).incomingPackets },
            .counter(
                "\(prefix)_outgoing_packets_total",
                unit: "packets",
                "Packets to clients."
            ) { traffic($0).outgoingPackets },
            .counter("\(prefix)_incoming_bytes_total", unit: "bytes", "Octets from clients.") {
                traffic($0).incomingBytes
            },
            .counter("\(prefix)_outgoing_bytes_total", unit: "bytes", "Octets to clients.") {
                traffic($0).outgoingBytes
            },
        ]
    }
}
