// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Model
import Testing

extension SystemTests {
    /// Probes go by the companion dpdk1.kni to nginx on 10.0.1.2 and .3, and by the wire between.
    @Suite struct HealthCheckTests {
        private func setup(_ check: String) -> Setup {
            var setup = Setup()
            setup.services.text = Self.services(check)
            return setup
        }

        /// The backend that `own` is about is 10.0.1.3.
        private static func services(_ check: String, own: String = "") -> String {
            """
            addresses:
              - { interface: dpdk0, address: 10.0.0.1/24 }
              - { interface: dpdk1, address: 10.0.1.1/24 }
            services:
              - name: web
                address: 10.0.0.100
                port: 80
                localAddresses: [10.0.1.200]
                \(check)
                backends:
                  - { address: 10.0.1.2 }
                  - { address: 10.0.1.3\(own) }

            """
        }

        /// The kernel's address toward the backends, from which probes come.
        private func addKernelAddress(_ lab: Lab) async throws {
            try await lab.ip(.balancer, "address add 10.0.1.250/24 dev dpdk1.kni")
        }

        private func states(_ dpvs: Balancer) async throws -> [CheckStatus.State?] {
            try await dpvs.status().services[0].backends.map { $0.check?.state }
        }

        @Test func `a backend that answers 503 leaves, comes back, and no request fails`()
            async throws
        {
            let check =
                "healthCheck: { type: http, path: /up, interval: 200ms, timeout: 1s, fall: 2, rise: 2 }"
            try await Lab.balance(setup(check)) { lab, dpvs in
                for number in 1...2 { try lab.write("up", to: number, "yes") }
                try await addKernelAddress(lab)
                try await eventually("both backends are healthy") {
                    try await states(dpvs) == [.healthy, .healthy]
                }
                #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
                let generation = try await dpvs.status().generation

                // A path that is not there is status 404.
                try lab.remove("up", of: 2)
                try await eventually("the second fails") {
                    try await states(dpvs) == [.healthy, .failed]
                }
                let status = try await dpvs.status()
                #expect(status.services[0].backends.map(\.role) == [.serving, .failed])
                #expect(status.services[0].problem == "of 2 backends 1 failed")
                #expect(status.generation == generation, "nothing was compiled")
                #expect(try await lab.backends(answering: 20) == Array(repeating: 1, count: 20))
                let shown = try await dpvs.command("status").output
                #expect(shown.contains("failed: status 404"), "\(shown)")
                let told = try await dpvs.command(
                    "explain",
                    "--from",
                    "10.0.0.10:5000",
                    "--to",
                    "10.0.0.100:80"
                )
                let sentence = "get no new connections by their health check: 10.0.1.3:80"
                #expect(told.output.contains(sentence), "\(told)")
                var scrape = try await dpvs.scrape()
                #expect(scrape.sum("dpvs_backend_healthy", ["remote_address": "10.0.1.3"]) == 0)
                #expect(scrape.sum("dpvs_backend_healthy", ["remote_address": "10.0.1.2"]) == 1)
                #expect(scrape.sum("dpvs_backend_checks_total", ["result": "bad"]) >= 2)

                try lab.write("up", to: 2, "yes")
                try await eventually("the second is back") {
                    try await states(dpvs) == [.healthy, .healthy]
                }
                #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
                let log = dpvs.log
                let backend = "service web: backend 10.0.1.3:80"
                #expect(log.contains("\(backend) fails its health check: status 404"))
                #expect(log.contains("\(backend) passes its health check again"))
                scrape = try await dpvs.scrape()
                #expect(scrape.sum("dpvs_health_check_probes") == 2)
            }
        }

        @Test func `a rolling restart under traffic loses no request`() async throws {
            let check =
                "healthCheck: { type: http, path: /up, interval: 100ms, timeout: 1s, fall: 1, rise: 1 }"
            try await Lab.balance(setup(check)) { lab, dpvs in
                for number in 1...2 { try lab.write("up", to: number, "yes") }
                try await addKernelAddress(lab)
                try await eventually("both backends are healthy") {
                    try await states(dpvs) == [.healthy, .healthy]
                }
                async let traffic = lab.curl(
                    "http://10.0.0.100/?[1-400]",
                    "-H",
                    "Connection: close",
                    "--rate",
                    "50/s",
                    "--fail",
                    "-o",
                    "/dev/null",
                    "--max-time",
                    "60"
                )
                for number in 1...2 {
                    // It says that it goes, and goes when nobody comes any more.
                    try lab.remove("up", of: number)
                    try await eventually("it is out") {
                        try await states(dpvs)[number - 1] == .failed
                    }
                    try await Task.sleep(for: .milliseconds(200))
                    try await lab.restart(number) {
                        try await Task.sleep(for: .milliseconds(500))
                        try lab.write("up", to: number, "yes")
                    }
                    try await eventually("it is back") {
                        try await states(dpvs)[number - 1] == .healthy
                    }
                }
                let outcome = try await traffic
                #expect(outcome.status == 0, "\(outcome)")
            }
        }

