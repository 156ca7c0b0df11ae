// SPDX-License-Identifier: Apache-2.0

extension PortStatistics: MetricRow {
    static let labels = ["port"]
    var labelValues: [String] { [name] }
}

struct PortInfoRow: MetricRow {
    static let labels = ["port", "driver", "mac", "steering", "interface", "way"]
    var port: PortStatistics
    var labelValues: [String] {
        [port.name, port.driver, port.macAddress, port.steering, port.interface, port.way]
    }
}

extension ExceptionStatistics: MetricRow {
    static let labels = ["port", "class"]
    var labelValues: [String] { [port, exceptionClass] }
}

extension InterfaceStatistics: MetricRow {
    static let labels = ["interface"]
    var labelValues: [String] { [name] }
}

extension PoolStatistics: MetricRow {
    static let labels = ["pool"]
    var labelValues: [String] { [name] }
}

extension LocalAddressStatistics: MetricRow {
    static let labels = ["local_address"]
    var labelValues: [String] { [address] }
}

extension Catalogue {
    static let ports = MetricTable<PortStatistics>(
        of: \.ports,
        portState + portReceive + portChecksums + portTransmit + portFaults
    )

    private static let portState: [MetricTable<PortStatistics>.Entry] = [
        .gauge("dpvs_port_link_up", "1 while the link is up.") { .flag($0.isLinkUp) },
        .gauge(
            "dpvs_port_speed_bytes_per_second",
            unit: "bytes_per_second",
            "Speed of the link, where the device says it."
        ) { $0.speed.map { .integer($0 / 8) } },
        .gauge("dpvs_port_mtu_bytes", unit: "bytes", "Largest IP packet of the port.") {
            .count($0.mtu)
        },
    ]

    private static let portReceive: [MetricTable<PortStatistics>.Entry] = [
        .counter(
            "dpvs_port_receive_packets_total",
            unit: "packets",
            "Packets that the device received and delivered.",
            value: \.receivedPackets
        ),
        .counter(
            "dpvs_port_receive_bytes_total",
            unit: "bytes",
            "Octets that the device received and delivered.",
            value: \.receivedBytes
        ),
        .counter(
            "dpvs_port_receive_error_packets_total",
            unit: "packets",
            "Packets that the device received broken.",
            value: \.receiveErrors
        ),
        .counter(
            "dpvs_port_receive_missed_packets_total",
            unit: "packets",
            "Packets that the device dropped because no worker fetched them in time.",
            value: \.receiveMissed
        ),
        .counter(
            "dpvs_port_receive_no_buffer_packets_total",
            unit: "packets",
            "Packets that the device dropped because the mempool was empty.",
            value: \.receiveNoBuffer
        ),
    ]

    private static let portChecksums: [MetricTable<PortStatistics>.Entry] = [
        .counter(
            "dpvs_port_receive_bad_header_checksum_packets_total",
            unit: "packets",
            "Packets dropped because the checksum of their IPv4 header is wrong.",
            value: \.badHeaderChecksums
        ),
        .counter(
            "dpvs_port_receive_bad_transport_checksum_packets_total",
            unit: "packets",
            "Packets dropped because the device found their TCP, UDP or SCTP checksum wrong, and it is.",
            value: \.badTransportChecksums
        ),
        .counter(
            "dpvs_port_receive_misjudged_checksum_packets_total",
            unit: "packets",
            "Packets that went on although the device found their checksum wrong: it is right.",
            value: \.misjudgedChecksums
        ),
        .counter(
            "dpvs_port_receive_unfinished_checksum_packets_total",
            unit: "packets",
            "Packets whose checksum a sender on this host had left to its device; finished here.",
            value: \.finishedChecksums
        ),
        .counter(
            "dpvs_port_receive_super_packets_total",
            unit: "packets",
            "Packets dropped because a kernel put them together, longer than the MTU of the link.",
            value: \.superPackets
        ),
    ]

