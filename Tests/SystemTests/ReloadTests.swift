// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Model
import Testing

extension SystemTests {
    @Suite struct ReloadTests {
        @Test
        func `a download survives edits, the loss of its backend, and a broken file`() async throws
        {
            var setup = Setup()
            setup.services.services[0].scheduler = "wrr"
            try await Lab.balance(setup) { lab, dpvs in
                try await lab.whileDownloading {
                    var services = setup.services
                    services.services[0].backends[0].weight = 300
                    #expect(try await dpvs.apply(services).outcome == .applied)
                    services.services[0].backends.append(.init(4))
                    #expect(try await dpvs.apply(services).outcome == .applied)

                    let serving = try await dpvs.status().services[0].backends
                        .filter { $0.activeConnections > 0 }
                    try #require(serving.count == 1)
                    services.services[0].backends
                        .removeAll {
                            "\($0.address):80" == "\(serving[0].endpoint)"
                        }
                    let removal = try await dpvs.apply(services)
                    #expect(removal.changes.contains { $0.hasSuffix("removed") })
                    #expect(try await dpvs.status().services[0].activeConnections == 1)

                    try await breakAndMend(dpvs, services)
                    #expect(try await lab.backends(answering: 4).count == 4)
                }
            }
        }

        /// Saves `services` with a mistake, looks at what is said about it, and without again.
        private func breakAndMend(_ dpvs: Balancer, _ services: ServiceFile) async throws {
            let broken = services.yaml.replacing("scheduler: wrr", with: "scheduler: wwr")
            let rejection = try await dpvs.reportAfter { try dpvs.save(broken) }
            #expect(rejection.outcome == .rejected)
            let status = try await dpvs.command("config", "status")
            #expect(status.status == 1)
            let place = "services.d/web.yaml:9:16: error: "
            #expect(status.output.contains(place), "\(status.output)")
            #expect(status.output.contains("'wwr'"), "\(status.output)")

            // What runs was never touched, and the correction finds nothing to do.
            let mended = try await dpvs.reportAfter { try dpvs.save(services.yaml) }
            #expect(mended.outcome == .unchanged)
            #expect(try await dpvs.command("config", "status").status == 0)
        }

        @Test func `SIGHUP reloads`() async throws {
            try await Lab.balance { _, dpvs in
                let report = try await dpvs.reportAfter { dpvs.send(SIGHUP) }
                #expect(report.outcome == .unchanged && report.trigger == "signal")
                #expect(dpvs.isRunning)
            }
        }

        @Test func `a file that is written in place reloads as well`() async throws {
            try await Lab.balance { _, dpvs in
                var services = Setup().services
                services.services[0].backends.append(.init(4))
                let report = try await dpvs.reportAfter {
                    let path = "\(dpvs.servicesPath)/web.yaml"
                    try Data(services.yaml.utf8).write(to: URL(filePath: path))
                }
                #expect(report.outcome == .applied && report.trigger == "file")
            }
        }

        @Test func `a changed log level applies, and a changed device asks for a restart`()
            async throws
        {
            try await Lab.balance { _, dpvs in
                var setup = Setup()
                setup.global[0] = "log_level WARNING"
                setup.workers = 2
                let report = try await dpvs.reportAfter {
                    try dpvs.save(setup.conf, to: "dpvs.conf")
                }
                #expect(report.changes == ["global_defs.log_level: INFO → WARNING"])
                #expect(report.restartRequired == ["worker_defs.workers: 1 → 2"])
                let status = try await dpvs.command("config", "status")
                #expect(status.status == 0)
                #expect(status.output.contains("restart required: worker_defs.workers"))
                #expect(try await dpvs.scrape().sum("dpvs_config_restart_required") == 1)

                let quiet = dpvs.log
                _ = try await dpvs.reportAfter { dpvs.send(SIGHUP) }
                #expect(!dpvs.log.dropFirst(quiet.count).contains(" info "))
                setup.global[0] = "log_level DEBUG"
                setup.workers = 1
                _ = try await dpvs.reportAfter { try dpvs.save(setup.conf, to: "dpvs.conf") }
                try await eventually("the new level is in use") {
                    dpvs.log.dropFirst(quiet.count).contains(" info ")
                }
            }
        }
    }
}
