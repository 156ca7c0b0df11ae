// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Model
import Testing

extension SystemTests {
    /// Edits by command, beside files.
    @Suite struct EditTests {
        @Test func `edits move traffic at once and outlive the process`() async throws {
            try await Lab.run { lab in
                var kept = ""
                try await lab.balance { dpvs in
                    #expect(Set(try await lab.backends(answering: 4)).count == 2)
                    expectDone(
                        try await dpvs.command(
                            "edit",
                            "set",
                            "backend",
                            "service=web",
                            "address=10.0.1.2",
                            "weight=0"
                        )
                    )
                    #expect(Set(try await lab.backends(answering: 4)).count == 1)
                    expectDone(
                        try await dpvs.command(
                            "edit",
                            "add",
                            "backend",
                            "service=web",
                            "address=10.0.1.4"
                        )
                    )
                    #expect(Set(try await lab.backends(answering: 4)).count == 2)

                    // The file changes another field of the same backend's service.
                    var services = Setup().services
                    services.services[0].scheduler = "wrr"
                    let report = try await dpvs.apply(services)
                    #expect(report.outcome == .applied && report.problems.isEmpty)
                    try await expectDrift(
                        dpvs,
                        "backend 10.0.1.4:80 extra, backend 10.0.1.2:80 weight 100 → 0"
                    )
                    let export = try await dpvs.command("config", "export")
                    #expect(export.output.contains("# changed: service web (tcp 10.0.0.100:80)"))
                    #expect(export.output.contains("address: 10.0.1.4"))
                    try dpvs.save(Setup().services.yaml)
                    kept = try String(
                        contentsOfFile: dpvs.runDirectory + "/edits.yaml",
                        encoding: .utf8
                    )
                }
                try await startAgain(lab, with: kept)
            }
        }

        private func startAgain(_ lab: Lab, with kept: String) async throws {
            let directory = "/run/dpvs/\(lab.name)a"
            try FileManager.default
                .createDirectory(atPath: directory, withIntermediateDirectories: true)
            try kept.write(toFile: directory + "/edits.yaml", atomically: true, encoding: .utf8)
            try await lab.balance { dpvs in
                #expect(dpvs.log.contains("edits of the run before: 1"))
                try await expectDrift(
                    dpvs,
                    "backend 10.0.1.4:80 extra, backend 10.0.1.2:80 weight 100 → 0"
                )
                // The file says something new about one of the two.
                var services = Setup().services
                services.services[0].backends[0].weight = 50
                let report = try await dpvs.apply(services)
                #expect(
                    report.problems.contains {
                        $0.message.contains(
                            "says something new about weight of backend 10.0.1.2:80"
                        )
                    }
                )
                try await expectDrift(dpvs, "backend 10.0.1.4:80 extra")
                expectDone(try await dpvs.command("config", "revert", "web"))
                #expect(try await dpvs.command("config", "drift").status == 0)
                #expect(!FileManager.default.fileExists(atPath: directory + "/edits.yaml"))
            }
        }

        @Test func `a batch with mistakes changes nothing and names them all`() async throws {
            try await Lab.balance { lab, dpvs in
                let path = "\(lab.directory)/batch.yaml"
                let batch = """
                    edits:
                      - set: { service: { name: web, scheduler: wlc } }
                      - set: { backend: { service: web, address: 10.0.1.77, weight: 1 } }
                      - add: { service: { address: 10.0.0.101, port: 99999 } }

                    """
                try batch.write(toFile: path, atomically: true, encoding: .utf8)
                let outcome = try await dpvs.command("edit", "--file", path)
                #expect(outcome.status == 1)
                for place in ["\(path):3:21: error: ", "\(path):4:50: error: "] {
                    #expect(outcome.output.contains(place), "\(outcome.output)")
                }
                #expect(try await dpvs.configuration().generation == 1)
                let dry = try await dpvs.command(
                    "edit",
                    "set",
                    "service",
                    "name=web",
                    "scheduler=wlc",
                    "--dry-run"
                )
                #expect(dry.status == 0 && dry.output.contains("scheduler rr → wlc"))
                let late = try await dpvs.command(
                    "edit",
                    "set",
                    "service",
                    "name=web",
                    "scheduler=wlc",
                    "--generation",
                    "9"
                )
                #expect(late.status == 1 && late.errors.contains("generation 1 runs, not 9"))
                #expect(try await dpvs.command("edit", "set", "service", "name").status == 2)
                #expect(try await dpvs.configuration().generation == 1)
            }
        }

        private func expectDone(_ outcome: Program.Outcome) {
            #expect(outcome.status == 0, "\(outcome)")
            #expect(outcome.output.hasPrefix("applied in "), "\(outcome)")
        }

        private func expectDrift(_ dpvs: Balancer, _ detail: String) async throws {
            let drift = try await dpvs.command("config", "drift")
            #expect(drift.status == 1)
            #expect(drift.output.contains(detail), "\(drift.output)")
        }
    }
}
