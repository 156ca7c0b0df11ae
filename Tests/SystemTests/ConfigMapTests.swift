// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Model
import Testing

extension SystemTests {
    @Suite struct ConfigMapTests {
        /// A mounted ConfigMap, as the kubelet lays it out and changes it.
        private struct Volume {
            let path: String

            /// `..data` leads to a directory of this time; the files' names lead through `..data`.
            init(_ path: String, _ setup: Setup) throws {
                self.path = path
                let files = FileManager.default
                try files.createDirectory(atPath: path, withIntermediateDirectories: false)
                try change(to: setup, time: 0)
                for name in ["dpvs.conf", "web.yaml"] {
                    try files.createSymbolicLink(
                        atPath: "\(path)/\(name)",
                        withDestinationPath: "..data/\(name)"
                    )
                }
            }

            /// Swaps `..data` to a new directory and removes the one before.
            func change(to setup: Setup, time: Int) throws {
                let files = FileManager.default
                let directory = "..2026_11_24_\(time)"
                let before = try? files.destinationOfSymbolicLink(atPath: "\(path)/..data")
                try files.createDirectory(
                    atPath: "\(path)/\(directory)",
                    withIntermediateDirectories: false
                )
                for (name, text) in ["dpvs.conf": setup.conf, "web.yaml": setup.services.yaml] {
                    try text.write(
                        toFile: "\(path)/\(directory)/\(name)",
                        atomically: false,
                        encoding: .utf8
                    )
                }
                try files.createSymbolicLink(
                    atPath: "\(path)/..data_tmp",
                    withDestinationPath: directory
                )
                let renamed = unsafe rename("\(path)/..data_tmp", "\(path)/..data")
                try #require(renamed == 0)
                if let before { try files.removeItem(atPath: "\(path)/\(before)") }
            }
        }

        private func mount(_ body: (Volume, Setup, Balancer) async throws -> Void) async throws {
            try await Lab.run { lab in
                var setup = Setup()
                let volume = try Volume("\(lab.directory)/volume", setup)
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
                let report = try await dpvs.reportAfter { try volume.change(to: next, time: 1) }
                #expect(report.outcome == .applied)
                #expect(report.changes.count == 2)
                #expect(report.changes.contains("global_defs.drain_timeout: 5s → 7s"))
                let after = try await dpvs.configuration()
                #expect(after.reports == before.reports + 1)
                #expect(after.generation == before.generation + 1)
            }
        }

        @Test func `a hundred rapid swaps end in the state of the last`() async throws {
            try await mount { volume, setup, dpvs in
                var next = setup
                for time in 1...100 {
                    next.global[2] = "drain_timeout \(time)s"
                    next.services.services[0].backends[0].weight = 1000 + time
                    try volume.change(to: next, time: time)
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
    }
}
