// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension SystemTests {
    /// The kernel behind `dpdk0.kni`, with real programs on both sides.
    @Suite struct ExceptionPathTests {
        @Test func `the kernel is reached, and reaches others, by the companion`() async throws {
            try await Lab.balance { lab, dpvs in
                try await eventually("dpvs refuses for an address that only its files have") {
                    try await lab.curl("http://10.0.0.1:2222/").status == 7
                }
                try await lab.giveKernelAnAddress()
                let link = try await lab.run(in: .balancer, "ip", "-br", "link", "show")
                let addresses = link.output.split(separator: "\n")
                    .map { $0.split(separator: " ").map(String.init) }
                let own = addresses.first { $0[0] == "dpdk0.kni" }
                let port = addresses.first { $0[0].hasPrefix("client0") }
                #expect(own?[2] == port?[2] && own?[1] != "DOWN", "the port's MAC: \(link.output)")
                let ping = try await lab.run(
                    in: .balancer,
                    "ping",
                    "-c",
                    "3",
                    "-i",
                    "0.2",
                    "-W",
                    "2",
                    "10.0.0.10"
                )
                #expect(ping.status == 0, "\(ping.output)\(ping.errors)")
                let words = ["python3", "-m", "http.server", "-b", "10.0.0.1", "2222"]
                try await lab.serve(words, in: .balancer) {
                    let page = try await lab.curl(
                        "http://10.0.0.1:2222/",
                        "--retry",
                        "10",
                        "--retry-connrefused"
                    )
                    #expect(page.output.contains("Directory listing"), "\(page.errors)")
                    let refused = try await lab.curl("http://10.0.0.100:2222/")
                    #expect(refused.status == 7, "the virtual address is not the kernel's")
                }
                #expect(try await lab.backends(answering: 2).count == 2, "the service beside it")
                let scrape = try await dpvs.scrape()
                for (metric, kind) in [
                    ("passed", "neighbour"), ("passed", "management"), ("sent", "management"),
                ] {
                    let count = scrape.sum(
                        "dpvs_exception_\(metric)_packets_total",
                        ["port": "dpdk0", "class": kind]
                    )
                    #expect(count > 0, "\(metric) \(kind)")
                }
                let status = try await dpvs.command("status")
                #expect(status.output.contains("dpdk0: kernel companion dpdk0.kni (tap): "))
            }
        }

        @Test func `BGP and VRRP survive floods at the service's and at the kernel's address`()
            async throws
        {
            try await Lab.balance { lab, dpvs in
                try await lab.giveKernelAnAddress()
                try await lab.runRouting {
                    let before = try await lab.routing()
                    #expect(before.bgp.contains("Established"), "\(before)")
                    #expect(before.vrrp == ["balancer MASTER", "client MASTER"], "\(before)")
                    // Longer than the hold time of 6 s and three advertisements.
                    let flood = try await lab.run(
                        in: .client,
                        "python3",
                        "-c",
                        Lab.flood,
                        "12",
                        "10.0.0.100",
                        "10.0.0.1",
                        timeout: .seconds(40)
                    )
                    let after = try await lab.routing()
                    #expect(after == before, "\(flood.output)")
                    let scrape = try await dpvs.scrape()
                    let policed = scrape.sum(
                        "dpvs_exception_policed_packets_total",
                        ["port": "dpdk0", "class": "rest"]
                    )
                    #expect(policed > 1000, "it was a flood: \(flood.output)")
                    print("flood: \(flood.output), policed \(policed)")
                }
            }
        }

        @Test func `a companion that must be there but is not is an error with its remedy`()
            async throws
        {
            try await Lab.run { lab in
                var setup = Setup()
                setup.deviceItems = ["kni_type existing", "kni_name made.before"]
                let outcome = try await lab.refuse(setup)
                #expect(outcome.status != 0)
                #expect(outcome.errors.contains("ip tuntap add made.before mode tap user UID"))
            }
        }

        @Test(arguments: [
            ("client0", "the interface of this name is no TAP"),
            ("busy.tap", "another process uses it"),
        ])
        func `a name that cannot be had is an error even when nobody insists on a companion`(
            name: String,
            reason: String
        ) async throws {
            try await Lab.run { lab in
                let holder = """
                    import fcntl, os, struct, time
                    tap = os.open("/dev/net/tun", os.O_RDWR)
                    fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", b"busy.tap", 0x1002))
                    time.sleep(60)
                    """
                try await lab.serve(["python3", "-c", holder], in: .balancer) {
                    try await eventually("the TAP is there") {
                        try await lab.run(in: .balancer, "ip", "link", "show", "busy.tap").status
                            == 0
                    }
                    var setup = Setup()
                    setup.deviceItems = ["kni_name \(name)"]
                    let outcome = try await lab.refuse(setup)
                    #expect(outcome.status == 1)
                    let text = "port dpdk0 has no kernel companion \(name): \(reason)"
                    #expect(outcome.errors.contains(text), "\(outcome.errors)")
                    #expect(outcome.errors.contains("kni_name gives it another name"))
                }
            }
        }
    }
}