        @Test func `when all fail all serve, or none`() async throws {
            // Nobody listens there.
            let check = "healthCheck: { type: tcp, port: 81, interval: 100ms, fall: 1 }"
            try await Lab.balance(setup(check)) { lab, dpvs in
                try await addKernelAddress(lab)
                try await eventually("both fail") {
                    try await states(dpvs) == [.failed, .failed]
                }
                let sentence = "every backend fails its health check, so all serve"
                #expect(try await dpvs.status().services[0].problem == sentence)
                #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
                _ = try await dpvs.reportAfter {
                    try dpvs.save(Self.services(check + "\n    panic: serveNone"))
                }
                // Refused, in curl's words "couldn't connect".
                #expect(try await lab.curl("http://10.0.0.100/").status == 7)
                #expect(try await states(dpvs) == [.failed, .failed], "it is remembered")
            }
        }

        @Test func `a backend that begins down, one that is pinged, and one asked by a script`()
            async throws
        {
            let check = "healthCheck: { type: ping, interval: 100ms, timeout: 1s, initial: down }"
            try await Lab.balance(setup(check)) { lab, dpvs in
                // Without a way there is no good answer, and so no connection.
                let status = try await dpvs.status().services[0]
                #expect(status.backends.map(\.role) == [.failed, .failed])
                #expect(try await lab.curl("http://10.0.0.100/").status != 0)
                try await addKernelAddress(lab)
                try await eventually("echo replies come") {
                    try await states(dpvs) == [.healthy, .healthy]
                }
                #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
                let own = ", healthCheck: { type: script, command: [/bin/false], fall: 1 }"
                _ = try await dpvs.reportAfter { try dpvs.save(Self.services(check, own: own)) }
                try await eventually("the script has said no") {
                    try await states(dpvs) == [.healthy, .failed]
                }
                #expect(try await lab.backends(answering: 4) == [1, 1, 1, 1])
            }
        }

        @Test func `https looks at certificates when it is told to`() async throws {
            let check =
                "healthCheck: { type: https, port: 8443, interval: 100ms, timeout: 1s, fall: 1, host: a.test }"
            try await Lab.balance(setup(check)) { lab, dpvs in
                try await addKernelAddress(lab)
                let (key, certificate) = ("\(lab.directory)/key.pem", "\(lab.directory)/cert.pem")
                let words = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=a.test"
                try await Program.demand(
                    words.split(separator: " ").map(String.init) + [
                        "-keyout", key, "-out", certificate,
                    ]
                )
                try await lab.serve(
                    "openssl",
                    "s_server",
                    "-accept",
                    "8443",
                    "-key",
                    key,
                    "-cert",
                    certificate,
                    "-www",
                    "-quiet"
                ) {
                    try await eventually("any certificate will do") {
                        try await states(dpvs) == [.healthy, .healthy]
                    }
                    let own = ", healthCheck: { verify: true }"
                    _ = try await dpvs.reportAfter {
                        try dpvs.save(Self.services(check, own: own))
                    }
                    try await eventually("one that nobody has signed will not") {
                        try await states(dpvs) == [.healthy, .failed]
                    }
                    let detail = try await dpvs.status().services[0].backends[1].check?.detail
                    #expect(detail?.hasPrefix("TLS: ") == true, "\(detail ?? "")")
                }
            }
        }
    }
}

extension Lab {
    /// A page of a backend.
    fileprivate func write(_ page: String, to backend: Int, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(directory)/backend\(backend)/www/\(page)"))
    }

    fileprivate func remove(_ page: String, of backend: Int) throws {
        try FileManager.default.removeItem(atPath: "\(directory)/backend\(backend)/www/\(page)")
    }

    /// Ends a backend's nginx, and starts it again after `pause`.
    fileprivate func restart(_ backend: Int, _ pause: () async throws -> Void) async throws {
        let root = "\(directory)/backend\(backend)"
        let words = ["nginx", "-p", root, "-c", "\(root)/nginx.conf", "-e", "\(root)/error.log"]
        try await Program.demand(command(in: .backends, words + ["-s", "stop"]))
        try await pause()
        try await Program.demand(command(in: .backends, words))
    }
}
