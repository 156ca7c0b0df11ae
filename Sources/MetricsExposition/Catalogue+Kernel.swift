// SPDX-License-Identifier: Apache-2.0

struct KernelObjectRow: MetricRow {
    static let labels = ["kind"]
    var count: StateCount
    var labelValues: [String] { [count.state] }
}

/// The kernel mirror, where there is one.
struct KernelMirrorRow: MetricRow {
    static let labels: [String] = []
    var statistics: KernelMirrorStatistics
    var labelValues: [String] { [] }
}

extension Catalogue {
    static let kernelObjects = MetricTable<KernelObjectRow>(
        of: { $0.kernelMirror?.objects.map(KernelObjectRow.init) ?? [] },
        [
            .gauge(
                "dpvs_kernel_mirror_objects",
                unit: "objects",
                "Addresses, routes and permanent neighbours in use that the kernel has on companions."
            ) { .integer($0.count.count) }
        ]
    )

    static let kernelMirror = MetricTable<KernelMirrorRow>(
        of: { $0.kernelMirror.map { [KernelMirrorRow(statistics: $0)] } ?? [] },
        [
            .counter(
                "dpvs_kernel_mirror_changes_total",
                unit: "changes",
                "Times that what the kernel has there was found changed.",
                value: \.statistics.changes
            ),
            .counter(
                "dpvs_kernel_mirror_overruns_total",
                unit: "overruns",
                "Times that notifications of the kernel were lost and everything was read again.",
                value: \.statistics.overruns
            ),
            .counter(
                "dpvs_kernel_mirror_failures_total",
                unit: "failures",
                "Times that the kernel could not be read, or what it has not be taken over.",
                value: \.statistics.failures
            ),
        ]
    )
}
