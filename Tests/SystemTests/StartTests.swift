// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Testing

extension SystemTests {
    @Suite struct StartTests {
        @Test func `a wrong configuration is told in full, and nothing is left behind`()
            async throws
        {
            try await Lab.run { lab in
                var setup = Setup()
                setup.global.append("colour blue")
                setup.global.append("metrics_address")
                setup.services.services[0].port = 0
                let outcome = try await lab.refuse(setup)
                #expect(outcome.status == 1)
                let places = ["dpvs.conf:5:5: error:", "dpvs.conf:6:5: error:", "web.yaml:7:11:"]
                for place in places { #expect(outcome.errors.contains(place), "\(outcome.errors)") }
                #expect(outcome.errors.contains("nothing was started"), "\(outcome.errors)")
                let directory = Balancer(setup, in: lab).runDirectory
                #expect(!FileManager.default.fileExists(atPath: directory))
            }
        }

        @Test func `an interface that is not there is named`() async throws {
            try await Lab.run { lab in
                var setup = Setup()
                setup.interfaces[1] = "nowhere0"
                let outcome = try await lab.refuse(setup)
                #expect(outcome.status == 1)
                let finding = "doctor: device dpdk1: there is no interface nowhere0; ip link show"
                #expect(outcome.errors.contains(finding), "\(outcome.errors)")
                let directory = Balancer(setup, in: lab).runDirectory
                #expect(!FileManager.default.fileExists(atPath: directory))
            }
        }

        @Test func `an instance that runs already is not started twice`() async throws {
            try await Lab.balance { lab, dpvs in
                let outcome = try await lab.refuse(Setup())
                #expect(outcome.status == 1)
                let sentence = "instance '\(dpvs.instance)' runs already: process \(dpvs.pid) holds"
                #expect(outcome.errors.contains(sentence), "\(outcome.errors)")
                #expect(try await lab.backends(answering: 2).count == 2)
            }
        }

        @Test func `a killed instance starts again over what it left behind`() async throws {
            try await Lab.run { lab in
                let ending = try await lab.balance { dpvs in
                    dpvs.send(SIGKILL)
                    try await eventually("it has ended") { !dpvs.isRunning }
                    // Its socket and its lock file are there still.
                    let again = Balancer(Setup(), in: lab)
                    #expect(FileManager.default.fileExists(atPath: again.client.socket))
                    try await lab.balance { _ in
                        let answers = try await lab.backends(answering: 2)
                        #expect(answers.count == 2)
                    }
                }
                #expect(ending.status == -SIGKILL)
            }
        }

        @Test func `two instances side by side each balance their own`() async throws {
            try await Lab.run { lab in
                try await lab.addInterfaces()
                var b = Setup()
                b.instance = "b"
                b.interfaces = ["client1", "backend1"]
                b.companions = ["b0.kni", "b1.kni"]
                b.services.addresses = ["dpdk0": "10.0.2.1/24", "dpdk1": "10.0.3.1/24"]
                b.services.routes = ["to: 10.0.1.0/24, via: 10.0.3.2"]
                b.services.services[0].address = "10.0.2.100"
                b.services.services[0].locals = ["10.0.3.200"]
                b.services.services[0].backends = [.init(4)]
                try await lab.balance { first in
                    try await lab.balance(b) { second in
                        let answers = try await lab.backends(answering: 2)
                        #expect(Set(answers) == [1, 2])
                        let others = try await lab.backends(
                            answering: 3,
                            at: "http://10.0.2.100/"
                        )
                        #expect(others == [3, 3, 3])
                        #expect(try await first.status().services[0].totalConnections == 2)
                        #expect(try await second.status().services[0].totalConnections == 3)
                    }
                    // One ends, the other goes on.
                    #expect(try await lab.backends(answering: 2).count == 2)
                }
            }
        }
    }
}
