// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Compression
import ConfigurationFiles
import Linux
import MetricsExposition
import Model
import Provisioning
import Reload

/// What the control side costs with a number of services: from the file on disk to the moment at which
/// the worker uses it.
package struct ControlCost: Sendable {
    /// Time on the clock and on CPUs, in milliseconds.
    package struct Span: Sendable {
        package var clock: Double
        package var processor: Double

        /// Of what `body` does.
        static func of<Result>(
            _ body: () async throws -> Result
        ) async rethrows -> (Span, Result) {
            let (clock, processor) = (Host.monotonicNanoseconds, Host.processNanoseconds)
            let result = try await body()
            let span = Span(
                clock: Double(Host.monotonicNanoseconds - clock) / 1e6,
                processor: Double(Host.processNanoseconds - processor) / 1e6
            )
            return (span, result)
        }

        /// The one with the median of the time on CPUs.
        static func median(_ spans: [Span]) -> Span {
            let sorted = spans.sorted { $0.processor < $1.processor }
            return sorted.isEmpty ? Span(clock: 0, processor: 0) : sorted[sorted.count / 2]
        }
    }

    package var services: Int
    package var backends: Int
    package var files: Int
    /// Octets of all files.
    package var octets: Int
    /// Reading and checking all files, with nothing remembered.
    package var check: Span
    /// The same, compiled, and used by the worker.
    package var start: Span
    /// One weight in one of the files.
    package var edit: Span
    /// One weight changed in the running state, as a command does it.
    package var change: Span
    /// What the process has in memory after the start, and what each reload after the first few adds.
    package var resident: Int
    package var growth: Int
    /// One scrape of the services and backends, from their counters to the text; compressed and not.
    package var scrape: Span
    package var compressedScrape: Span
    /// Octets of the text, and compressed.
    package var scrapeOctets: Int
    package var compressedOctets: Int
    /// What the process had in memory at most while it scraped, beyond what it has without.
    package var scrapeMemory: Int

    /// Writes the files below `directory`, measures, and removes them.
    ///
    /// `repetitions` edits are made of each kind; the median counts.
    package static func measure(
        services: Int,
        backends: Int,
        files: Int,
        repetitions: Int,
        in directory: String
    ) async throws -> ControlCost {
        let written = try ControlFiles(
            in: directory,
            services: services,
            backends: backends,
            files: files
        )
        defer { written.remove() }
        guard let bed = try ControlBed(services: services, backends: backends) else {
            throw RunError("control: not enough memory")
        }
        defer { bed.stop() }
        let measuring = Measuring(written, bed, repetitions)
        return try await measuring.run()
    }
}

private struct Measuring {
    let files: ControlFiles
    let bed: ControlBed
    let loader: ConfigurationLoader
    let reloader: Reloader
    let repetitions: Int

    init(_ files: ControlFiles, _ bed: ControlBed, _ repetitions: Int) {
        self.files = files
        self.bed = bed
        self.repetitions = repetitions
        loader = ConfigurationLoader(
            conf: files.conf,
            servicesDirectory: files.servicesDirectory
        )
        reloader = Reloader(
            source: FileSource(loader),
            executor: ControlExecutor(conductor: bed.conductor)
        )
    }

    func run() async throws -> ControlCost {
        let (check, loaded) = await ControlCost.Span.of { loader.load(FileTree()) }
        if let problem = loaded.diagnostics.first(where: { $0.severity == .error }) {
            throw RunError("control: \(problem)")
        }
        let (start, report) = await ControlCost.Span.of { await reloader.reload(reason: "start") }
        try expectApplied(report)
        let resident = Memory.resident
        let (edit, growth) = try await edits()
        let change = try await changes()
        let before = Memory.resident
        let (scrape, plain) = await ControlCost.Span.of { await self.scrape(through: nil) }
        let gzip = try Gzip()
        let (compressedScrape, compressed) = await ControlCost.Span.of {
            await self.scrape(through: gzip)
        }
        return ControlCost(
            services: files.services,
            backends: files.backends,
            files: files.files,
            octets: files.octets,
            check: check,
            start: start,
            edit: edit,
            change: change,
            resident: resident,
            growth: growth,
            scrape: scrape,
            compressedScrape: compressedScrape,
            scrapeOctets: plain.octets,
            compressedOctets: compressed.octets,
            scrapeMemory: max(0, plain.peak - before)
        )
    }

    /// Edits of files; memory counts from the fourth on, when caches and heaps have their size.
    private func edits() async throws -> (ControlCost.Span, growth: Int) {
        var spans: [ControlCost.Span] = []
        var before = 0
        for number in 0..<repetitions + 3 {
            if number == 3 { before = Memory.resident }
            try files.write(number % files.files, firstWeight: number + 1)
            let (span, report) = await ControlCost.Span.of {
                await reloader.reload(reason: "file")
            }
            try expectApplied(report)
            // What nobody uses any more is freed once a second.
            _ = await bed.conductor.keepHouse()
            if number >= 3 { spans.append(span) }
        }
        return (.median(spans), (Memory.resident - before) / max(1, repetitions))
    }

    private func changes() async throws -> ControlCost.Span {
        var spans: [ControlCost.Span] = []
        for number in 0..<repetitions {
            let (span, report) = await ControlCost.Span.of {
                try? await reloader.edit(reason: "edit") { layer, files in
                    var (layer, service) = (layer, files.services[0])
                    service.backends[0].weight = 1000 + number
                    var desk = EditDesk(layer, files: files.services)
                    _ = desk.put(service)
                    desk.leave(in: &layer)
                    return EditResult(layer: layer)
                }
            }
            if let report { try expectApplied(report) }
            _ = await bed.conductor.keepHouse()
            spans.append(span)
        }
        return .median(spans)
    }

    private func expectApplied(_ report: ReloadReport) throws(RunError) {
        guard report.outcome == .applied else {
            let first = report.problems.first.map { "\($0)" } ?? "nothing was said"
            throw RunError("control: a reload was \(report.outcome.rawValue): \(first)")
        }
    }

    /// Octets of a scrape, and what the process had in memory when most of it was made.
    private func scrape(through gzip: Gzip?) async -> (octets: Int, peak: Int) {
        let totals = await bed.conductor.totals(of: ServiceFilter())
        let statistics = statistics(of: totals)
        var (octets, peak, pieces) = (0, Memory.resident, 0)
        for piece in Scrape(of: statistics, as: .text) {
            octets += gzip.map { $0.append(piece).count } ?? piece.count
            pieces += 1
            if pieces.isMultiple(of: 100) { peak = max(peak, Memory.resident) }
        }
        if let gzip { octets += gzip.finish().count }
        return (octets, peak)
    }

    /// Services and backends as a scrape shows them.
    private func statistics(of totals: ProvisioningTotals) -> DataplaneStatistics {
        var statistics = DataplaneStatistics(
            process: ProcessStatistics(
                instance: "bench",
                version: "",
                dpdk: "",
                swift: "",
                startTime: 0,
                isReady: true
            )
        )
        statistics.services = totals.services.map { totals in
            let service = totals.service
            var row = ServiceStatistics(
                name: service.name,
                address: service.key.addressText,
                port: service.key.portText,
                transport: service.key.protocol.rawValue
            )
            row.backends = zip(service.backends, totals.backends)
                .map { backend, counters in
                    var row = BackendStatistics(
                        address: "\(backend.endpoint.address)",
                        port: backend.endpoint.port,
                        weight: backend.weight
                    )
                    row.traffic.connections = counters[BackendCounter.connections.rawValue]
                    return row
                }
            return row
        }
        return statistics
    }
}
