// SPDX-License-Identifier: Apache-2.0

/// Every metric that `dpvs` exposes, and the text of a scrape.
///
/// Names begin with `dpvs_`, except the process metrics that every program shares. Labels of
/// services and backends are those of node_exporter's IPVS family.
package enum Catalogue {
    /// In the order of a scrape; `Catalogue+Services.swift` and its neighbours have the entries.
    static let sections: [any MetricSection] =
        [
            build, process, configuration, reloads,
            workers, slowPath, connections, connectionStates, drops,
            addressed, unaddressed,
            ports, portInfo, bonds, bondSlaves, interfaces, exceptions, pools, localAddresses,
            sets, neighbours, checks,
            linkDiscovery,
            kernelObjects, kernelMirror,
        ] + servicesOnly

    /// Those that grow with the configuration.
    static let servicesOnly: [any MetricSection] = [services, refusals, backends, backendChecks]

    /// Every metric, in the order of a scrape.
    package static var metrics: [Metric] { sections.flatMap(\.metrics) }

    /// One scrape as a whole; see `Scrape`.
    package static func expose(
        _ statistics: DataplaneStatistics,
        as format: ExpositionFormat = .text,
        _ selection: Scrape.Selection = Scrape.Selection()
    ) -> [UInt8] {
        Scrape(of: statistics, as: format, selection).reduce(into: []) { $0 += $1 }
    }
}