    private static let portTransmit: [MetricTable<PortStatistics>.Entry] = [
        .counter(
            "dpvs_port_transmit_packets_total",
            unit: "packets",
            "Packets that the device sent.",
            value: \.transmittedPackets
        ),
        .counter(
            "dpvs_port_transmit_bytes_total",
            unit: "bytes",
            "Octets that the device sent.",
            value: \.transmittedBytes
        ),
        .counter(
            "dpvs_port_transmit_error_packets_total",
            unit: "packets",
            "Packets that the device failed to send.",
            value: \.transmitErrors
        ),
    ]

    private static let portFaults: [MetricTable<PortStatistics>.Entry] = [
        .gauge("dpvs_port_removed", "1 when the device is gone while the program runs.") {
            .flag($0.isRemoved)
        },
        .counter(
            "dpvs_port_iommu_faults_total",
            "Times that the kernel logged a fault of the IOMMU by the device, where that can be read.",
            whereKnown: \.iommuFaults
        ),
        .counter(
            "dpvs_port_bus_errors_total",
            "Errors of the device on PCI Express that were not corrected, where they are counted.",
            whereKnown: \.busErrors
        ),
    ]

    static let portInfo = MetricTable<PortInfoRow>(
        of: { $0.ports.map(PortInfoRow.init) },
        [
            .info(
                "dpvs_port_info",
                "What drives the port, its hardware address, and how replies reach their worker."
            )
        ]
    )

    static let interfaces = MetricTable<InterfaceStatistics>(
        of: \.interfaces,
        [
            .counter(
                "dpvs_interface_receive_packets_total",
                unit: "packets",
                "Packets that came by a VLAN, as the port has counted them, too.",
                value: \.receivedPackets
            ),
            .counter(
                "dpvs_interface_receive_bytes_total",
                unit: "bytes",
                "Octets of them, with tags.",
                value: \.receivedBytes
            ),
            .counter(
                "dpvs_interface_transmit_packets_total",
                unit: "packets",
                "Packets that were given to the port for a VLAN.",
                value: \.transmittedPackets
            ),
            .counter(
                "dpvs_interface_transmit_bytes_total",
                unit: "bytes",
                "Octets of them, with tags.",
                value: \.transmittedBytes
            ),
        ]
    )

    static let exceptions = MetricTable<ExceptionStatistics>(
        of: \.exceptions,
        [
            .counter(
                "dpvs_exception_passed_packets_total",
                unit: "packets",
                "Packets that went to the kernel by the companions of the port and its VLANs.",
                value: \.passed
            ),
            .counter(
                "dpvs_exception_policed_packets_total",
                unit: "packets",
                "Packets for the kernel, or about neighbours, dropped beyond the rate of their class.",
                value: \.policed
            ),
            .counter(
                "dpvs_exception_full_packets_total",
                unit: "packets",
                "Packets that the companion did not take: its queue is full, or it is down.",
                value: \.full
            ),
            .counter(
                "dpvs_exception_sent_packets_total",
                unit: "packets",
                "Packets of the kernel that were sent on the port and its VLANs.",
                value: \.sent
            ),
        ]
    )

    static let pools = MetricTable<PoolStatistics>(
        of: \.pools,
        [
            .gauge("dpvs_mempool_used_buffers", unit: "buffers", "Packet buffers in use.") {
                .integer($0.inUse)
            },
            .gauge("dpvs_mempool_capacity_buffers", unit: "buffers", "Packet buffers in all.") {
                .integer($0.capacity)
            },
        ]
    )

    static let localAddresses = MetricTable<LocalAddressStatistics>(
        of: \.localAddresses,
        [
            .gauge("dpvs_local_address_used_ports", unit: "ports", "Local ports in use.") {
                .integer($0.portsInUse)
            },
            .gauge("dpvs_local_address_capacity_ports", unit: "ports", "Local ports in all.") {
                .integer($0.portCapacity)
            },
            .counter(
                "dpvs_local_address_exhausted_total",
                "Times that no port was free for a new connection.",
                value: \.exhausted
            ),
        ]
    )

    static let neighbours = MetricTable<StateRow>(
        of: { $0.neighbours.map(StateRow.init) },
        [
            .gauge("dpvs_neighbours", unit: "neighbours", "Neighbours by their state.") {
                .integer($0.count.count)
            }
        ]
    )
}
