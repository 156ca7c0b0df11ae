// SPDX-License-Identifier: Apache-2.0
import Addressing
import ConfigurationFiles
import FileTesting
import Foundation
import Model
import Reload
import Testing

/// Real files, read by the real source, in a volume that changes under the reader.
@Suite(.timeLimit(.minutes(2)))
struct KubeletTests {
    let root: TemporaryDirectory
    let volume: ConfigMapVolume
    let source: FileSource
    let executor = FakeExecutor()
    let reloader: Reloader
    let service: ReloadService
    let reports: AsyncStream<ReloadReport>

    init() throws {
        root = try TemporaryDirectory()
        let path = root.path + "/volume"
        volume = try ConfigMapVolume(path, Self.contents(1))
        let (reports, continuation) = AsyncStream.makeStream(of: ReloadReport.self)
        self.reports = reports
        source = FileSource(ConfigurationLoader(conf: path + "/dpvs.conf", servicesDirectory: path))
        reloader = Reloader(
            source: source,
            executor: executor,
            onReport: { continuation.yield($0) }
        )
        service = ReloadService(
            reloader,
            debouncer: Debouncer(quiet: .milliseconds(20), longest: .seconds(2))
        )
    }

    /// Both files say `number`, each in its own way.
    private static func contents(_ number: Int) -> [String: String] {
        [
            "dpvs.conf": "global_defs {\n    drain_timeout \(number)s\n}\n",
            "web.yaml": service("web", port: 80, weight: number),
        ]
    }

    private static func service(_ name: String, port: Int, weight: Int) -> String {
        """
        services:
          - name: \(name)
            address: 10.0.0.100
            port: \(port)
            protocol: tcp
            scheduler: rr
            localAddresses: [10.0.1.200]
            backends:
              - { address: 10.0.1.2, port: 80, weight: \(weight) }

        """
    }

    /// What `dpvs.conf` and `web.yaml` of a state say; they must be the same.
    private static func numbers(_ state: DesiredState) -> [Int] {
        let drain = state.settings.duration("global_defs.drain_timeout")
        return [Int(drain / .seconds(1)), state.services.first?.backends.first?.weight ?? -1]
    }

    private func running(_ body: () async throws -> Void) async throws {
        let first = await service.reloadNow(reason: "start")
        try #require(first.outcome == .applied, "\(first.problems)")
        let task = Task { [service] in await service.run() }
        try await body()
        task.cancel()
        await task.value
    }

    private func report(of outcome: ReloadReport.Outcome) async throws -> ReloadReport {
        for await report in reports where report.trigger == "file" && report.outcome == outcome {
            return report
        }
        throw CancellationError()
    }

    @Test func `dpvs.conf and a service file change together: one transaction`() async throws {
        try await running {
            try volume.update(to: Self.contents(2))
            let report = try await report(of: .applied)
            #expect(report.generation == 2 && report.changes.count == 2)
            #expect(executor.applied.map(Self.numbers) == [[1, 1], [2, 2]])
        }
    }

    @Test func `a file that comes and a file that goes are one transaction too`() async throws {
        try await running {
            var next = Self.contents(1)
            next["web.yaml"] = nil
            next["mail.yaml"] = Self.service("mail", port: 25, weight: 5)
            try volume.update(to: next)
            let report = try await report(of: .applied)
            #expect(report.generation == 2)
            #expect(await reloader.running.services.map(\.name) == ["mail"])
        }
    }

    @Test func `a bad update changes nothing, and says where`() async throws {
        try await running {
            let digest = await reloader.current.digest
            var bad = Self.contents(2)
            bad["web.yaml"] = bad["web.yaml"]?.replacing("scheduler: rr", with: "scheduler: rx")
            try volume.update(to: bad)
            let rejection = try await report(of: .rejected)
            let problem = try #require(rejection.problems.first { $0.severity == .error })
            #expect(problem.location == "\(volume.path)/web.yaml:6:16")
            #expect(executor.applied.map(Self.numbers) == [[1, 1]])
            let status = await reloader.status()
            #expect(status.digest == digest && status.readDigest == source.load().digest)
            #expect(status.readDigest != digest)

            try volume.update(to: Self.contents(3))
            #expect(try await report(of: .applied).generation == 2)
            #expect(executor.applied.map(Self.numbers) == [[1, 1], [3, 3]])
        }
    }

    @Test func `files cut short in the middle are rejected together`() async throws {
        try await running {
            var cut = Self.contents(2)
            cut["dpvs.conf"] = "global_defs {\n    drain_timeout 2s\n"
            try volume.update(to: cut)
            _ = try await report(of: .rejected)
            #expect(executor.applied.map(Self.numbers) == [[1, 1]])
        }
    }

    @Test func `an update that the kubelet has not finished is not seen`() async throws {
        try await running {
            let half = try volume.prepare(["dpvs.conf": "global_defs {"])
            try root.link("volume/..data_tmp", to: half)
            try await Task.sleep(for: .milliseconds(200))
            #expect(await reloader.status().reports == 1)
            // The kubelet is started again, and does it anew.
            try root.remove("volume/..data_tmp")
            try volume.update(to: Self.contents(2))
            #expect(try await report(of: .applied).generation == 2)
        }
    }

    @Test(arguments: ["dpvs.conf", "web.yaml"])
    func `a file above the bound is refused with its size`(_ name: String) async throws {
        try await running {
            var next = Self.contents(2)
            next[name] = ""
            let directory = try volume.prepare(next)
            let size = (64 << 20) + 1
            guard unsafe truncate("\(volume.path)/\(directory)/\(name)", size) == 0 else {
                throw POSIXError(.EIO)
            }
            try volume.swap(to: directory)
            let rejection = try await report(of: .rejected)
            let sentence = "it has 67108865 octets, and accepted are at most 67108864 (64 MiB)"
            let said = rejection.problems.map(\.description)
            #expect(said.contains { $0.contains(name) && $0.contains(sentence) }, "\(said)")
            #expect(executor.applied.map(Self.numbers) == [[1, 1]])

            try volume.update(to: Self.contents(3))
            #expect(try await report(of: .applied).generation == 2)
        }
    }

    @Test func `of a hundred updates in a burst no mixture runs, and the last one does`()
        async throws
    {
        try await running {
            for number in 2...101 { try volume.update(to: Self.contents(number)) }
            while Self.numbers(await reloader.running) != [101, 101] {
                _ = try await report(of: .applied)
            }
            #expect(executor.applied.map(Self.numbers).allSatisfy { $0[0] == $0[1] })
            #expect(await reloader.generation < 50)
        }
    }

    @Test func `files that are read while they are swapped are of one update`() async throws {
        let swaps = Task.detached { [volume] in
            var number = 2
            while !Task.isCancelled {
                try volume.update(to: Self.contents(number))
                number = number % 1000 + 1
            }
        }
        defer { swaps.cancel() }
        var whole = 0
        for _ in 1...300 {
            let loaded = source.load()
            guard !loaded.hasErrors else { continue }
            let numbers = Self.numbers(loaded.state)
            try #require(numbers[0] == numbers[1])
            whole += 1
        }
        #expect(whole > 0)
    }

    @Test func `the same files elsewhere have the same digest`() throws {
        let other = try ConfigMapVolume(root.path + "/other", Self.contents(1))
        let loader = ConfigurationLoader(
            conf: other.path + "/dpvs.conf",
            servicesDirectory: other.path
        )
        #expect(FileSource(loader).load().digest == source.load().digest)
        try other.update(to: Self.contents(2))
        #expect(FileSource(loader).load().digest != source.load().digest)
    }
}
