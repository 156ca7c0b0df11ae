// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Model
import Testing

extension SystemTests {
    @Suite struct PrivilegeTests {
        /// Without kernel companions, which need a capability for as long as it runs.
        private static var setup: Setup {
            var setup = Setup()
            setup.global.append("kni off")
            return setup
        }

        @Test func `after the start root keeps what reloads need, in every thread`() async throws {
            try await Lab.balance(Self.setup) { lab, dpvs in
                try await work(lab, dpvs)
                let privileges = try await dpvs.status().privileges
                #expect(privileges.capabilities == ["DAC_READ_SEARCH"])
                #expect(privileges.cannotGain)
                for task in try FileManager.default
                    .contentsOfDirectory(atPath: "/proc/\(dpvs.pid)/task")
                {
                    let status = try String(
                        contentsOfFile: "/proc/\(dpvs.pid)/task/\(task)/status",
                        encoding: .utf8
                    )
                    #expect(status.contains("CapPrm:\t0000000000000004\n"), "\(status)")
                    #expect(status.contains("CapEff:\t0000000000000004\n"))
                }
            }
        }

        @Test func `privileges that are kept on demand are all there`() async throws {
            try await Lab.run { lab in
                var setup = Self.setup
                setup.global.append("privileges keep")
                try await lab.balance(setup) { dpvs in
                    let privileges = try await dpvs.status().privileges
                    #expect(privileges.capabilities.contains("NET_RAW"))
                    #expect(!privileges.cannotGain)
                }
            }
        }

        /// DPDK's AF_PACKET sets interface flags at the start, libpcap does not.
        @Test(arguments: [
            ("net_af_packet,iface=IF", "+net_raw,+net_admin"),
            ("net_pcap,rx_iface_in=IF,tx_iface=IF", "+net_raw"),
        ])
        func `a user with a capability or two balances on a read-only root, and gives them up`(
            driver: String,
            capabilities: String
        ) async throws {
            try await Lab.run { lab in
                var setup = Self.setup
                setup.drivers = setup.interfaces.map { driver.replacing("IF", with: $0) }
                setup.launcher = try Self.launcher(Balancer(setup, in: lab), capabilities)
                let ending = try await lab.balance(setup) { dpvs in
                    try await work(lab, dpvs)
                    let privileges = try await dpvs.status().privileges
                    #expect(privileges.user == 65534 && privileges.capabilities == [])
                    #expect(privileges.cannotGain)
                }
                #expect(ending.status == 0)
                #expect(!ending.log.contains(" error "), "\(ending.log)")
            }
        }

        @Test func `the seccomp profile lets everything pass that a run needs`() async throws {
            try await Lab.run { lab in
                var setup = Self.setup
                setup.workers = 2
                setup.launcher = [
                    "python3", "\(Program.repository)/Tests/SystemTests/confine.py",
                    "\(Program.repository)/containers/seccomp.json",
                ]
                let ending = try await lab.balance(setup) { dpvs in
                    try await work(lab, dpvs)
                    let status = try String(
                        contentsOfFile: "/proc/\(dpvs.pid)/status",
                        encoding: .utf8
                    )
                    #expect(status.contains("Seccomp:\t2\n"), "\(status)")
                }
                #expect(ending.status == 0)
                #expect(!ending.log.contains("not permitted"), "\(ending.log)")
            }
        }

        /// Traffic, a reload and traffic again.
        private func work(_ lab: Lab, _ dpvs: Balancer) async throws {
            #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
            var services = Setup().services
            services.services[0].backends = [.init(4)]
            #expect(try await dpvs.apply(services).isSuccess)
            #expect(try await lab.backends(answering: 2) == [3, 3])
        }

        /// Nobody, with these capabilities, where only the instance's directories can be written.
        private static func launcher(
            _ balancer: Balancer,
            _ capabilities: String
        ) throws -> [String] {
            let claims = "\(balancer.lab.directory)/claims"
            for path in [balancer.runDirectory, claims] {
                try FileManager.default
                    .createDirectory(atPath: path, withIntermediateDirectories: true)
                unsafe chown(path, 65534, 65534)
            }
            try FileManager.default
                .createDirectory(atPath: "/run/dpvs/claims", withIntermediateDirectories: true)
            let script = """
                mount --bind "$1" "$1" && mount --bind "$2" /run/dpvs/claims &&
                mount -o remount,bind,ro / && shift 2 &&
                exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
                --inh-caps=-all,\(capabilities) --ambient-caps=-all,\(capabilities) \
                --bounding-set=-all,\(capabilities) "$@"
                """
            return ["unshare", "-m", "sh", "-c", script, "sh", balancer.runDirectory, claims]
        }
    }
}
