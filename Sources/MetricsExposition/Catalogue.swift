// SPDX-License-Identifier: Apache-2.0

/// Every metric that `dpvs` exposes, and the text of a scrape.
///
/// Names begin with `dpvs_`, except the process metrics that every program shares. Labels of
/// services and backends are those of node_exporter's IPVS family.
package enum Catalogue {
    /// In the order of a scrape; `Catalogue+Services.swift` and its neighbours have the entries.
    static let sections: [any MetricSection] = [
        build, process, configuration, reloads,
        workers, slowPath, connections, connectionStates, drops,
        addressed, unaddressed,
        ports, portInfo, bonds, bondSlaves, interfaces, exceptions, pools, localAddresses,
        neighbours,
        linkDiscovery,
        kernelObjects, kernelMirror,
        services, refusals, backends,
    ]

    /// Every metric, in the order of a scrape.
    package static var metrics: [Metric] { sections.flatMap(\.metrics) }

    /// One scrape, ready to send; `perBackend` off leaves `dpvs_backend_...` out, whose number
    /// grows with services times backends.
    package static func expose(
        _ statistics: DataplaneStatistics,
        as format: ExpositionFormat = .text,
        perBackend: Bool = true
    ) -> [UInt8] {
        // `instance` is the scraper's own label.
        var common = Array("dpvs_instance".utf8)
        common.appendQuoted(statistics.process.instance)
        var text = Exposition(format: format)
        for section in sections where perBackend || !(section is MetricTable<BackendRow>) {
            section.write(statistics, after: common, to: &text)
        }
        text.end()
        return text.bytes
    }
}
