// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Testing

extension SystemTests {
    @Suite struct WarmRestartTests {
        @Test func `a download survives a restart of the process`() async throws {
            try await Lab.run { lab in
                var setup = Setup()
                setup.global.append("warm_restart_file \(lab.directory)/connections")
                let (stream, gate) = AsyncStream<Void>.makeStream()
                var second: Task<Lab.Ending, any Error>?
                let first = try await lab.balance(setup) { dpvs in
                    #expect(try await lab.curl("http://10.0.0.100/").status == 0)
                    try await lab.whileDownloading {
                        let counted = try await dpvs.scrape()
                            .sum("dpvs_backend_connections_total")
                        #expect(counted >= 2)
                        let names = ["dpvs_drops_total", "dpvs_worker_receive_packets_total"]
                        let before = try await dpvs.scrape()
                        let stop = try await dpvs.command("stop", "--mode", "warm")
                        #expect(stop.status == 0, "\(stop)")
                        try await eventually("it ends at once") { !dpvs.isRunning }
                        let next = Task { [setup] in
                            try await lab.balance(setup) { _ in
                                for await _ in stream { return }
                            }
                        }
                        second = next
                        try await eventually("the next one is ready") {
                            (try? await dpvs.status())?.phase == .ready
                        }
                        let now = try await dpvs.scrape().sum("dpvs_backend_connections_total")
                        #expect(now == counted, "connections are counted once")
                        let after = try await dpvs.scrape()
                        for name in names {
                            #expect(after.sum(name) >= before.sum(name), "\(name) goes on")
                        }
                        #expect(before.sum(names[1]) > 100)
                        #expect(
                            !FileManager.default.fileExists(atPath: "\(lab.directory)/connections")
                        )
                    }
                    #expect(try await lab.curl("http://10.0.0.100/").status == 0)
                    gate.finish()
                    let ending = try #require(try await second?.value)
                    #expect(ending.status == 0)
                    let line = try #require(
                        ending.log.split(separator: "\n").first { $0.contains("warm restart:") }
                    )
                    // Beside the download, the first curl's connection, which has ended.
                    #expect(line.contains("connections go on, 0 had expired, 0 found no place"))
                }
                #expect(first.status == 0)
            }
        }
    }
}
