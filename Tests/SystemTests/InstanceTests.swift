// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Model
import Testing

extension SystemTests {
    /// Several instances in one network namespace: what one has, the next is refused.
    @Suite struct InstanceTests {
        /// One that shares nothing with the first.
        static var other: Setup {
            var b = Setup()
            b.instance = "b"
            b.interfaces = ["client1", "backend1"]
            b.companions = ["b0.kni", "b1.kni"]
            b.services.addresses = ["dpdk0": "10.0.2.1/24", "dpdk1": "10.0.3.1/24"]
            b.services.services[0].address = "10.0.2.100"
            b.services.services[0].locals = ["10.0.3.200"]
            return b
        }

        @Test func `a device of another instance is refused by its name`() async throws {
            try await Lab.balance { lab, dpvs in
                try await lab.addInterfaces()
                var b = Self.other
                b.interfaces = ["client1", "backend0"]
                let outcome = try await lab.refuse(b)
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains("interface backend0 in net:["), "\(outcome.errors)")
                let owner = "belongs to instance '\(dpvs.instance)' (process \(dpvs.pid))"
                #expect(outcome.errors.contains(owner), "\(outcome.errors)")
                #expect(try await lab.backends(answering: 2).count == 2)
            }
        }

        @Test func `a companion of another instance is refused at the start and by reload`()
            async throws
        {
            try await Lab.run { lab in
                try await lab.addInterfaces()
                try await lab.balance { first in
                    var b = Self.other
                    b.companions = nil
                    let outcome = try await lab.refuse(b)
                    #expect(outcome.status == 1)
                    let owner = "belongs to instance '\(first.instance)' (process \(first.pid))"
                    #expect(outcome.errors.contains("interface dpdk0.kni in net:["))
                    #expect(outcome.errors.contains(owner), "\(outcome.errors)")
                    #expect(outcome.errors.contains("by kni_name of the device"))

                    try await lab.balance(Self.other) { second in
                        var greedy = Self.other.services
                        greedy.text =
                            "interfaces:\n  - { kniName: dpdk0.kni, vlan: { link: dpdk0, id: 5 } }\n"
                            + Self.other.services.yaml
                        let refused = try await second.apply(greedy)
                        #expect(refused.outcome == .failed)
                        let text = refused.problems.map(\.description).joined()
                        #expect(text.contains(owner), "\(text)")
                        #expect(try await second.status().vlans.isEmpty)
                        greedy.text = greedy.text?.replacing("dpdk0.kni", with: "b5.kni")
                        #expect(try await second.apply(greedy).isSuccess)
                        let path = "/run/dpvs/claims/\(second.instance)"
                        func claims() throws -> String {
                            try String(contentsOfFile: path, encoding: .utf8)
                        }
                        #expect(try claims().contains("interface b5.kni in net:["))
                        #expect(try await second.apply(Self.other.services).isSuccess)
                        #expect(try !claims().contains("b5.kni"), "it is free again")
                        #expect(try claims().contains("interface b0.kni in net:["))
                    }
                }
            }
        }

        @Test func `a virtual address of another instance is refused at the start`() async throws {
            try await Lab.balance { lab, dpvs in
                try await lab.addInterfaces()
                var b = Self.other
                b.services.services[0].address = "10.0.0.100"
                let outcome = try await lab.refuse(b)
                #expect(outcome.status == 1)
                let claim = "address 10.0.0.100 in net:["
                #expect(outcome.errors.contains(claim), "\(outcome.errors)")
                #expect(outcome.errors.contains("instance '\(dpvs.instance)'"))
            }
        }

