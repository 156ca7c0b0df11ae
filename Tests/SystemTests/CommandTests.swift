// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Model
import Testing

extension SystemTests {
    @Suite struct CommandTests {
        @Test func `explain tells the way of a packet and sends none`() async throws {
            try await Lab.balance { lab, dpvs in
                _ = try await lab.backends(answering: 2)
                let from = "10.0.0.10:40000"
                let told = try await dpvs.command(
                    "explain",
                    "--from",
                    from,
                    "--to",
                    "10.0.0.100:80"
                )
                #expect(told.status == 0, "\(told.errors)")
                #expect(told.output.contains("service        web tcp 10.0.0.100:80, fnat, rr\n"))
                #expect(told.output.contains("backend        10.0.1."))
                #expect(told.output.contains("transmitted on dpdk1, 54 octets\n"))

                let nobody = ["explain", "--from", from, "--to", "192.0.2.1:80"]
                let dropped = try await dpvs.command(
                    nobody[0],
                    nobody[1],
                    nobody[2],
                    nobody[3],
                    nobody[4]
                )
                #expect(dropped.status == 1 && dropped.output.contains("dropped: not_for_us\n"))
                let wrong = try await dpvs.command(
                    "explain",
                    "--from",
                    "here",
                    "--to",
                    "10.0.0.100:80"
                )
                #expect(wrong.status == 2 && wrong.errors.contains("'here' is not ADDRESS:PORT"))
                let upper = try await dpvs.command(
                    "explain",
                    "--proto",
                    "ICMP",
                    "--from",
                    "10.0.0.10",
                    "--to",
                    "10.0.0.100"
                )
                #expect(upper.status != 2 && upper.output.contains("arrival"), "\(upper.errors)")
                let opened = try await dpvs.scrape().sum("dpvs_backend_connections_total")
                #expect(opened == 2)
            }
        }

        // MARK: - Without a daemon

        /// `dpvs check` on files that are no balancer's.
        private func check(_ conf: String, _ services: String) async throws -> Program.Outcome {
            let directory = FileManager.default.temporaryDirectory
                .appending(path: "dpvs-check-\(UUID().uuidString)")
            let folder = directory.appending(path: "services.d")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            let path = directory.appending(path: "dpvs.conf")
            try Data(conf.utf8).write(to: path)
            try Data(services.utf8).write(to: folder.appending(path: "web.yaml"))
            return try await Program.run([Program.dpvs, "check", "--conf", path.path])
        }

        @Test func `check finds nothing wrong with good files`() async throws {
            let outcome = try await check(Setup().conf, Setup().services.yaml)
            #expect(outcome.status == 0)
            #expect(outcome.output == "2 files, 0 errors, 0 warnings, 0 items not in effect\n")
        }

        @Test func `check lists items that are not in effect, and that is no error`() async throws {
            var setup = Setup()
            setup.global.append("pdump on")
            let outcome = try await check(setup.conf, setup.services.yaml)
            #expect(outcome.status == 0)
            #expect(outcome.output.contains("not in effect in this version:\n"))
            #expect(outcome.output.contains("dpvs.conf:5:5: "), "\(outcome.output)")
            #expect(outcome.output.contains("1 item not in effect"))
        }