extension Lab {
    /// 10.0.0.1 for the kernel on `dpdk0.kni`.
    ///
    /// AF_PACKET leaves what arrives on client0 to the kernel, too, which a real port does not; the
    /// settings make the kernel ignore that.
    func giveKernelAnAddress() async throws {
        let settings = ["rp_filter=1", "arp_ignore=1"].map { "net.ipv4.conf.client0.\($0)" }
        let outcome = try await Program.run(
            command(in: .balancer, ["sysctl", "-qw"] + settings)
        )
        try #require(outcome.status == 0, "\(outcome.errors)")
        try await ip(.balancer, "address add 10.0.0.1/24 dev dpdk0.kni")
    }

    /// UDP to port 9 of each address, as fast as one process can, for so many seconds.
    fileprivate static let flood = """
        import socket, sys, time
        end = time.time() + float(sys.argv[1])
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sent = 0
        while time.time() < end:
            for _ in range(100):
                for address in sys.argv[2:]:
                    try:
                        s.sendto(b"x" * 64, (address, 9))
                        sent += 1
                    except OSError:
                        pass
        print("sent", sent)
        """

    /// The session's line and who became master on which side, in order.
    fileprivate struct Routing: Equatable {
        var bgp: String
        var vrrp: [String]
    }

    fileprivate func routing() async throws -> Routing {
        let words = ["birdc", "-s", "\(directory)/bird-client.ctl", "show", "protocols", "peer"]
        let bgp = try await Program.run(words).output
        let vrrp = ["balancer", "client"]
            .flatMap { place in
                let text = try? String(
                    contentsOfFile: "\(directory)/vrrp-\(place)",
                    encoding: .utf8
                )
                return (text ?? "").split(separator: "\n").map { "\(place) \($0)" }
            }
        return Routing(
            bgp: bgp.split(separator: "\n").last.map(String.init) ?? "",
            vrrp: vrrp
        )
    }

    /// BIRD and keepalived in the client's and in the balancer's namespace, until all is settled and
    /// `body` is done.
    fileprivate func runRouting(_ body: () async throws -> Void) async throws {
        try write(
            Self.bird(own: "10.0.0.1", number: 65001, peer: "10.0.0.10", 65002),
            "bird-balancer"
        )
        try write(
            Self.bird(own: "10.0.0.10", number: 65002, peer: "10.0.0.1", 65001),
            "bird-client"
        )
        try write(
            keepalived("balancer", "dpdk0.kni", priorities: (200, 100)),
            "keepalived-balancer"
        )
        try write(keepalived("client", "eth0", priorities: (100, 200)), "keepalived-client")
        try await serve(birdCommand("balancer"), in: .balancer) {
            try await serve(birdCommand("client"), in: .client) {
                try await serve(keepalivedCommand("balancer"), in: .balancer) {
                    try await serve(keepalivedCommand("client"), in: .client) {
                        try await eventually("routing has settled", within: .seconds(30)) {
                            let now = try await routing()
                            return now.bgp.contains("Established") && now.vrrp.count >= 2
                        }
                        try await body()
                    }
                }
            }
        }
    }

    private func write(_ text: String, _ name: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(directory)/\(name).conf"))
    }

    private func birdCommand(_ place: String) -> [String] {
        let base = "\(directory)/bird-\(place)"
        return ["bird", "-f", "-c", "\(base).conf", "-s", "\(base).ctl", "-P", "\(base).pid"]
    }

    private func keepalivedCommand(_ place: String) -> [String] {
        let base = "\(directory)/keepalived-\(place)"
        return [
            "keepalived", "-n", "-l", "--vrrp", "-f", "\(base).conf", "-p", "\(base).pid", "-r",
            "\(base).vrrp",
        ]
    }

    private static func bird(
        own: String,
        number: Int,
        peer: String,
        _ peerNumber: Int
    ) -> String {
        """
        router id \(own);
        timeformat protocol iso long ms;
        protocol device {}
        protocol bgp peer {
            local \(own) as \(number);
            neighbor \(peer) as \(peerNumber);
            hold time 6;
            keepalive time 2;
            connect retry time 1;
            connect delay time 1;
            ipv4 { import all; export none; };
        }

        """
    }

    /// Two virtual routers: one whose master is behind the companion, one whose master is the client.
    private func keepalived(
        _ place: String,
        _ interface: String,
        priorities: (Int, Int)
    ) -> String {
        func instance(_ id: Int, _ priority: Int) -> String {
            """
            vrrp_instance I\(id) {
                interface \(interface)
                virtual_router_id \(id)
                priority \(priority)
                advert_int 1
                virtual_ipaddress { 10.0.0.\(200 + id)/32 }
                notify_master "/bin/sh -c 'echo MASTER >> \(directory)/vrrp-\(place)'"
                notify_backup "/bin/true"
            }

            """
        }
        return """
            global_defs {
                script_user root
            }

            """ + instance(1, priorities.0) + instance(2, priorities.1)
    }
}