        @Test func `a reload that takes another's address changes nothing, until it is free`()
            async throws
        {
            try await Lab.run { lab in
                try await lab.addInterfaces()
                try await lab.balance { first in
                    try await lab.balance(Self.other) { second in
                        var greedy = Self.other.services
                        greedy.services[0].address = "10.0.0.100"
                        let refused = try await second.apply(greedy)
                        #expect(refused.outcome == .failed)
                        let text = refused.problems.map(\.description).joined()
                        #expect(text.contains("belongs to instance '\(first.instance)'"), "\(text)")
                        #expect(
                            try await second.status().services[0].key.description
                                .contains("10.0.2.100")
                        )
                        // The first one gives it away.
                        var modest = Setup().services
                        modest.services[0].address = "10.0.0.101"
                        #expect(try await first.apply(modest).isSuccess)
                        let report = try await second.reportAfter { second.send(SIGHUP) }
                        #expect(report.isSuccess, "\(report.problems)")
                    }
                }
            }
        }

        @Test func `a socket and a metrics address are one instance's`() async throws {
            try await Lab.run { lab in
                try await lab.addInterfaces()
                var a = Setup()
                a.global.append("metrics_address 127.0.0.1:9990")
                try await lab.balance(a) { first in
                    var b = Self.other
                    b.options = ["--ipc-file", first.client.socket]
                    let socket = try await lab.refuse(b)
                    #expect(socket.status == 1)
                    #expect(socket.errors.contains(first.client.socket), "\(socket.errors)")
                    b.options = []
                    b.global.append("metrics_address 127.0.0.1:9990")
                    let address = try await lab.refuse(b)
                    #expect(address.status == 1)
                    #expect(address.errors.contains("127.0.0.1:9990"), "\(address.errors)")
                    #expect(address.errors.contains("in use"), "\(address.errors)")
                    #expect(try await lab.backends(answering: 2).count == 2)
                }
            }
        }

        @Test func `every metric names its instance, and the claims are one file each`()
            async throws
        {
            try await Lab.balance { lab, dpvs in
                let lines = try await dpvs.client.text("/metrics").split(separator: "\n")
                let label = "dpvs_instance=\"\(dpvs.instance)\""
                #expect(lines.allSatisfy { $0.hasPrefix("#") || $0.contains(label) })
                let path = "/run/dpvs/claims/\(dpvs.instance)"
                let claims = try String(contentsOfFile: path, encoding: .utf8)
                for claim in ["interface client0 in net:[", "address 10.0.0.100 in net:["] {
                    #expect(claims.contains(claim), "\(claims)")
                }
                dpvs.send(SIGTERM)
                try await eventually("it has ended") { !dpvs.isRunning }
                #expect(!FileManager.default.fileExists(atPath: path))
            }
        }

        @Test(.enabled(if: Program.path(of: "systemd-analyze") != nil, "no systemd-analyze"))
        func `the template unit is one that systemd understands`() async throws {
            let directory = FileManager.default.temporaryDirectory
                .appending(path: "dpvs-unit-\(UUID().uuidString)")
            try FileManager.default.createDirectory(
                at: directory,
                withIntermediateDirectories: true
            )
            defer { try? FileManager.default.removeItem(at: directory) }
            let unit = try String(
                contentsOfFile: "\(Program.repository)/conf/dpvs@.service",
                encoding: .utf8
            )
            let path = directory.appending(path: "dpvs@blue.service")
            try Data(unit.replacing("/usr/bin/dpvs", with: Program.dpvs).utf8).write(to: path)
            let outcome = try await Program.run(["systemd-analyze", "verify", path.path])
            #expect(outcome.status == 0)
            // systemd complains of other units of the machine, too.
            let complaints = outcome.errors.split(separator: "\n").filter { $0.contains("dpvs@") }
            #expect(complaints == [])
            // Both nodes of vfio may be opened, and udev gives the group's to the unit's user.
            #expect(unit.contains("DeviceAllow=char-vfio rw\nDeviceAllow=/dev/vfio/vfio rw\n"))
            let rules = try String(
                contentsOfFile: "\(Program.repository)/conf/60-dpvs-vfio.rules",
                encoding: .utf8
            )
            #expect(unit.contains("User=dpvs\nGroup=dpvs\n"))
            #expect(rules.contains("SUBSYSTEM==\"vfio\""))
            #expect(rules.contains("OWNER=\"dpvs\", GROUP=\"dpvs\""))
            // The commands of the unit are commands of dpvs.
            for verb in ["run", "config"] {
                let help = try await Program.run([Program.dpvs, verb, "--help"])
                #expect(help.status == 0 && unit.contains("dpvs \(verb) "))
            }
        }
    }
}
