// SPDX-License-Identifier: Apache-2.0
import Control
import FileTesting
import Foundation
import Model
import Testing

extension SystemTests {
    @Suite struct ConfigMapTests {
        private static func contents(_ setup: Setup) -> [String: String] {
            ["dpvs.conf": setup.conf, "web.yaml": setup.services.yaml]
        }

        private func mount(
            _ body: (ConfigMapVolume, Setup, Balancer) async throws -> Void
        ) async throws {
            try await Lab.run { lab in
                var setup = Setup()
                let volume = try ConfigMapVolume(
                    "\(lab.directory)/volume",
                    Self.contents(setup)
                )
                setup.place = ("\(volume.path)/dpvs.conf", volume.path)
                try await lab.balance(setup) { try await body(volume, setup, $0) }
            }
        }

        @Test func `a swap of ..data applies all of its files in one transaction`() async throws {
            try await mount { volume, setup, dpvs in
                let before = try await dpvs.configuration()
                var next = setup
                next.global[2] = "drain_timeout 7s"
                next.services.services[0].backends.append(.init(4))
                let report = try await dpvs.reportAfter {
                    try volume.update(to: Self.contents(next))
                }
                #expect(report.outcome == .applied)
                #expect(report.changes.count == 2)
                #expect(report.changes.contains("global_defs.drain_timeout: 5s → 7s"))
                let after = try await dpvs.configuration()
                #expect(after.reports == before.reports + 1)
                #expect(after.generation == before.generation + 1)
            }
        }

        @Test func `a directory in the volume changes as the volume does`() async throws {
            try await Lab.run { lab in
                var setup = Setup()
                func contents() -> [String: String] {
                    Dictionary(
                        uniqueKeysWithValues: Self.contents(setup).map { ("node-a/\($0)", $1) }
                    )
                }
                let volume = try ConfigMapVolume("\(lab.directory)/volume", contents())
                let place = volume.path + "/node-a"
                setup.place = ("\(place)/dpvs.conf", place)
                try await lab.balance(setup) { dpvs in
                    for timeout in 7...9 {
                        setup.global[2] = "drain_timeout \(timeout)s"
                        setup.services.services[0].backends[0].weight = timeout
                        let report = try await dpvs.reportAfter {
                            try volume.update(to: contents())
                        }
                        #expect(report.outcome == .applied && report.changes.count == 2)
                    }
                    #expect(try await dpvs.status().services[0].backends[0].weight == 9)
                }
            }
        }

        @Test func `a hundred rapid swaps end in the state of the last`() async throws {
            try await mount { volume, setup, dpvs in
                var next = setup
                for time in 1...100 {
                    next.global[2] = "drain_timeout \(time)s"
                    next.services.services[0].backends[0].weight = 1000 + time
                    try volume.update(to: Self.contents(next))
                    // Longer than a burst may be: some are read while the next one comes.
                    try await Task.sleep(for: .milliseconds(25))
                }
                try await eventually("the last state runs") {
                    try await dpvs.status().services[0].backends[0].weight == 1100
                }
                let running: DesiredState = try await dpvs.client.get("/v1/config/running")
                #expect(running.settings.duration("global_defs.drain_timeout") == .seconds(100))
                let status = try await dpvs.configuration()
                #expect(status.lastReload?.outcome == .applied && status.drift == 0)
                // No version was half read, and swaps were gathered, not applied one by one.
                #expect(try await dpvs.scrape().sum("dpvs_config_reloads_total") < 50)
                #expect(!dpvs.log.contains(" error "))
            }
        }

        /// `GET /readyz`.
        private func ready(_ dpvs: Balancer) async throws -> Probe {
            try await dpvs.client.get("/readyz")
        }

        @Test func `a rollout waits for the digest that it has computed beforehand`() async throws {
            try await mount { volume, setup, dpvs in
                let first = try await dpvs.configuration()
                #expect(try await ready(dpvs).generation == first.generation)
                #expect(try await ready(dpvs).digest == first.digest)

                // On another machine: the files, and nothing that runs.
                var next = setup
                next.services.services[0].backends.append(.init(4))
                let copy = try ConfigMapVolume(dpvs.lab.directory + "/copy", Self.contents(next))
                let check = ["check", "--digest", "-c", copy.path + "/dpvs.conf"]
                let digest =
                    try await Program.demand(
                        [Program.dpvs] + check + ["--services", copy.path]
                    )
                    .trimmingCharacters(in: .newlines)
                #expect(digest.count == 64 && digest != first.digest)

                async let waiting = dpvs.command("config", "wait", "--digest", digest)
                try await Task.sleep(for: .milliseconds(300))
                try volume.update(to: Self.contents(next))
                let waited = try await waiting
                #expect(waited.status == 0, "\(waited.errors)")
                #expect(try await ready(dpvs).digest == digest)
                #expect(try await ready(dpvs).generation == first.generation + 1)
                let probe = try await dpvs.command("probe", "ready")
                #expect(probe.status == 0 && probe.output.contains(digest), "\(probe.errors)")
                let late = try await dpvs.command(
                    "config",
                    "wait",
                    "--generation",
                    "9",
                    "--timeout",
                    "0"
                )
                #expect(late.status == 1)
            }
        }

        @Test func `bad, half-written and oversized updates leave what runs`() async throws {
            try await mount { volume, setup, dpvs in
                let first = try await dpvs.configuration()
                var next = Self.contents(setup)
                next["web.yaml"] = String(setup.services.yaml.dropLast(9))
                let directory = try volume.prepare(next)
                try await Task.sleep(for: .milliseconds(500))
                #expect(try await dpvs.configuration().reports == first.reports)
                let cut = try await dpvs.reportAfter { try volume.swap(to: directory) }
                #expect(cut.outcome == .rejected, "\(cut)")
                let wanted = try await dpvs.configuration().readDigest
                let waited = try await dpvs.command("config", "wait", "--digest", wanted)
                #expect(waited.status == 1)
                #expect(waited.errors.contains("have errors"), "\(waited.errors)")

                next["web.yaml"] = String(repeating: "#", count: (64 << 20) + 1)
                let large = try await dpvs.reportAfter { try volume.update(to: next) }
                #expect(large.outcome == .rejected)
                let said = large.problems.map(\.description).joined()
                #expect(said.contains("web.yaml:1:1"), "\(said)")
                #expect(said.contains("accepted are at most 67108864"), "\(said)")

                #expect(try await ready(dpvs).digest == first.digest)
                #expect(try await dpvs.lab.backends(answering: 4).count == 4)
                let mended = try await dpvs.reportAfter {
                    try volume.update(to: Self.contents(setup))
                }
                #expect(mended.outcome == .unchanged && mended.digest == first.digest)
            }
        }
    }
}
