// SPDX-License-Identifier: Apache-2.0

extension LinkDiscoveryStatistics: MetricRow {
    static let labels = ["port"]
    var labelValues: [String] { [port] }
}

extension Catalogue {
    static let linkDiscovery = MetricTable<LinkDiscoveryStatistics>(
        of: \.linkDiscovery,
        [
            .gauge(
                "dpvs_lldp_neighbours",
                unit: "neighbours",
                "Neighbours that link-layer discovery knows on the port."
            ) { .integer($0.neighbours) },
            .counter(
                "dpvs_lldp_sent_frames_total",
                unit: "frames",
                "Messages of link-layer discovery sent.",
                value: \.sent
            ),
            .counter(
                "dpvs_lldp_received_frames_total",
                unit: "frames",
                "Messages of link-layer discovery received.",
                value: \.received
            ),
            .counter(
                "dpvs_lldp_malformed_frames_total",
                unit: "frames",
                "Messages among those received that broke the rules.",
                value: \.malformed
            ),
            .counter(
                "dpvs_lldp_ignored_frames_total",
                unit: "frames",
                "Messages of neighbours for whom there was no room: a port keeps 16.",
                value: \.ignored
            ),
        ]
    )
}
