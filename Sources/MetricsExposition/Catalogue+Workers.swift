// SPDX-License-Identifier: Apache-2.0

extension WorkerStatistics: MetricRow {
    static let labels = ["worker"]
    var labelValues: [String] { [String(id)] }
}

struct StateRow: MetricRow {
    static let labels = ["state"]
    var count: StateCount
    var labelValues: [String] { [count.state] }
}

struct AddressModeRow: MetricRow {
    static let labels = ["mode"]
    var count: StateCount
    var labelValues: [String] { [count.state] }
}

struct AddressReasonRow: MetricRow {
    static let labels = ["reason"]
    var count: StateCount
    var labelValues: [String] { [count.state] }
}

extension DropCount: MetricRow {
    static let labels = ["reason", "stage"]
    var labelValues: [String] { [reason, stage] }
}

extension Catalogue {
    static let workers = MetricTable<WorkerStatistics>(
        of: \.workers,
        workerLoop + workerPackets + workerConnections
    )

    private static let workerLoop: [MetricTable<WorkerStatistics>.Entry] = [
        .gauge(
            "dpvs_worker_heartbeat_age_seconds",
            unit: "seconds",
            "Time since the worker was last seen to turn; /livez fails at 5."
        ) { .number($0.heartbeatAge) },
        .counter(
            "dpvs_worker_turns_total",
            unit: "turns",
            "Times through the worker's loop.",
            .experimental,
            value: \.turns
        ),
        .counter(
            "dpvs_worker_idle_turns_total",
            unit: "turns",
            "Times through the worker's loop that found nothing to do.",
            .experimental,
            value: \.idleTurns
        ),
        .counter(
            "dpvs_worker_busy_cycles_total",
            unit: "cycles",
            "Cycles of turns that had work: the load is busy / (busy + idle).",
            value: \.busyCycles
        ),
        .counter(
            "dpvs_worker_idle_cycles_total",
            unit: "cycles",
            "Cycles of turns that found nothing to do.",
            value: \.idleCycles
        ),
        .counter(
            "dpvs_worker_kernel_cycles_total",
            unit: "cycles",
            "Cycles of turns that had work, spent in the kernel's send and receive: neither busy nor idle.",
            value: \.kernelCycles
        ),
    ]

    private static let workerPackets: [MetricTable<WorkerStatistics>.Entry] = [
        .counter(
            "dpvs_worker_receive_packets_total",
            unit: "packets",
            "Packets taken from ports.",
            value: \.receivedPackets
        ),
        .counter(
            "dpvs_worker_transmit_packets_total",
            unit: "packets",
            "Packets given to ports.",
            value: \.transmittedPackets
        ),
        .counter(
            "dpvs_worker_redirected_out_packets_total",
            unit: "packets",
            "Packets handed to the worker that owns their connection.",
            value: \.redirectedOut
        ),
        .counter(
            "dpvs_worker_redirected_in_packets_total",
            unit: "packets",
            "Packets that other workers handed over.",
            value: \.redirectedIn
        ),
        .counter(
            "dpvs_worker_direct_replies_packets_total",
            unit: "packets",
            "Packets of backends that arrived at once at the worker that owns their connection.",
            value: \.directReplies
        ),
        .counter(
            "dpvs_worker_related_errors_packets_total",
            unit: "packets",
            "ICMP errors about packets of connections, passed on to who sent those.",
            value: \.relatedErrors
        ),
        .counter(
            "dpvs_worker_punted_packets_total",
            unit: "packets",
            "Packets handed to the slow path.",
            value: \.punted
        ),
        .counter(
            "dpvs_worker_generated_packets_total",
            unit: "packets",
            "Packets made by the worker: fragments, and those that tell the client's address ahead of one without room.",
            value: \.generated
        ),
        .counter(
            "dpvs_worker_made_fragments_total",
            unit: "fragments",
            "Fragments that packets too long for their way were cut into; all but one of each count as generated.",
            value: \.madeFragments
        ),
        .counter(
            "dpvs_worker_injected_packets_total",
            unit: "packets",
            "Packets that the slow path asked to send.",
            value: \.injected
        ),
    ]

