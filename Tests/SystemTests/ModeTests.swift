// SPDX-License-Identifier: Apache-2.0
import Foundation
import Subprocess
import Testing

extension SystemTests {
    /// Each forwarding mode with a real client and a real server.
    @Suite struct ModeTests {
        @Test func `dr: a backend that holds the virtual address answers by itself`() async throws {
            try await Lab.run { lab in
                try await lab.addDirectWay()
                try await lab.ip(.backends, "address add 10.0.0.100/32 dev lo")
                try await lab.serveWeb("10.0.0.100:80", saying: "straight back") {
                    try await lab.balance(.of(mode: "dr", backend: "10.0.1.2")) { balancer in
                        let page = try await lab.curl()
                        #expect(page.output == "straight back\n", "\(page.errors)")
                        let scrape = try await balancer.scrape()
                        let sent = scrape.sum("dpvs_backend_outgoing_packets_total")
                        #expect(sent == 0, "the answers do not pass")
                    }
                }
            }
        }

        @Test(arguments: ["ipip", "gue"])
        func `tunnel: a backend takes packets out of the tunnel and answers`(
            type: String
        ) async throws {
            try await Lab.run { lab in
                try await lab.addDirectWay()
                try await lab.ip(.backends, "address add 10.0.0.100/32 dev lo")
                let decapsulator = "\(Program.repository)/Tests/SystemTests/decapsulate.py"
                try await lab.serveWeb("10.0.0.100:80", saying: "out of the tunnel") {
                    try await lab.serve("python3", decapsulator, type) {
                        let setup = Setup.of(
                            mode: "tunnel",
                            backend: "10.0.1.2",
                            more: "    tunnel: { type: \(type) }"
                        )
                        try await lab.balance(setup) { _ in
                            // The decapsulator may still be on its way.
                            let page = try await lab.curl(
                                "http://10.0.0.100/",
                                "--retry",
                                "5",
                                "--retry-all-errors"
                            )
                            #expect(page.output == "out of the tunnel\n", "\(page.errors)")
                        }
                    }
                }
            }
        }

        @Test func `nat: a backend whose gateway is the balancer sees the client`() async throws {
            try await Lab.run { lab in
                try await lab.ip(.backends, "route add default via 10.0.1.1")
                try await lab.serveWeb("10.0.1.2:8080", saying: "$remote_addr") {
                    let setup = Setup.of(mode: "nat", backend: "10.0.1.2", port: 8080)
                    try await lab.balance(setup) { _ in
                        let page = try await lab.curl()
                        #expect(page.output == "10.0.0.10\n", "\(page.errors)")
                    }
                }
            }
        }

        @Test func `echo requests are balanced like anything else`() async throws {
            try await Lab.run { lab in
                var setup = Setup()
                setup.services.text = """
                    addresses:
                      - { interface: dpdk0, address: 10.0.0.1/24 }
                      - { interface: dpdk1, address: 10.0.1.1/24 }
                    services:
                      - name: echo
                        protocol: icmp
                        address: 10.0.0.100
                        localAddresses: [10.0.1.200]
                        backends: [{ address: 10.0.1.2 }]
                    """ + "\n"
                try await lab.balance(setup) { dpvs in
                    let ping = try await lab.run(
                        in: .client,
                        "ping",
                        "-c",
                        "3",
                        "-i",
                        "0.2",
                        "10.0.0.100"
                    )
                    #expect(ping.output.contains(" 0% packet loss"), "\(ping.output)")
                    let scrape = try await dpvs.scrape()
                    let opened = scrape.sum("dpvs_backend_connections_total", ["service": "echo"])
                    #expect(opened == 1, "the backend answers, not the balancer")
                }
            }
        }

        @Test func `nat64: a client that speaks IPv6 only reaches an IPv4 backend`() async throws {
            try await Lab.run { lab in
                try await lab.enableIPv6(.client, "2001:db8::10/64")
                let setup = Setup.of(
                    vip: "2001:db8::100",
                    mode: "fnat",
                    backend: "10.0.1.2",
                    more: "    localAddresses: [10.0.1.200]"
                )
                try await lab.balance(setup) { _ in
                    let page = try await lab.curl("http://[2001:db8::100]/", "-6")
                    #expect(page.output == "hello from backend 1\n", "\(page.errors)")
                    let large = try await lab.curl(
                        "http://[2001:db8::100]/large",
                        "-o",
                        "/dev/null",
                        "-r",
                        "0-1999999",
                        "-w",
                        "%{size_download}"
                    )
                    #expect(large.output == "2000000", "\(large.errors)")
                }
            }
        }

