// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Model
import Testing

extension SystemTests {
    @Suite struct KeepalivedTests {
        private static let network = """
            addresses:
              - { interface: dpdk0, address: 10.0.0.1/24 }
              - { interface: dpdk1, address: 10.0.1.1/24 }

            """

        /// The tutorial's file, with the lab's addresses.
        private static func file(_ vip: String = "10.0.0.100") -> String {
            """
            global_defs {
                router_id LB_A
            }
            local_address_group laddr_g1 {
                10.0.1.200-201 dpdk1    # use DPDK interface
            }
            virtual_server_group \(vip)-80 {
                \(vip) 80
            }
            virtual_server group \(vip)-80 {
                delay_loop 1
                lb_algo rr         # Round-Robin
                lb_kind FNAT
                protocol TCP
                laddr_group_name laddr_g1
                include servers/*.conf
            }

            """
        }

        private static func server(_ last: Int, port: Int = 80) -> String {
            """
            real_server 10.0.1.\(last) 80 {
                weight 100
                inhibit_on_failure
                TCP_CHECK {
                    retry 0
                    connect_timeout 1
                    connect_port \(port)
                }
            }

            """
        }

        @Test func `services of keepalived's file are balanced, checked, and follow the file`()
            async throws
        {
            var setup = Setup()
            setup.global.append("keepalived_conf keepalived/keepalived.conf")
            setup.services.text = Self.network
            setup.files = [
                "keepalived/keepalived.conf": Self.file(),
                "keepalived/servers/a.conf": Self.server(2),
                "keepalived/servers/b.conf": Self.server(3),
            ]
            try await Lab.balance(setup) { lab, dpvs in
                try await lab.ip(.balancer, "address add 10.0.1.250/24 dev dpdk1.kni")
                try await eventually("both pass") {
                    try await dpvs.status().services[0].backends
                        .allSatisfy { $0.check?.state == .healthy }
                }
                #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
                // An included file changes: nobody listens on the port that is asked.
                let report = try await dpvs.reportAfter {
                    try dpvs.save(Self.server(3, port: 81), to: "keepalived/servers/b.conf")
                }
                #expect(report.outcome == .applied)
                try await eventually("the second fails") {
                    try await dpvs.status().services[0].backends.map(\.role) == [.serving, .failed]
                }
                #expect(try await lab.backends(answering: 4) == [1, 1, 1, 1])

                let twice =
                    Self.network + """
                        services:
                          - { address: 10.0.0.100, port: 80, mode: nat, backends: [] }

                        """
                let conflict = try await dpvs.reportAfter { try dpvs.save(twice) }
                #expect(conflict.outcome == .rejected)
                #expect(conflict.problems.contains { $0.message.contains("is there twice") })
                #expect(try await lab.backends(answering: 2) == [1, 1])
                _ = try await dpvs.reportAfter { try dpvs.save(Self.network) }

                let moved = try await dpvs.reportAfter {
                    try dpvs.save(Self.file("10.0.0.101"), to: "keepalived/keepalived.conf")
                }
                #expect(moved.changes.count == 2, "\(moved.changes)")
                let url = "http://10.0.0.101/"
                #expect(try await lab.backends(answering: 2, at: url) == [1, 1])
            }
        }
    }
}