        @Test func `check takes files, and reads those and no others`() async throws {
            let directory = FileManager.default.temporaryDirectory
                .appending(path: "dpvs-files-\(UUID().uuidString)").path
            try FileManager.default
                .createDirectory(atPath: directory + "/more", withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            for (name, text) in [
                ("dpvs.conf", Setup().conf), ("web.yaml", Setup().services.yaml),
                ("more/bad.yml", "services: [{ port: 0 }]\n"), ("more/README", "no"),
            ] {
                try Data(text.utf8).write(to: URL(filePath: "\(directory)/\(name)"))
            }
            func check(_ names: String...) async throws -> Program.Outcome {
                let paths = names.map { "\(directory)/\($0)" }
                return try await Program.run([Program.dpvs, "check"] + paths)
            }
            #expect(try await check("dpvs.conf").output.hasPrefix("1 file, 0 errors"))
            #expect(try await check("web.yaml").output.hasPrefix("1 file, 0 errors"))
            #expect(try await check("web.yaml", "dpvs.conf").output.hasPrefix("2 files, 0 errors"))
            let all = try await check("dpvs.conf", "web.yaml", "more")
            #expect(all.status == 1 && all.output.contains("more/bad.yml:1:"), "\(all.output)")
            #expect(all.output.contains("3 files, "))
            let missing = try await check("none.yaml")
            #expect(missing.status == 1 && missing.output.contains("none.yaml:1:1: error: cannot"))
            let none = try await check("none.conf")
            #expect(none.output.contains("the configuration file cannot be read"))
            #expect(try await check("dpvs.conf", "more/README").status == 2)
        }

        @Test func `check says everything that is wrong, where it is, and ends with 1`()
            async throws
        {
            var setup = Setup()
            setup.global.append("drain_timeot 5s")
            setup.services.services[0].port = 99999
            let outcome = try await check(setup.conf, setup.services.yaml)
            #expect(outcome.status == 1)
            #expect(outcome.output.contains("dpvs.conf:5:5: error: "), "\(outcome.output)")
            #expect(outcome.output.contains("web.yaml:7:11: error: "), "\(outcome.output)")
            #expect(outcome.output.contains("1...65535"), "\(outcome.output)")
        }

        @Test func `questions to nobody end with 3, wrong command lines with 2`() async throws {
            let name = "dpvs-nobody-\(UUID().uuidString)"
            for words in [["status"], ["config", "status"], ["metrics"], ["config", "reload"]] {
                let line = [Program.dpvs] + words + ["--instance", name]
                let outcome = try await Program.run(line)
                #expect(outcome.status == 3)
                #expect(outcome.errors.hasPrefix("Error: dpvs is not running"))
                #expect(outcome.output == "")
            }
            let outcome = try await Program.run([Program.dpvs, "config", "rollback"])
            #expect(outcome.status == 2)
            for name in ["..", ".", "a/b", "claims", "a\u{1B}[31m", ""] {
                let line = [Program.dpvs, "status", "--instance", name]
                let outcome = try await Program.run(line)
                #expect(outcome.status == 2 && outcome.errors.contains("is not the name of"))
                #expect(!outcome.errors.contains("\u{1B}"))
            }
            // An answer that cannot be written is no success.
            let full = ["sh", "-c", "exec \(Program.dpvs) check /dev/null >/dev/full"]
            #expect(try await Program.run(full).status == 1)
        }

        // MARK: - With one

        @Test func `plan shows what the files would change and changes nothing`() async throws {
            try await Lab.balance { _, dpvs in
                let idle = try await plan(dpvs)
                #expect(idle.status == 0 && idle.output == "no changes\n")

                var setup = Setup()
                setup.workers = 2
                _ = try await dpvs.reportAfter { try dpvs.save(setup.conf, to: "dpvs.conf") }
                setup.services.services[0].backends[0].weight = 7
                _ = try await dpvs.apply(setup.services)
                _ = try await dpvs.client.rollback(to: 1)
                let outcome = try await plan(dpvs)
                #expect(outcome.status == 0)
                #expect(
                    outcome.output == """
                        changes: 1
                          service web (tcp 10.0.0.100:80): backend 10.0.1.2:80 weight 100 → 7
                        restart required: worker_defs.workers: 1 → 2

                        """
                )
                #expect(try await dpvs.status().services[0].backends[0].weight == 100)

                _ = try await dpvs.reportAfter { try dpvs.save("services: [{ port: 0 }]\n") }
                let broken = try await plan(dpvs)
                #expect(broken.status == 1)
                #expect(broken.output.hasSuffix("nothing would be applied\n"))
            }
        }

        private func plan(_ dpvs: Balancer) async throws -> Program.Outcome {
            let places = ["--conf", dpvs.confPath, "--services", dpvs.servicesPath]
            return try await dpvs.command("plan", places[0], places[1], places[2], places[3])
        }