        @Test func `fnat66: clients and backends that speak IPv6`() async throws {
            try await Lab.run { lab in
                try await lab.enableIPv6(.client, "2001:db8::10/64")
                try await lab.enableIPv6(.backends, "2001:db8:1::2/64")
                try await lab.serveWeb("[2001:db8:1::2]:80", saying: "$remote_addr") {
                    let setup = Setup.of(
                        vip: "2001:db8::100",
                        mode: "fnat",
                        backend: "2001:db8:1::2",
                        more: "    localAddresses: [\"2001:db8:1::200\"]"
                    )
                    try await lab.balance(setup) { _ in
                        let page = try await lab.curl("http://[2001:db8::100]/", "-6")
                        #expect(page.output == "2001:db8:1::200\n", "\(page.errors)")
                        let ping = try await lab.run(
                            in: .client,
                            "ping",
                            "-6",
                            "-c",
                            "2",
                            "-i",
                            "0.2",
                            "2001:db8::100"
                        )
                        #expect(ping.status == 0, "\(ping.output)\(ping.errors)")
                    }
                }
            }
        }
    }
}

extension Setup {
    /// One service on port 80 of `vip` with one backend; both links have both families.
    fileprivate static func of(
        vip: String = "10.0.0.100",
        mode: String,
        backend: String,
        port: Int = 80,
        more: String = ""
    ) -> Setup {
        var setup = Setup()
        setup.services.text = """
            addresses:
              - { interface: dpdk0, address: 10.0.0.1/24 }
              - { interface: dpdk1, address: 10.0.1.1/24 }
              - { interface: dpdk0, address: "2001:db8::1/64" }
              - { interface: dpdk1, address: "2001:db8:1::1/64" }
            services:
              - address: "\(vip)"
                port: 80
                mode: \(mode)
                backends: [{ address: "\(backend)", port: \(port) }]
            \(more)
            """ + "\n"
        return setup
    }
}

extension Lab {
    /// A link from the backends to the client that passes the balancer by.
    func addDirectWay() async throws {
        let peer = "peer name direct netns \(name)-client"
        try await ip(.backends, "link add direct type veth \(peer)")
        for place in [Place.backends, .client] {
            try await ip(place, "link set direct up")
            for key in ["all", "direct", "eth0"] {
                try await sysctl(place, "net.ipv4.conf.\(key).rp_filter=0")
            }
        }
        try await sysctl(.backends, "net.ipv4.conf.all.arp_ignore=1")
        try await sysctl(.backends, "net.ipv4.conf.all.arp_announce=2")
        try await ip(.backends, "address add 10.0.9.1/24 dev direct")
        try await ip(.client, "address add 10.0.9.2/24 dev direct")
        try await ip(.backends, "route add 10.0.0.0/24 via 10.0.9.2")
    }

    func enableIPv6(_ place: Place, _ address: String) async throws {
        for key in ["all", "default", "eth0"] {
            try await sysctl(place, "net.ipv6.conf.\(key).disable_ipv6=0")
        }
        try await ip(place, "-6 address add \(address) dev eth0 nodad")
    }

    func sysctl(_ place: Place, _ setting: String) async throws {
        try await Program.demand(command(in: place, ["sysctl", "-qw", setting]))
    }

    /// A web server at `address` in the backends' namespace while `body` works with it.
    func serveWeb(
        _ address: String,
        saying text: String,
        _ body: () async throws -> Void
    ) async throws {
        let root = "\(directory)/web"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let configuration = """
            daemon off;
            worker_processes 1;
            pid \(root)/nginx.pid;
            error_log \(root)/error.log;
            events { worker_connections 64; }
            http {
                access_log off;
                server {
                    listen \(address);
                    location / { return 200 "\(text)\\n"; }
                }
            }
            """
        try Data(configuration.utf8).write(to: URL(filePath: "\(root)/nginx.conf"))
        let paths = (conf: "\(root)/nginx.conf", log: "\(root)/error.log")
        try await serve("nginx", "-p", root, "-c", paths.conf, "-e", paths.log, body: body)
    }
}
