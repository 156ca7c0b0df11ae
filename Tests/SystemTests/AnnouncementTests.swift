// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension SystemTests {
    @Suite struct AnnouncementTests {
        @Test func `service addresses are on a kernel interface while they are balanced`()
            async throws
        {
            try await Lab.run { lab in
                // The kernel has the address now, and must not see what AF_PACKET sees.
                try await lab.ip(.balancer, "link add name hush type bridge")
                try await lab.ip(.balancer, "link set client0 master hush")
                var setup = Setup()
                setup.global[2] = "drain_timeout 5s"
                setup.global += ["announce_on lo", "withdraw_delay 1s"]
                let ending = try await lab.balance(setup) { dpvs in
                    #expect(try await lab.addresses(on: "lo").contains("10.0.0.100/32"))
                    let status = try await dpvs.command("status")
                    #expect(status.output.contains("announced: 10.0.0.100 on lo"), "\(status)")
                    #expect(try await lab.curl("http://10.0.0.100/").status == 0)

                    var services = setup.services
                    for index in services.services[0].backends.indices {
                        services.services[0].backends[index].weight = 0
                    }
                    _ = try await dpvs.apply(services)
                    try await eventually("nobody answers for it any more") {
                        try await !lab.addresses(on: "lo").contains("10.0.0.100/32")
                    }
                    _ = try await dpvs.apply(setup.services)
                    try await eventually("it is back") {
                        try await lab.addresses(on: "lo").contains("10.0.0.100/32")
                    }

                    dpvs.send(SIGTERM)
                    try await eventually("it goes first") {
                        try await !lab.addresses(on: "lo").contains("10.0.0.100/32")
                    }
                    // Whoever has not heard of that yet is still served.
                    #expect(try await lab.curl("http://10.0.0.100/").status == 0)
                    try await eventually("the process ends") { !dpvs.isRunning }
                }
                #expect(ending.status == 0)
            }
        }
    }
}

extension Lab {
    /// What `ip address` says of an interface where the balancer is.
    fileprivate func addresses(on interface: String) async throws -> String {
        let words = command(in: .balancer, ["ip", "-o", "address", "show", "dev", interface])
        return try await Program.run(words).output
    }
}