        @Test func `history, rollback, drift and reload work from the command line`() async throws {
            try await Lab.balance { lab, dpvs in
                var services = Setup().services
                services.services[0].backends = [.init(4)]
                _ = try await dpvs.apply(services)
                #expect(try await lab.backends(answering: 2) == [3, 3])
                #expect(try await dpvs.command("config", "drift").status == 0)

                let rollback = try await dpvs.command("config", "rollback", "1")
                #expect(rollback.status == 0)
                #expect(rollback.output.contains("generation 3 runs"))
                #expect(Set(try await lab.backends(answering: 2)) == [1, 2])
                let drift = try await dpvs.command("config", "drift")
                #expect(drift.status == 1)
                #expect(drift.output.contains("service tcp 10.0.0.100:80"), "\(drift.output)")

                let history = try await dpvs.command("config", "history", "--json")
                let entries = try ControlJSON.decode(
                    [HistoryEntry].self,
                    from: Data(history.output.utf8)
                )
                #expect(entries.map(\.generation) == [3, 2, 1])
                #expect(entries.map(\.trigger) == ["rollback to 1", "file", "start"])

                let reload = try await dpvs.command("config", "reload")
                #expect(reload.status == 0 && reload.output.contains("generation 4 runs"))
                #expect(try await lab.backends(answering: 2) == [3, 3])
                let none = try await dpvs.command("config", "rollback", "99")
                #expect(none.status == 1 && none.errors.contains("generation 99"))
            }
        }

        @Test func `watch prints what runs and then what happens`() async throws {
            try await Lab.balance { lab, dpvs in
                async let watched = dpvs.command("watch", "--count", "3")
                // More than it needs: it may begin after the first of these.
                for number in 4...12 {
                    var services = Setup().services
                    services.services[0].backends = [.init(3 + number % 2)]
                    _ = try await dpvs.apply(services)
                }
                let outcome = try await watched
                #expect(outcome.status == 0)
                let lines = outcome.output.split(separator: "\n")
                #expect(lines.first?.contains(" running: generation ") == true)
                #expect(lines.contains { $0.contains(" applied: applied (file): generation ") })
                let isAddition = { (line: Substring) in
                    line.contains("backend 10.0.1.") && line.hasSuffix(" added")
                }
                #expect(lines.contains(where: isAddition), "\(outcome.output)")
            }
        }

        @Test func `status and metrics are asked about some services`() async throws {
            try await Lab.balance { lab, dpvs in
                let some = try await dpvs.command("status", "--service", "w*", "--limit", "1")
                #expect(some.status == 0 && some.output.contains("\n1 service, 2 backends: "))
                let none = try await dpvs.command("status", "--service", "mail")
                #expect(!none.output.contains("SERVICE / BACKEND"))
                let problems = try await dpvs.command("status", "--problems")
                #expect(problems.status == 0 && !problems.output.contains("SERVICE / BACKEND"))
                var services = Setup().services
                services.services[0].backends = [.init(4, weight: 0)]
                _ = try await dpvs.apply(services)
                let drained = try await dpvs.command("status", "--problems")
                #expect(drained.status == 1)
                #expect(drained.output.contains("web: no backend takes new connections"))

                let metrics = try await dpvs.command(
                    "metrics",
                    "--service",
                    "tcp *",
                    "--no-backends"
                )
                #expect(metrics.output.contains("dpvs_service_weight{"))
                #expect(!metrics.output.contains("dpvs_backend_"))
                #expect(!metrics.output.contains("dpvs_ready"))
                let wrong = try await dpvs.command(
                    "explain",
                    "--from",
                    "10.0.0.10:1",
                    "--to",
                    "10.0.0.100:80",
                    "--worker",
                    "77"
                )
                #expect(wrong.status == 2 && wrong.errors.contains("there is no worker 77"))
            }
        }

        @Test func `status is for people and, with --json, for programs`() async throws {
            try await Lab.balance { lab, dpvs in
                _ = try await lab.backends(answering: 3)
                let text = try await dpvs.command("status")
                #expect(text.status == 0)
                for word in ["ready", "dpdk0", "net_af_packet", "web", "serving", "10.0.1.3:80"] {
                    #expect(text.output.contains(word))
                }
                let json = try await dpvs.command("status", "--json")
                let status = try ControlJSON.decode(Status.self, from: Data(json.output.utf8))
                #expect(status.pid == dpvs.pid && status.phase == .ready)
                #expect(status.services[0].totalConnections == 3)
                #expect(status.workers.count == 1 && status.ports.allSatisfy(\.isLinkUp))
            }
        }
    }
}
