// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension SystemTests {
    @Suite struct DoctorTests {
        /// Asks the doctor about a balancer with these devices.
        private func ask(
            _ drivers: [String],
            _ options: String...,
            in lab: Lab
        ) async throws -> Program.Outcome {
            var setup = Setup()
            setup.drivers = drivers
            let path = "\(lab.directory)/doctor.conf"
            try setup.conf.write(toFile: path, atomically: false, encoding: .utf8)
            let words = [Program.dpvs, "doctor", "--conf", path] + options
            return try await Program.run(lab.command(in: .balancer, words))
        }

        @Test func `this machine is understood, and what is missing is told with the fix`()
            async throws
        {
            try await Lab.run { lab in
                let good = try await ask(["net_af_packet,iface=client0"], in: lab)
                #expect(good.status == 0, "\(good.output)\(good.errors)")
                let text = good.output.replacing(#/ +/#, with: " ")
                for line in [
                    " CPUs 0", " capabilities all", " hugepages 2Mi ", " /dev/net/tun open\n",
                    " dpdk0 net_af_packet,iface=client0\n", " control side CPU 0\n",
                    " ok memory: hugepages are off;", "nothing is missing\n",
                ] { #expect(text.contains(line), "\(line) in \(good.output)") }

                let bad = try await ask(["net_af_packet,iface=nowhere0"], in: lab)
                #expect(bad.status == 1)
                #expect(bad.output.contains("missing device dpdk0: there is no interface nowhere0"))
                #expect(bad.output.hasSuffix("1 thing is missing\n"), "\(bad.output)")

                let json = try await ask(["net_af_packet,iface=client0"], "--json", in: lab)
                let report = try JSONSerialization.jsonObject(with: Data(json.output.utf8))
                let found = (report as? [String: Any])?["found"] as? [String: Any]
                #expect(found?["usableCPUs"] as? [Int] != nil)
            }
        }

        @Test func `a running instance is looked at, and found well`()
            async throws
        {
            try await Lab.run { lab in
                var setup = Setup()
                setup.drivers = ["net_af_packet,iface=client0", "net_af_packet,iface=backend0"]
                setup.workers = 2
                _ = try await lab.balance(setup) { dpvs in
                    #expect(try await lab.backends(answering: 8).count == 8)
                    let live = try await dpvs.command("doctor", "--live", "--seconds", "0.5")
                    #expect(live.status == 0, "\(live.output)\(live.errors)")
                    for line in [
                        "ok    workers: all 2 turn\n",
                        "ok    port dpdk0: link up, its 2 receive queues are polled\n",
                        "ok    checksums: ", "ok    buffers: ", "no fault found\n",
                    ] { #expect(live.output.contains(line), "\(line) in \(live.output)") }
                    let json = try await dpvs.command("doctor", "--live", "--json")
                    let report = try JSONSerialization.jsonObject(with: Data(json.output.utf8))
                    #expect((report as? [String: Any])?["seconds"] as? Double == 1)
                }
            }
        }

        @Test func `without an instance the running one cannot be looked at`() async throws {
            let words = ["doctor", "--live", "--socket", "/nowhere/control.sock"]
            let outcome = try await Program.run([Program.dpvs] + words)
            #expect(outcome.status == 3 && outcome.output.isEmpty, "\(outcome.errors)")
        }

        @Test func `without a capability the pod's field is named`() async throws {
            try await Lab.run { lab in
                var setup = Setup()
                setup.drivers = ["net_af_packet,iface=client0"]
                let path = "\(lab.directory)/doctor.conf"
                try setup.conf.write(toFile: path, atomically: false, encoding: .utf8)
                let line = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--reuid=65534"]
                let outcome = try await Program.run(
                    lab.command(
                        in: .balancer,
                        line + ["--clear-groups", Program.dpvs, "doctor", "--conf", path]
                    )
                )
                #expect(outcome.status == 1, "\(outcome.errors)")
                let fix = "pod:  securityContext.capabilities.add: [NET_ADMIN, NET_RAW]"
                #expect(outcome.output.contains(fix), "\(outcome.output)")
            }
        }
    }
}
