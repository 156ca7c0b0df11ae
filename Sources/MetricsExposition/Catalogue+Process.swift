// SPDX-License-Identifier: Apache-2.0

struct BuildRow: MetricRow {
    static let labels = ["version", "dpdk", "swift"]
    var process: ProcessStatistics
    var labelValues: [String] { [process.version, process.dpdk, process.swift] }
}

/// The whole, once.
struct WholeRow: MetricRow {
    static let labels: [String] = []
    var statistics: DataplaneStatistics
    var configuration: ConfigurationStatistics { statistics.configuration }
    var labelValues: [String] { [] }
}

struct ReloadRow: MetricRow {
    static let labels = ["result"]
    var result: String
    var count: UInt64
    var labelValues: [String] { [result] }
}

extension Catalogue {
    static let build = MetricTable<BuildRow>(
        of: { [BuildRow(process: $0.process)] },
        [.info("dpvs_build_info", "The versions that this process was built from.")]
    )

    static let process = MetricTable<WholeRow>(
        of: { [WholeRow(statistics: $0)] },
        [
            .gauge(
                "process_start_time_seconds",
                unit: "seconds",
                "Start of the process since the Unix epoch."
            ) { .number($0.statistics.process.startTime) },
            .gauge("dpvs_ready", "1 while traffic is balanced, as /readyz says.") {
                .flag($0.statistics.process.isReady)
            },
            .gauge(
                "dpvs_cycle_frequency_hertz",
                unit: "hertz",
                "Ticks of the cycle counter per second: divides dpvs_worker_..._cycles_total."
            ) { .number($0.statistics.cycleFrequency) },
            .counter(
                "dpvs_log_lost_lines_total",
                unit: "lines",
                "Lines of the log that were lost because standard error took nothing."
            ) { $0.statistics.process.lostLogLines },
        ]
    )

    static let configuration = MetricTable<WholeRow>(
        of: { [WholeRow(statistics: $0)] },
        [
            .gauge("dpvs_config_generation", "Generation that every worker uses.") {
                .integer($0.configuration.generation)
            },
            .gauge("dpvs_config_last_reload_successful", "1 when the last reload was applied.") {
                .flag($0.configuration.lastReloadSuccessful)
            },
            .gauge(
                "dpvs_config_last_reload_success_timestamp_seconds",
                unit: "seconds",
                "When a reload was last applied, since the Unix epoch."
            ) { $0.configuration.lastSuccessTime.map { .number($0) } },
            .gauge(
                "dpvs_config_last_reload_duration_seconds",
                unit: "seconds",
                "From reading the files until every worker used them, in the last reload."
            ) { $0.configuration.lastReloadDuration.map { .number($0) } },
            .gauge("dpvs_config_restart_required", "Changed items that wait for a restart.") {
                .count($0.configuration.restartRequired)
            },
        ]
    )

    static let reloads = MetricTable<ReloadRow>(
        of: {
            let counts = $0.configuration
            return [
                ReloadRow(result: "success", count: counts.successfulReloads),
                ReloadRow(result: "unchanged", count: counts.unchangedReloads),
                ReloadRow(result: "failure", count: counts.failedReloads),
            ]
        },
        [
            .counter(
                "dpvs_config_reloads_total",
                unit: "reloads",
                "Reloads by what came of them.",
                value: \.count
            )
        ]
    )
}