    private static let workerConnections: [MetricTable<WorkerStatistics>.Entry] = [
        .counter(
            "dpvs_worker_opened_connections_total",
            unit: "connections",
            "Connections set up.",
            value: \.connectionsOpened
        ),
        .counter(
            "dpvs_worker_expired_connections_total",
            unit: "connections",
            "Connections that ended, by close or by silence.",
            value: \.connectionsExpired
        ),
        .counter(
            "dpvs_worker_untold_connections_total",
            unit: "connections",
            "Connections that ended by silence without resets to their ends: too many at once.",
            value: \.lostResets
        ),
        .gauge("dpvs_worker_connections", unit: "connections", "Connections in the table.") {
            .integer($0.connections)
        },
        .gauge("dpvs_worker_connections_capacity", "Connections that the table can hold.") {
            .integer($0.connectionCapacity)
        },
    ]

    /// With the workers' packets and the drops these balance: received and generated are
    /// transmitted, dropped, delivered or held.
    static let slowPath = MetricTable<WholeRow>(
        of: { [WholeRow(statistics: $0)] },
        [
            .counter(
                "dpvs_slow_path_generated_packets_total",
                unit: "packets",
                "Packets made here instead of received: ARP, neighbour discovery, ICMP, resets, the kernel's.",
                value: \.statistics.slowPath.generated
            ),
            .counter(
                "dpvs_slow_path_delivered_packets_total",
                unit: "packets",
                "Packets that ended here because they were for us or the kernel: ARP, echo requests, OSPF.",
                value: \.statistics.slowPath.delivered
            ),
            .gauge(
                "dpvs_slow_path_held_packets",
                unit: "packets",
                "Packets that wait for a neighbour."
            ) { .integer($0.statistics.slowPath.held) },
            .gauge(
                "dpvs_duplicate_addresses",
                unit: "addresses",
                "Own IPv6 addresses that are not used because another node has them."
            ) { .integer($0.statistics.slowPath.duplicateAddresses) },
            .counter(
                "dpvs_address_conflicts_total",
                unit: "conflicts",
                "Messages of ARP and neighbour discovery by which other nodes say that an own address is theirs.",
                value: \.statistics.slowPath.addressConflicts
            ),
        ]
    )

    static let connections = MetricTable<WholeRow>(
        of: { [WholeRow(statistics: $0)] },
        [
            .gauge("dpvs_connections_capacity", "Connections that all workers can hold.") {
                .integer($0.statistics.workers.reduce(0) { $0 &+ $1.connectionCapacity })
            }
        ]
    )

    static let connectionStates = MetricTable<StateRow>(
        of: { $0.connectionStates.map(StateRow.init) },
        [
            .gauge(
                "dpvs_connections",
                unit: "connections",
                "Connections: active ones carry data both ways, inactive ones open or close."
            ) { .integer($0.count.count) }
        ]
    )

    static let drops = MetricTable<DropCount>(
        of: \.drops,
        [.counter("dpvs_drops_total", "Packets dropped, and why and where.", value: \.packets)]
    )

    static let addressed = MetricTable<AddressModeRow>(
        of: { $0.addressedPackets.map(AddressModeRow.init) },
        [
            .counter(
                "dpvs_client_address_inserted_packets_total",
                unit: "packets",
                "Packets to backends that carried the client's address, by how.",
                value: \.count.count
            )
        ]
    )

    static let unaddressed = MetricTable<AddressReasonRow>(
        of: { $0.unaddressedPackets.map(AddressReasonRow.init) },
        [
            .counter(
                "dpvs_client_address_not_inserted_packets_total",
                unit: "packets",
                "Packets to backends that went without the client's address though it was their turn.",
                value: \.count.count
            )
        ]
    )
}
