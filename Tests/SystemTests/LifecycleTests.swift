// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Testing

extension SystemTests {
    @Suite struct LifecycleTests {
        @Test func `SIGTERM lets a download finish, accepts nothing new, and ends with 0`()
            async throws
        {
            try await Lab.run { lab in
                var setup = Setup()
                setup.global[2] = "drain_timeout 60s"
                let ending = try await lab.balance(setup) { dpvs in
                    try await lab.whileDownloading {
                        dpvs.send(SIGTERM)
                        try await eventually("it drains") {
                            try await dpvs.status().phase == .draining
                        }
                        let late = try await lab.curl(
                            "http://10.0.0.100/",
                            "--connect-timeout",
                            "1"
                        )
                        #expect(late.status == 28)
                        let scrape = try await dpvs.scrape()
                        #expect(scrape.sum("dpvs_drops_total", ["reason": "stopping"]) > 0)
                        #expect(dpvs.isRunning)
                    }
                    try await eventually("it ends when the download has") { !dpvs.isRunning }
                }
                #expect(ending.status == 0)
                let words = ["SIGTERM: draining", "stopped"]
                for word in words { #expect(ending.log.contains(word), "\(ending.log)") }
                #expect(!ending.log.contains(" error "), "\(ending.log)")
            }
        }

        @Test func `a second SIGTERM ends at once, whatever still runs`() async throws {
            let ending = try await endWhileHolding(drainTimeout: "60s") { dpvs in
                dpvs.send(SIGTERM)
                try await eventually("it drains") { try await dpvs.status().phase == .draining }
                dpvs.send(SIGTERM)
            }
            #expect(ending.status == 0)
            #expect(ending.log.contains("SIGTERM again"), "\(ending.log)")
            #expect(ending.log.contains("1 connections did not finish"), "\(ending.log)")
        }

        @Test func `the drain ends at its deadline`() async throws {
            let ending = try await endWhileHolding(drainTimeout: "500ms") { $0.send(SIGTERM) }
            #expect(ending.status == 0)
            #expect(ending.log.contains("1 connections did not finish"), "\(ending.log)")
        }

        /// Ends `dpvs` by `signals` while somebody downloads who would take minutes.
        private func endWhileHolding(
            drainTimeout: String,
            _ signals: (Balancer) async throws -> Void
        ) async throws -> Lab.Ending {
            var ending: Lab.Ending?
            try await Lab.run { lab in
                var setup = Setup()
                setup.global[2] = "drain_timeout \(drainTimeout)"
                let line = ["curl", "-sS", "--limit-rate", "10K", "http://10.0.0.100/large"]
                ending = try await lab.balance(setup) { dpvs in
                    let download = Task { try await Program.run(lab.command(in: .client, line)) }
                    defer { download.cancel() }
                    try await eventually("a download runs") {
                        try await dpvs.status().services[0].activeConnections == 1
                    }
                    try await signals(dpvs)
                    try await eventually("it has ended", within: .seconds(10)) { !dpvs.isRunning }
                }
            }
            return try #require(ending)
        }

        @Test func `systemd hears of readiness, reloads, life and the end`() async throws {
            try await Lab.run { lab in
                let path = "\(lab.directory)/notify"
                let socket = try NotifySocket(path)
                var setup = Setup()
                setup.environment = ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"]
                try await lab.balance(setup) { dpvs in
                    try await eventually("it is ready") { socket.heads.contains("READY=1") }
                    #expect(!socket.heads.contains("RELOADING=1"))
                    try await eventually("it is watched") {
                        socket.heads.count { $0 == "WATCHDOG=1" } >= 3
                    }
                    try await reload(dpvs, socket) { dpvs.send(SIGHUP) }
                    var services = setup.services
                    services.services[0].backends.append(.init(4))
                    try await reload(dpvs, socket) { try dpvs.save(services.yaml) }
                    let broken = services.yaml + "mistake\n"
                    _ = try await dpvs.reportAfter { try dpvs.save(broken) }
                    // Nothing waits for ever when the files are bad.
                    try await reload(dpvs, socket) { dpvs.send(SIGHUP) }
                }
                #expect(socket.heads.contains("STOPPING=1"))
            }
        }

        /// Expects RELOADING=1 and then READY=1 from what `action` brings about.
        private func reload(
            _ dpvs: Balancer,
            _ socket: NotifySocket,
            _ action: () throws -> Void
        ) async throws {
            let before = socket.messages.count
            _ = try await dpvs.reportAfter { try action() }
            try await eventually("it is ready again") {
                let news = socket.messages.dropFirst(before)
                guard let start = news.firstIndex(where: { $0.hasPrefix("RELOADING=1") }) else {
                    return false
                }
                #expect(news[start].contains("\nMONOTONIC_USEC="))
                return news[start...].contains { $0.hasPrefix("READY=1") }
            }
        }
    }
}
