// SPDX-License-Identifier: Apache-2.0
import FileTesting
import Foundation
import Linux
import Model
import Reload
import Synchronization
import Testing

/// The weight of one backend, in the file `weight` of a directory or of its `..data`.
private struct WeightSource: ConfigurationSource {
    let directory: String

    func check(_ state: DesiredState, edits: PlacedObjects) -> [Problem] { [] }

    func load() -> LoadResult {
        let data = Files.resolve(directory + "/..data") ?? directory
        let bytes = (try? Files.read(data + "/weight", limit: 64)) ?? []
        let text = String(decoding: bytes, as: UTF8.self)
        // As if there were no descriptors, once the first weight runs.
        if text != "1", Files.identity(of: directory + "/../short") != nil {
            return LoadResult(
                state: .init(),
                problems: [Problem(.error, "Too many open files")],
                digest: "",
                directories: [directory],
                isPassing: true
            )
        }
        var result = LoadResult(state: .init(), digest: text, directories: [directory])
        if let weight = Int(text) {
            result.state = .services(.sample(weights: [weight]))
        } else {
            result.problems = [Problem(.error, "'\(text)' is not a weight")]
        }
        return result
    }
}

@Suite(.timeLimit(.minutes(1)))
struct ReloadServiceTests {
    let root: TemporaryDirectory
    let executor = FakeExecutor()
    let reloader: Reloader
    let service: ReloadService
    let reports: AsyncStream<ReloadReport>
    var directory: String { root.path + "/conf" }

    init() throws {
        root = try TemporaryDirectory()
        try root.makeDirectory("conf")
        let (reports, continuation) = AsyncStream.makeStream(of: ReloadReport.self)
        self.reports = reports
        reloader = Reloader(
            source: WeightSource(directory: root.path + "/conf"),
            executor: executor,
            onReport: { continuation.yield($0) }
        )
        service = ReloadService(
            reloader,
            debouncer: Debouncer(quiet: .milliseconds(50), longest: .seconds(2))
        )
    }

    /// Runs the service, started with weight 1, around `body`.
    private func running(_ body: () async throws -> Void) async throws {
        try root.write("1", to: "conf/weight")
        try await started(body)
    }

    private func started(_ body: () async throws -> Void) async throws {
        _ = await service.reloadNow(reason: "start")
        let task = Task { await service.run() }
        try await body()
        task.cancel()
        await task.value
    }

    /// The first report of a change, from now on.
    private func report(where matches: (ReloadReport) -> Bool) async throws -> ReloadReport {
        for await report in reports where matches(report) { return report }
        throw CancellationError()
    }

    private func reachesWeight(_ weight: Int) async throws {
        _ = try await report { $0.changes.contains { $0.hasSuffix("→ \(weight)") } }
        #expect(await reloader.running == .services(.sample(weights: [weight])))
    }

    @Test func `a file written in place is applied`() async throws {
        try await running {
            try root.write("2", to: "conf/weight")
            try await reachesWeight(2)
        }
    }

    @Test func `a file that an editor renames into place is applied`() async throws {
        try await running {
            try root.write("2", to: "conf/.weight.swp")
            try root.move("conf/.weight.swp", onto: "conf/weight")
            try await reachesWeight(2)
        }
    }

    @Test func `a ConfigMap that the kubelet swaps is applied`() async throws {
        try root.makeDirectory("conf/..1")
        try root.write("1", to: "conf/..1/weight")
        try root.link("conf/..data", to: "..1")
        try root.link("conf/weight", to: "..data/weight")
        try await started {
            for (old, new) in [(1, 2), (2, 3)] {
                try root.makeDirectory("conf/..\(new)")
                try root.write("\(new)", to: "conf/..\(new)/weight")
                try root.link("conf/..data_tmp", to: "..\(new)")
                try root.move("conf/..data_tmp", onto: "conf/..data")
                try root.remove("conf/..\(old)")
                try await reachesWeight(new)
            }
        }
    }

    @Test func `of a burst of writes the last one is applied, with few reloads`() async throws {
        try await running {
            for weight in 2...101 { try root.write("\(weight)", to: "conf/weight") }
            try await reachesWeight(101)
            #expect(await reloader.generation < 50)
        }
    }

    @Test func `files that cannot be read for the moment are read again without a change`()
        async throws
    {
        try root.write("1", to: "conf/weight")
        try root.write("", to: "short")
        try await started {
            try root.write("2", to: "conf/weight")
            let rejected = try await report { $0.trigger == "file" }
            #expect(rejected.outcome == .rejected)
            // Nothing in the watched directory changes.
            try root.remove("short")
            try await reachesWeight(2)
        }
    }

    @Test func `a bad file is reported once and a good one repairs it`() async throws {
        try await running {
            try root.write("heavy", to: "conf/weight")
            let problem = Problem(.error, "'heavy' is not a weight")
            let bad = try await report { $0.problems == [problem] }
            #expect(bad.outcome == .rejected)
            #expect(bad.trigger == "file")
            #expect(await reloader.running == .services(.sample(weights: [1])))
            try root.write("2", to: "conf/weight")
            try await reachesWeight(2)
        }
    }

    @Test func `a directory that goes and comes back is watched again`() async throws {
        try await running {
            try root.remove("conf")
            _ = try await report { $0.outcome == .rejected }
            try root.makeDirectory("conf")
            try root.write("2", to: "conf/weight")
            try await reachesWeight(2)
            try root.write("3", to: "conf/weight")
            try await reachesWeight(3)
        }
    }

    @Test func `a directory that is replaced by another is watched again`() async throws {
        try await running {
            try root.makeDirectory("next")
            try root.write("2", to: "next/weight")
            try root.move("conf", onto: "old")
            try root.move("next", onto: "conf")
            try await reachesWeight(2)
            try root.write("3", to: "conf/weight")
            try await reachesWeight(3)
        }
    }

    @Test func `a request is answered at once, whatever the files do`() async throws {
        try await running {
            let report = await service.reloadNow(reason: "signal")
            #expect(report.outcome == .unchanged)
            #expect(report.trigger == "signal")
        }
    }
}
