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

        /// 10.0.0.100 as ever, over libpcap, for a user with these capabilities alone.
        private func balance(
            with capabilities: String,
            _ services: ServiceFile,
            _ body: (Lab, Balancer) async throws -> Void
        ) async throws {
            try await Lab.run { lab in
                var setup = Setup()
                setup.services = services
                let driver = "net_pcap,rx_iface_in=IF,tx_iface=IF"
                setup.drivers = setup.interfaces.map { driver.replacing("IF", with: $0) }
                setup.launcher = try Self.launcher(Balancer(setup, in: lab), capabilities)
                try await lab.balance(setup) { try await body(lab, $0) }
            }
        }

        @Test func `companions of VLANs come with the first files and by reload`() async throws {
            let first = VLANTests.tagged()
            try await balance(with: "+net_raw,+net_admin", first) { lab, dpvs in
                let status = try await dpvs.status()
                #expect(status.privileges.capabilities == ["NET_ADMIN"])
                #expect(status.vlans.map(\.companion) == ["dpdk0.100.kni (tap)"])
                var both = first
                both.text = both.text?
                    .replacing(
                        "addresses:\n",
                        with: "  - { vlan: { link: dpdk1, id: 7 } }\naddresses:\n"
                    )
                #expect(try await dpvs.apply(both).isSuccess)
                let companions = try await dpvs.status().vlans.map(\.companion)
                #expect(companions == ["dpdk0.100.kni (tap)", "dpdk1.7.kni (tap)"])
            }
        }

        @Test func `without CAP_NET_ADMIN a VLAN's companion is one that was made before`()
            async throws
        {
            try await balance(with: "+net_raw", ServiceFile()) { lab, dpvs in
                #expect(dpvs.log.contains("port dpdk0 has no kernel companion dpdk0.kni: "))
                let refused = try await dpvs.apply(VLANTests.tagged(", kniType: tap"))
                #expect(refused.outcome == .failed)
                let text = refused.problems.map(\.message).joined()
                #expect(text.contains("making one takes CAP_NET_ADMIN"), "\(text)")
                #expect(text.contains("kniType: existing"), "\(text)")
                #expect(try await dpvs.apply(VLANTests.tagged()).isSuccess, "without one")
                #expect(try await dpvs.status().vlans.map(\.companion) == [nil])

                let name = "dpdk0.100.kni"
                let mac = try await dpvs.status().ports[0].macAddress
                try await lab.ip(.balancer, "tuntap add \(name) mode tap user 65534")
                try await lab.ip(.balancer, "link set \(name) address \(mac) mtu 1500 up")
                #expect(try await dpvs.apply(VLANTests.tagged(", kniType: existing")).isSuccess)
                #expect(try await dpvs.status().vlans.map(\.companion) == ["\(name) (tap)"])
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
