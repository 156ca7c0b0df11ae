// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Testing

extension SystemTests {
    @Suite struct MonitoringTests {
        private static var setup: Setup {
            var setup = Setup()
            setup.global.append("metrics_address 127.0.0.1:9901")
            return setup
        }

        /// What curl gets in the balancer's namespace: the status code and the body.
        private func get(
            _ lab: Lab,
            _ words: String...
        ) async throws -> (code: String, text: String) {
            let line = ["curl", "-sS", "--max-time", "5", "-w", "\n%{http_code}"] + words
            let output = try await Program.demand(lab.command(in: .balancer, line))
            let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
            return (String(lines.last ?? ""), lines.dropLast().joined(separator: "\n"))
        }

        @Test(arguments: ["socket", "TCP"])
        func `promtool and probes are content with what they get`(entrance: String) async throws {
            try await Lab.balance(Self.setup) { lab, dpvs in
                _ = try await lab.backends(answering: 2)
                let root: (String, String, String) =
                    entrance == "TCP"
                    ? ("--noproxy", "*", "http://127.0.0.1:9901")
                    : ("--unix-socket", dpvs.client.socket, "http://dpvs")
                let metrics = try await get(lab, root.0, root.1, "\(root.2)/metrics")
                #expect(metrics.code == "200")
                let promtool = try await Program.run(
                    ["promtool", "check", "metrics"],
                    input: metrics.text + "\n"
                )
                #expect(promtool.status == 0 && promtool.errors == "", "\(promtool.errors)")
                #expect(promtool.output == "")
                #expect(try await get(lab, root.0, root.1, "\(root.2)/livez").code == "200")
                #expect(try await get(lab, root.0, root.1, "\(root.2)/readyz").code == "200")

                // Nothing can be changed through TCP.
                let url = "\(root.2)/v1/config/reload"
                let reload = try await get(lab, root.0, root.1, "-X", "POST", url)
                #expect(reload.code == (entrance == "TCP" ? "403" : "200"))
            }
        }

        @Test func `while it drains, readyz says no and livez yes`() async throws {
            try await Lab.balance(Self.setup) { lab, dpvs in
                try await lab.whileDownloading {
                    dpvs.send(SIGTERM)
                    let root = ["--noproxy", "*", "http://127.0.0.1:9901"]
                    try await eventually("readyz answers 503") {
                        try await get(lab, root[0], root[1], "\(root[2])/readyz").code == "503"
                    }
                    let readyz = try await get(lab, root[0], root[1], "\(root[2])/readyz")
                    #expect(readyz.text.contains("draining"))
                    #expect(try await get(lab, root[0], root[1], "\(root[2])/livez").code == "200")
                    #expect(try await dpvs.status().phase == .draining)
                    #expect(try await dpvs.scrape().sum("dpvs_ready") == 0)
                }
            }
        }

        @Test func `while a worker stands still, both probes name it`() async throws {
            try await Lab.balance(Self.setup) { lab, dpvs in
                let stopper = "\(Program.repository)/Tests/SystemTests/stop_thread.py"
                let livez = ["--noproxy", "*", "http://127.0.0.1:9901/livez"]
                try await lab.serve("python3", stopper, "\(dpvs.pid)", "rte-worker-1") {
                    try await eventually("livez answers 503") {
                        try await get(lab, livez[0], livez[1], livez[2]).code == "503"
                    }
                    let answer = try await get(lab, livez[0], livez[1], livez[2])
                    #expect(answer.text.contains("worker 1"), "\(answer.text)")
                    let scrape = try await dpvs.scrape()
                    #expect(scrape.sum("dpvs_worker_heartbeat_age_seconds") >= 5)
                    #expect(scrape.sum("dpvs_ready") == 0)
                    try await eventually("the log says so, too") {
                        dpvs.log.contains("worker 1 has stalled")
                    }
                }
                try await eventually("livez answers 200") {
                    try await get(lab, livez[0], livez[1], livez[2]).code == "200"
                }
            }
        }

        @Test func `an address that is taken ends the start with its name`() async throws {
            try await Lab.balance(Self.setup) { lab, _ in
                try await lab.addInterfaces()
                var other = InstanceTests.other
                other.global = Self.setup.global
                let outcome = try await lab.refuse(other)
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains("127.0.0.1:9901"), "\(outcome.errors)")
            }
        }
    }
}
