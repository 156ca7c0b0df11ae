// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension SystemTests {
    /// VLANs over AF_PACKET, with a peer that makes its own frames.
    @Suite struct VLANTests {
        private func ask(_ lab: Lab, _ ids: String...) async throws -> [String] {
            let peer = "\(Program.repository)/Tests/SystemTests/vlan_peer.py"
            let words = ["python3", peer, "eth0", "10.5.0.1"] + ids
            let outcome = try await Program.run(lab.command(in: .client, words))
            #expect(outcome.status == 0, "\(outcome.errors)")
            return outcome.output.split(separator: "\n").map(String.init)
        }

        private func services(_ vlan: String) -> ServiceFile {
            var services = ServiceFile()
            services.text =
                "interfaces:\n  - { name: five, vlan: { link: dpdk0, \(vlan) } }\n"
                + ServiceFile().yaml
                .replacing(
                    "addresses:\n",
                    with: "addresses:\n  - { interface: five, address: 10.5.0.1/24 }\n"
                )
            return services
        }

        @Test func `a VLAN comes, changes and goes by reload, and others keep working`()
            async throws
        {
            try await Lab.balance(Setup()) { lab, dpvs in
                #expect(try await ask(lab, "5") == ["silence"])

                _ = try await dpvs.apply(services("id: 5"))
                #expect(try await ask(lab, "5") == ["arp 5", "echo 5"])
                let status = try await dpvs.command("status")
                #expect(status.output.contains("five"))
                #expect(Set(try await lab.backends(answering: 4)) == [1, 2])

                _ = try await dpvs.apply(services("id: 6"))
                #expect(try await ask(lab, "6") == ["arp 6", "echo 6"])
                #expect(try await ask(lab, "5") == ["silence"])

                _ = try await dpvs.apply(services("id: 5, innerID: 7"))
                #expect(try await ask(lab, "5", "7") == ["arp 5 7", "echo 5 7"])

                _ = try await dpvs.apply(ServiceFile())
                #expect(try await ask(lab, "6") == ["silence"])
                let scrape = try await dpvs.scrape()
                #expect(scrape.sum("dpvs_drops_total", ["reason": "unknown_vlan"]) > 0)
                #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
            }
        }
    }
}
