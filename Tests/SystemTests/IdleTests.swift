// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Testing

extension SystemTests {
    /// What a balancer costs that has nothing to do.
    @Suite struct IdleTests {
        /// Seconds of CPU time that a process has used, all threads, of itself and of the kernel for it.
        private func cpuTime(_ pid: pid_t) throws -> Double {
            let facts = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
            let fields = try #require(facts.split(separator: ")").last?.split(separator: " "))
            // proc(5): utime and stime are fields 14 and 15, and the first one here is the third.
            let ticks = try #require(Double(fields[11])) + #require(Double(fields[12]))
            return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
        }

        /// Milliseconds from one echo request to its reply.
        private func ping(_ lab: Lab) async throws -> Double {
            let words = ["ping", "-c", "1", "-W", "2", "10.0.0.1"]
            let outcome = try await Program.run(lab.command(in: .client, words))
            let answer = try #require(outcome.output.firstMatch(of: /time=([0-9.]+) ms/))
            return try #require(Double(answer.1))
        }

        private static let ways = [
            ["net_af_packet,iface=client0", "net_af_packet,iface=backend0"],
            ["interface client0", "interface backend0"],
        ]

        /// CPU time is no time on the clock, so that this holds on a busy machine, too.
        @Test(arguments: ways)
        func `an idle balancer uses hardly any CPU time, and wakes for the first packet`(
            drivers: [String]
        ) async throws {
            var setup = Setup()
            setup.drivers = drivers
            try await Lab.balance(setup) { lab, dpvs in
                #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
                try await Task.sleep(for: .seconds(1))
                let before = try cpuTime(dpvs.pid)
                try await Task.sleep(for: .seconds(5))
                let used = try cpuTime(dpvs.pid) - before
                #expect(used < 0.1, "of 5 seconds")

                // A worker that nothing wakes looks every 20 ms by itself.
                var delays: [Double] = []
                for _ in 0..<9 {
                    try await Task.sleep(for: .milliseconds(.random(in: 200...250)))
                    delays.append(try await ping(lab))
                }
                #expect(delays.sorted()[4] < 5, "milliseconds: \(delays)")
                #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
                let start = ContinuousClock.now
                #expect(try await dpvs.apply(ServiceFile(services: [])).isSuccess)
                #expect(ContinuousClock.now - start < .seconds(5), "a reload wakes whoever sleeps")
            }
        }

        @Test func `two idle workers hand packets to each other, each woken by the other`()
            async throws
        {
            var setup = Setup()
            setup.workers = 2
            try await Lab.balance(setup) { lab, dpvs in
                #expect(try await lab.backends(answering: 40).count == 40)
                let scrape = try await dpvs.scrape()
                #expect(scrape.sum("dpvs_worker_redirected_out_packets_total") > 0)
            }
        }
    }
}
