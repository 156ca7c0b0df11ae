// SPDX-License-Identifier: Apache-2.0
import Addressing
import ConfigurationFiles
import Foundation
import Model
import PacketTesting
import Testing

private func load(_ files: [String: String], conf: String = "") -> LoadedConfiguration {
    var all = ["/etc/dpvs/dpvs.conf": conf]
    for (name, text) in files { all["/etc/dpvs/services.d/\(name)"] = text }
    return ConfigurationLoader(
        conf: "/etc/dpvs/dpvs.conf",
        servicesDirectory: "/etc/dpvs/services.d"
    )
    .load(MemorySource(all))
}

private func load(_ text: String, conf: String = "") -> LoadedConfiguration {
    load(["web.yaml": text], conf: conf)
}

extension LoadedConfiguration {
    fileprivate var errors: [String] {
        diagnostics.filter { $0.severity == .error }.map(\.description)
    }
}

private let repository = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

private let service = """
    services:
      - name: web
        address: 10.0.0.100
        port: 80
        localAddresses: [10.0.1.200]
        backends:
          - { address: 10.0.1.2, port: 8080, weight: 100 }
          - { address: 10.0.1.3 }
    """

@Suite struct ServiceFileTests {
    @Test func `a service is what its file says, with defaults for the rest`() throws {
        let loaded = load(service)
        #expect(loaded.errors.isEmpty)
        let web = try #require(loaded.state.services.first)
        #expect(web.key.description == "tcp 10.0.0.100:80" && web.name == "web")
        #expect(web.mode == .fnat && web.scheduler == .rr && web.connectionTimeout == nil)
        #expect(web.backends.map(\.endpoint.description) == ["10.0.1.2:8080", "10.0.1.3:80"])
        #expect(web.backends.map(\.weight) == [100, 1])
        #expect(web.owner == .file("/etc/dpvs/services.d/web.yaml"))
    }

    @Test func `a match of icmp has no ports`() {
        let text = """
            services:
              - mode: snat
                protocol: icmp
                match: { source: 10.0.0.0/24, ports: 80, sourcePorts: 1-5 }
                localAddresses: [10.0.1.200]
            """
        let errors = load(text).errors
        #expect(errors.count == 2)
        #expect(errors.contains { $0.contains("ports: '80' do not exist over icmp") }, "\(errors)")
        #expect(errors.contains { $0.contains("sourcePorts: '1-5' do not exist") }, "\(errors)")
    }

    @Test func `a VLAN has the name of its device and tags unless it is told another`() {
        let loaded = load(
            """
            interfaces:
              - vlan: { link: dpdk0, id: 100 }
              - vlan: { link: dpdk0, id: 100, innerID: 7 }
              - { name: storage, vlan: { link: dpdk0, id: 5 } }
            addresses:
              - { interface: storage, address: 10.5.0.1/24 }
            """,
            conf: "netif_defs {\n device dpdk0 {\n }\n}\n"
        )
        #expect(loaded.errors.isEmpty)
        #expect(loaded.state.vlans.map(\.name) == ["dpdk0.100", "dpdk0.100.7", "storage"])
        #expect(loaded.state.vlans.map(\.innerID) == [nil, 7, nil])
    }

    @Test func `a tunnel has what it is told, and both directions what says no direction`() {
        let loaded = load(
            """
            interfaces:
              - name: far
                tunnel:
                  { kind: gre, remote: 192.0.2.9, key: 0.0.1.0, okey: 9, csum: true, oseq: true, ttl: 7 }
              - { name: near, kniName: n, tunnel: { kind: ipip, local: 192.0.2.1, link: dpdk0 } }
            """,
            conf: "netif_defs {\n device dpdk0 {\n }\n}\n"
        )
        #expect(loaded.errors.isEmpty, "\(loaded.errors)")
        let (far, near) = (loaded.state.tunnels[0], loaded.state.tunnels[1])
        #expect(far.kind == .gre && far.remote == IPAddress("192.0.2.9") && far.local == nil)
        #expect(far.input == .init(key: 256, hasChecksum: true))
        #expect(far.output == .init(key: 9, hasChecksum: true, hasSequence: true))
        #expect(far.timeToLive == 7 && far.companion == "far.kni")
        #expect(near.kind == .ipip && near.link == "dpdk0" && near.companion == "n")
    }

    @Test(
        arguments: [
            ("{ name: a, tunnel: { kind: vxlan, remote: 192.0.2.9 } }", "ipip, gre"),
            ("{ tunnel: { kind: gre, remote: 192.0.2.9 } }", "name"),
            ("{ name: a, tunnel: { kind: gre } }", "at least one of"),
            ("{ name: a, tunnel: { kind: ipip, remote: 192.0.2.9, key: 7 } }", "has no keys"),
            ("{ name: a, tunnel: { kind: gre, remote: 192.0.2.9, key: x } }", "key"),
            ("{ name: a, tunnel: { kind: gre, remote: 192.0.2.9, local: fd00::1 } }", "family"),
            ("{ name: a, tunnel: { kind: gre, remote: 192.0.2.9, link: dpdk9 } }", "no device"),
            ("{ name: dpdk0, tunnel: { kind: gre, remote: 192.0.2.9 } }", "name of a device"),
            ("{ name: a, tunnel: { kind: gre, remote: 192.0.2.7 } }", "is there twice"),
            ("{ name: a, vlan: { link: dpdk0, id: 5 }, tunnel: { kind: gre } }", "either"),
            ("{ name: a }", "either"),
            ("{ name: a, kniName: b.kni, tunnel: { kind: gre, remote: 192.0.2.9 } }", "of b, too"),
        ]
    )
    func `a tunnel that cannot be is refused with what is accepted`(item: String, problem: String) {
        let first = "{ name: b, tunnel: { kind: gre, remote: 192.0.2.7 } }"
        let loaded = load(
            "interfaces:\n  - \(first)\n  - \(item)\n",
            conf: "netif_defs {\n device dpdk0 {\n }\n}\n"
        )
        #expect(loaded.errors.contains { $0.contains(problem) }, "\(loaded.errors)")
    }

    @Test func `a VLAN's companion has its name unless it is told another`() {
        let loaded = load(
            """
            interfaces:
              - vlan: { link: dpdk0, id: 100 }
              - { kniName: v5, kniType: existing, vlan: { link: dpdk0, id: 5 } }
              - { kniName: v5, kniType: off, vlan: { link: dpdk0, id: 6 } }
            """,
            conf: "netif_defs {\n device dpdk0 {\n }\n}\n"
        )
        #expect(loaded.errors.isEmpty, "what is off may be called anything")
        #expect(loaded.state.vlans.map(\.companion) == ["dpdk0.100.kni", "v5", "v5"])
        #expect(loaded.state.vlans.map(\.companionType) == [.auto, .existing, .off])
    }

    @Test(
        arguments: [
            ("vlan: { link: dpdk0, id: 0 }", "1...4094"),
            ("vlan: { link: dpdk0, id: 4095 }", "1...4094"),
            ("vlan: { link: dpdk0, id: 5, innerID: 4095 }", "1...4094"),
            ("vlan: { link: dpdk0, id: 5, priority: 8 }", "0...7"),
            ("vlan: { link: dpdk7, id: 5 }", "is no device of dpvs.conf"),
            ("{ name: dpdk0, vlan: { link: dpdk0, id: 5 } }", "is a device of dpvs.conf"),
            ("{ name: twin, vlan: { link: dpdk0, id: 9 } }", "is there twice"),
            ("{ name: dpdk0.9, vlan: { link: dpdk0, id: 8 } }", "is there twice"),
            ("name: bare", "vlan"),
            (
                "{ kniType: virtio_user, vlan: { link: dpdk0, id: 8 } }",
                "one of auto, tap, existing"
            ),
            ("{ kniName: v100.of.the.labs, vlan: { link: dpdk0, id: 8 } }", "1 to 15 characters"),
            ("{ kniName: a/b, vlan: { link: dpdk0, id: 8 } }", "slashes"),
            ("{ kniName: dpdk0.kni, vlan: { link: dpdk0, id: 8 } }", "companion of dpdk0, too"),
            ("{ kniName: dpdk0.9.kni, vlan: { link: dpdk0, id: 8 } }", "of dpdk0.9, too"),
        ]
    )
    func `a VLAN that cannot be is refused with what is accepted`(item: String, problem: String) {
        let loaded = load(
            "interfaces:\n  - vlan: { link: dpdk0, id: 9 }\n  - \(item)\n",
            conf: "netif_defs {\n device dpdk0 {\n }\n}\n"
        )
        #expect(loaded.errors.count == 1 && loaded.errors.allSatisfy { $0.contains(problem) })
    }

    @Test func `neighbours have addresses of both families and their link-layer addresses`() {
        let loaded = load(
            """
            neighbours:
              - { interface: dpdk0, address: 10.0.0.9, mac: "02:00:00:00:00:09" }
              - { interface: dpdk0, address: "fe80::9", mac: 02-00-00-00-00-0A }
            """,
            conf: "netif_defs {\n device dpdk0 {\n }\n}\n"
        )
        #expect(loaded.errors.isEmpty)
        #expect(loaded.state.neighbours.map(\.address.description) == ["10.0.0.9", "fe80::9"])
        #expect(
            loaded.state.neighbours.map(\.macAddress.description)
                == ["02:00:00:00:00:09", "02:00:00:00:00:0a"]
        )
    }

    @Test(
        arguments: [
            ("interface: dpdk7, address: 10.0.0.8, mac: 02:00:00:00:00:01", "is no device"),
            ("interface: dpdk0, address: 10.0.0.9, mac: 02:00:00:00:00:01", "is there twice"),
            ("interface: dpdk0, address: 224.0.0.5, mac: 02:00:00:00:00:01", "a unicast address"),
            ("interface: dpdk0, address: 10.0.0.1, mac: 02:00:00:00:00:01", "balancer itself"),
            ("interface: dpdk0, address: 10.0.0.8, mac: 01:00:00:00:00:01", "group bit"),
            ("interface: dpdk0, address: 10.0.0.8, mac: 00:00:00:00:00:00", "of one host"),
            ("interface: dpdk0, address: 10.0.0.8, mac: 02:00:00:00:01", "a MAC address such as"),
            ("interface: dpdk0, address: 10.0.0.8", "mac"),
        ]
    )
    func `a neighbour that cannot be is refused with what is accepted`(
        item: String,
        problem: String
    ) {
        let loaded = load(
            """
            addresses:
              - { interface: dpdk0, address: 10.0.0.1/24 }
            neighbours:
              - { interface: dpdk0, address: 10.0.0.9, mac: 02:00:00:00:00:09 }
              - { \(item) }
            """,
            conf: "netif_defs {\n device dpdk0 {\n }\n}\n"
        )
        #expect(loaded.errors.count == 1 && loaded.errors.allSatisfy { $0.contains(problem) })
    }

    @Test func `a service of icmp has no ports, and no other service has none`() throws {
        let icmp = service.replacing("name: web", with: "protocol: icmp")
        #expect(load(icmp).errors.filter { $0.contains("does not exist over icmp") }.count == 2)
        let text = """
            services:
              - protocol: icmp
                address: 10.0.0.100
                localAddresses: [10.0.1.200]
                backends: [{ address: 10.0.1.2 }]
            """
        let ping = try #require(load(text).state.services.first)
        #expect(load(text).errors.isEmpty && ping.name == "icmp-10.0.0.100")
        #expect(ping.key.ports == .all && ping.backends.map(\.endpoint.port) == [0])
        #expect(ping.key.description == "icmp 10.0.0.100")
        let udp = load(text.replacing("protocol: icmp", with: "protocol: udp"))
        #expect(udp.errors.contains { $0.contains("services[0].port: is missing") })
    }

    @Test func `the silence of an association is fixed`() {
        let keys = "protocol: sctp\n    connectionTimeout: 5s"
        let loaded = load(service.replacing("name: web", with: keys))
        #expect(loaded.errors.contains { $0.contains("does not exist over sctp") })
    }

    @Test(arguments: [TransportProtocol.tcp, .udp, .sctp])
    func `backends learn the address of the client as the service says`(number: TransportProtocol) {
        for mode in ClientAddressMode.modes(of: number) {
            let keys = "protocol: \(number.rawValue)\n    clientAddress: \(mode.rawValue)"
            let loaded = load(service.replacing("name: web", with: keys))
            #expect(loaded.errors.isEmpty)
            #expect(loaded.state.services.first?.clientAddress == mode)
        }
        let silent = load(service.replacing("name: web", with: "protocol: \(number.rawValue)"))
        let expected: ClientAddressMode = number == .tcp ? .toa : .none
        #expect(silent.state.services.first?.effectiveClientAddress == expected)
    }

    @Test func `addresses and routes are read, default too`() {
        let loaded = load(
            """
            addresses: [{ interface: dpdk0, address: 10.0.0.1/24 }]
            routes:
              - { to: default, via: 10.0.0.254 }
              - { to: 10.9.0.0/16, interface: dpdk0, mtu: 1400 }
              - { to: 10.8.0.1/32, interface: dpdk0, scope: kni_host }
            """
        )
        #expect(loaded.errors.isEmpty)
        let destinations = loaded.state.routes.map(\.destination.description)
        #expect(destinations == ["0.0.0.0/0", "10.9.0.0/16", "10.8.0.1/32"])
        #expect(loaded.state.routes.map(\.scope) == [.global, .global, .kniHost])
        #expect(loaded.state.routes[1].mtu == 1400)
    }

    @Test
    func `addresses and routes of IPv6 are read, and default is of the family of its gateway`() {
        let loaded = load(
            """
            addresses:
              - { interface: dpdk0, address: "2001:db8::1/64" }
              - { interface: dpdk0, address: "fe80::1/64" }
              - { interface: dpdk1, address: "fe80::1/64" }
            routes:
              - { to: default, via: "2001:db8::fe" }
              - { to: default, via: 10.0.0.254, interface: dpdk0 }
              - { to: "2001:db8:9::/48", via: "fe80::9", interface: dpdk1, mtu: 1280 }
            """
        )
        #expect(loaded.errors.isEmpty, "\(loaded.errors)")
        #expect(
            loaded.state.routes.map(\.destination.description)
                == ["::/0", "0.0.0.0/0", "2001:db8:9::/48"]
        )
        #expect(loaded.state.addresses.count == 3)
    }

    @Test(arguments: [
        ("{ to: \"2001:db8::/32\", via: 10.0.0.9 }", "of another family"),
        ("{ to: 10.9.0.0/16, via: \"2001:db8::9\" }", "of another family"),
        ("{ to: \"2001:db8:1::/48\", via: \"fe80::1\" }", "an interface beside it"),
        ("{ to: \"2001:db8:1::/48\", via: \"2001:db9::1\" }", "is on no network"),
        ("{ to: \"2001:db8::1/32\", interface: dpdk0 }", "bits set beyond"),
        ("{ to: \"2001:db8::/32\", interface: dpdk0, mtu: 1279 }", "1280...9000"),
        ("{ to: \"2001:db8::/32\", via: \"ff02::1\", interface: dpdk0 }", "unicast"),
        ("{ to: \"2001:db8::/32\", via: \"::ffff:10.0.0.1\", interface: dpdk0 }", "unicast"),
    ])
    func `a route of IPv6 that cannot be is named with its reason`(route: String, says: String) {
        let errors = load(
            """
            addresses:
              - { interface: dpdk0, address: 10.0.0.1/24 }
              - { interface: dpdk0, address: "2001:db8::1/64" }
            routes:
              - \(route)
            """
        )
        .errors
        #expect(errors.count == 1 && errors[0].contains(says), "\(errors)")
    }

    @Test func `anchors, merge keys and x- keys save writing`() {
        let loaded = load(
            """
            x-common: &common { localAddresses: [10.0.1.200], scheduler: wrr }
            services:
              - { <<: *common, address: 10.0.0.1, port: 80 }
              - { <<: *common, address: 10.0.0.1, port: 81, scheduler: rr }
            """
        )
        #expect(loaded.errors.isEmpty)
        #expect(loaded.state.services.map(\.scheduler) == [.wrr, .rr])
        #expect(loaded.state.services.map(\.name) == ["tcp-10.0.0.1-80", "tcp-10.0.0.1-81"])
    }

    @Test func `an empty file asks for nothing`() {
        #expect(load("# nothing yet\n").errors.isEmpty)
        #expect(load("services:\n").errors.isEmpty)
    }

    @Test(arguments: [
        ("port: 80", "port: 99999", "web.yaml:4:11: error: services[0].port: '99999'"),
        ("port: 80", "port: '80'", "4:11"), ("port: 80", "port: 080", "accepted: 1...65535"),
        ("name: web", "nmae: web", "2:5: error: services[0]: 'nmae' is no key of a service"),
        ("name: web", "nmae: web", "did you mean 'name'?"),
        ("name: web", "scheduler: wrrr", "did you mean 'wrr'?"),
        ("name: web", "protocol: dccp", "accepted: one of tcp, udp, sctp, icmp"),
        ("name: web", "scheduler: lblc", "is no scheduler of dpvs: mh or dh may serve instead"),
        ("name: web", "scheduler: ovf", "fo or wlc may serve"),
        ("name: web", "schedulerFlags: [mh-port]", "'mh-port' does not fit scheduler rr"),
        ("name: web", "schedulerFlags: [mh-prot]", "did you mean 'mh-port'?"),
        ("name: web", "scheduler: mh\n    schedulerFlags: [sh-port]", "mh-port, mh-fallback"),
        ("name: web", "hashTarget: sip", "conhash takes one"),
        ("name: web", "scheduler: conhash\n    hashTarget: qid", "needs UDP"),
        ("name: web", "scheduler: mh\n    maglevTableSize: 4096", "a prime such as 4099"),
        ("name: web", "maglevTableSize: 4093", "mh takes one"),
        ("name: web", "scheduler: fo\n    slowStart: 30s", "one backend takes all"),
        ("name: web", "connectionTimeout: 90", "a duration"),
        ("name: web", "clientAddress: proxy-v3", "did you mean 'proxy-v"),
        ("name: web", "clientAddress: uoa", "web.yaml:2:20: error: services[0].clientAddress"),
        ("name: web", "clientAddress: uoa", "accepted: none, toa, proxy-v1, proxy-v2, "),
        ("name: web", "protocol: udp\n    clientAddress: toa", "does not exist over udp"),
        ("name: web", "protocol: udp\n    clientAddress: proxy-v1", "none, uoa, uoa-ipo, proxy-v2"),
        (
            "name: web\n    address: 10.0.0.100",
            "protocol: udp\n    clientAddress: uoa-ipo\n    address: 2001:db8::1",
            "did you mean 'uoa'?"
        ),
        ("address: 10.0.0.100", "x: 1", "services[0].address: is missing"),
        ("10.0.0.100", "10.0.0.300", "accepted: an IP address"),
        ("weight: 100", "weight: 65536", "backends[0].weight"),
        ("[10.0.1.200]", "10.0.1.200", "a list"),
        ("[10.0.1.200]", "[10.0.0.100]", "own address"),
        ("10.0.1.3 }", "10.0.1.2, port: 8080 }", "is there twice"),
        ("10.0.1.3 }", "10.0.0.100 }", "the balancer itself"),
        ("10.0.1.3 }", "224.0.0.1 }", "unicast"),
        ("10.0.1.3 }", "\"2001:db8::1\" }", "IPv6"), ("backends:", "backends: [", "web.yaml:"),
        ("name: web", "name: a\n    name: b", "'name' is there twice"),
        ("10.0.0.100", "10.0.0.100/24", "did you mean '10.0.0.0/24'?"),
        ("port: 80\n", "port: 90-80\n", "ports such as 8000-8999"),
        ("address: 10.0.0.100", "fwmark: 7\n    address: 10.0.0.100", "together with address"),
        ("name: web", "mode: snat", "needs a match"),
        ("name: web", "maxPortsPerSource: 9", "snat takes one"),
        ("name: web", "onePacket: true", "needs UDP"),
        ("name: web", "protocol: udp\n    onePacket: true", "mode dr or tunnel"),
        ("name: web", "onePacket: yes", "true or false"),
        ("name: web", "persistence: { timeout: 40d }", "1ms...31d"),
        ("name: web", "persistence: { mask: 33 }", "persistence.mask"),
    ])
    func `a mistake is named with its place and what is accepted`(
        old: String,
        new: String,
        says: String
    ) {
        let errors = load(service.replacing(old, with: new, maxReplacements: 1)).errors
        #expect(errors.contains { $0.contains(says) }, "\(errors)")
    }

    @Test func `scheduler, flags, hash target, table size and slow start are read`() throws {
        let keys =
            "scheduler: mh\n    schedulerFlags: [mh-port, mh-fallback]\n"
            + "    maglevTableSize: 65537\n    slowStart: 30s"
        let loaded = load(service.replacing("name: web", with: keys))
        #expect(loaded.errors.isEmpty)
        let read = try #require(loaded.state.services.first)
        #expect(read.scheduler == .mh && read.slowStart == .seconds(30))
        let options = SchedulerOptions(flags: [.mhPort, .mhFallback], maglevTableSize: 65537)
        #expect(read.schedulerOptions == options)
        let ring = "scheduler: conhash\n    protocol: udp\n    hashTarget: qid"
        let other = load(service.replacing("name: web", with: ring))
        #expect(other.errors.isEmpty)
        #expect(other.state.services.first?.schedulerOptions.hashTarget == .qid)
    }

    @Test func `all mistakes of all files are said at once`() {
        let loaded = load(
            [
                "a.yaml": service.replacing("port: 80\n", with: "port: 0\n"),
                "b.yaml": "servces: []\naddresses: [{ interface: dpdk9, address: 10.0.0.1/33 }]\n",
            ],
            conf: "netif_defs { device dpdk0 { mtu 99999 } }"
        )
        #expect(loaded.errors.count == 4)
        #expect(loaded.errors.contains { $0.contains("dpvs.conf:1:33") })
        #expect(loaded.errors.contains { $0.contains("did you mean 'services'?") })
    }

    @Test func `the same service in two files names both places`() {
        let errors = load(["a.yaml": service, "b.yaml": service]).errors
        #expect(errors.contains { $0.contains("b.yaml:3:14") && $0.contains("a.yaml:3:14") })
        #expect(errors.count == 1, "that its name is there twice, too, goes without saying")
    }

    @Test(arguments: [
        ("{ to: 10.0.0.0/8 }", "goes nowhere"),
        ("{ to: 10.0.0.1/8, interface: dpdk0 }", "did you mean '10.0.0.0/8'?"),
        ("{ to: default, via: 10.9.9.9 }", "on no network"),
        ("{ to: default, interface: dpdk1 }", "did you mean 'dpdk0'?"),
        ("{ to: 10.0.0.1/32, scope: kni_host }", "leads to the kernel"),
        ("{ to: 10.0.0.0/8, interface: dpdk0, scope: link }", "global"),
    ])
    func `routes that lead nowhere are refused`(route: String, says: String) {
        let errors = load(
            "routes:\n  - \(route)\n",
            conf: "netif_defs { device dpdk0 { mtu 1500 } }"
        )
        .errors
        #expect(errors.contains { $0.contains(says) }, "\(errors)")
    }

    @Test func `the digest changes with contents and names, and only then`() {
        let first = load(["a.yaml": "x-a: 1"]).digest
        #expect(first == load(["a.yaml": "x-a: 1"]).digest && first.count == 64)
        #expect(first != load(["a.yaml": "x-a: 2"]).digest)
        #expect(first != load(["b.yaml": "x-a: 1"]).digest)
    }

    @Test func `hidden files and other names are left alone`() {
        let loaded = load(["..data.yaml": "broken: [", ".a.yaml.swp": "x", "README": "x"])
        #expect(loaded.errors.isEmpty && loaded.files.count == 1)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `no octets trap the reader`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let valid = Array((service + "\nx-a: &a {b: 1}\nx-c: {<<: *a}\n").utf8)
        for _ in 0..<3_000 {
            var bytes = valid
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1:
                    bytes.insert(
                        "{}[]:,&*|>-\"'".utf8.randomElement(using: &random) ?? 0,
                        at: index
                    )
                default: bytes.remove(at: index)
                }
            }
            let source = MemorySource(bytes: ["c": [], "d/a.yaml": bytes])
            _ = ConfigurationLoader(conf: "c", servicesDirectory: "d").load(source)
        }
    }

    @Test func `aliases that grow without end are refused`() {
        var text = "x-a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
        for level in 1...9 {
            let names = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",")
            text += "x-a\(level): &a\(level) [\(names)]\n"
        }
        #expect(load(text).errors.contains { $0.contains("too large") })
    }
}

@Suite struct ServiceFileSchemaTests {
    @Test func `the published schema is the one that the decoder's table makes`() throws {
        let path = repository.appending(path: "conf/services.schema.json")
        let made = try ServiceFileSchema.jsonSchema()
        if ProcessInfo.processInfo.environment["RECORD"] != nil {
            try made.write(to: path, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: path, encoding: .utf8) == made)
    }

    /// The part of a file between two marker lines is what the code says; RECORD=1 writes it.
    private func expect(_ made: String, between marker: String, in file: String) throws {
        let path = repository.appending(path: file)
        let text = try String(contentsOf: path, encoding: .utf8)
        let start = try #require(text.range(of: "<!-- \(marker) -->\n"))
        let end = try #require(text.range(of: "<!-- end of \(marker) -->"))
        if ProcessInfo.processInfo.environment["RECORD"] != nil {
            let recorded = text[..<start.upperBound] + made + text[end.lowerBound...]
            try recorded.write(to: path, atomically: true, encoding: .utf8)
        } else {
            #expect(text[start.upperBound..<end.lowerBound] == made)
        }
    }

    @Test func `the manual lists every key of service files`() throws {
        var made = ""
        for object in ServiceFileSchema.objects {
            made +=
                "### \(object.name)\n\n| key | takes | without it | meaning |\n|---|---|---|---|\n"
            for field in object.fields {
                made += "| `\(field.key)` | \(ServiceFileSchema.accepted(field.kind)) "
                made += "| \(field.isRequired ? "required" : field.defaultText ?? "") "
                made += "| \(field.summary) |\n"
            }
            made += "\n"
        }
        try expect(made, between: "service file keys", in: "doc/configuration.md")
    }

    @Test func `the manual lists every item of dpvs_conf`() throws {
        var made =
            "| item | takes | default | read | in effect | meaning |\n|---|---|---|---|---|---|\n"
        for item in ItemCatalogue.items {
            let value = item.defaultValue?.description ?? "(none)"
            let accepted = item.accepted.replacing("|", with: "\\|")
            made += "| `\(item.path)` | \(accepted) | \(value.replacing("|", with: "\\|")) "
            made += "| \(item.moment.rawValue) | \(item.instead.map { "no: \($0)" } ?? "yes") "
            made += "| \(item.summary) |\n"
        }
        try expect(made, between: "dpvs.conf items", in: "doc/configuration.md")
        made = "| item | | instead |\n|---|---|---|\n"
        for item in ItemCatalogue.gone {
            made += "| `\(item.path)` | \(item.summary) | \(item.instead ?? "") |\n"
        }
        try expect(made, between: "items that are gone", in: "doc/configuration.md")
    }

    @Test func `dpvs_conf_items lists every item and loads`() throws {
        let made = ItemListing.text
        let path = repository.appending(path: "conf/dpvs.conf.items")
        if ProcessInfo.processInfo.environment["RECORD"] != nil {
            try made.write(to: path, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: path, encoding: .utf8) == made)
        #expect(load([:], conf: made).errors.isEmpty)
    }

    @Test(arguments: ["conf/dpvs.conf.sample", "conf/services.d/web.yaml"])
    func `the samples are without fault`(sample: String) throws {
        let text = try String(contentsOf: repository.appending(path: sample), encoding: .utf8)
        let loaded =
            sample.hasSuffix(".yaml") ? load(text) : load([:], conf: text)
        #expect(loaded.diagnostics.filter { $0.severity != .warning }.isEmpty)
    }
}

@Suite struct QUICFileTests {
    private static let key = "8f95f09245765f80256934e50c66207f"

    private func load(_ quic: String, files: [String: String] = [:]) -> LoadedConfiguration {
        let text = """
            services:
              - address: 10.0.0.100
                port: 443
                protocol: udp
                localAddresses: [10.0.1.200]
                quic: \(quic)
                backends: [{ address: 10.0.1.2, serverID: "0a1b" }]
            """
        let all = files.merging(["/etc/dpvs/services.d/web.yaml": text]) { first, _ in first }
        return ConfigurationLoader(
            conf: "/etc/dpvs.conf",
            servicesDirectory: "/etc/dpvs/services.d"
        )
        .load(MemorySource(all.merging(["/etc/dpvs.conf": ""]) { first, _ in first }))
    }

    private func configuration(_ key: String) -> String {
        "{ quicLB: [{ configID: 0, serverIDLength: 2, nonceLength: 6, \(key) }] }"
    }

    @Test func `layouts and server ids are read`() throws {
        let loaded = load("{ serverID: dpvs }")
        #expect(loaded.state.services.first?.quic == QUICOptions(namesAddresses: true))
        #expect(loaded.state.services.first?.backends.first?.quicServerID == [0x0A, 0x1B])
        // Only quicLB says where a connection id has it.
        #expect(loaded.diagnostics.map(\.severity) == [.notInEffect])
    }

    @Test func `a key stands in the file or in one of its own`() throws {
        let there = load(configuration("key: \(Self.key)"))
        let apart = load(
            configuration("keyFile: /etc/dpvs/quic.key"),
            files: ["/etc/dpvs/quic.key": Self.key + "\n"]
        )
        let expected = try required(QUICKey(hexadecimal: Self.key))
        for loaded in [there, apart] {
            #expect(loaded.diagnostics.isEmpty)
            #expect(loaded.state.services.first?.quic?.configurations.first?.key == expected)
        }
        #expect(apart.files.keys.contains("/etc/dpvs/quic.key"), "a new key is a change")
    }

    @Test func `a key is never told`() throws {
        let state = load(configuration("key: \(Self.key)")).state
        let encoded = try JSONEncoder().encode(state)
        #expect(!String(decoding: encoded, as: UTF8.self).contains(Self.key))
        let service = try required(state.services.first)
        #expect("\(try required(service.quic))".contains("(secret)"))
        let wrong = load(configuration("key: \(Self.key)00"))
        #expect(wrong.diagnostics.contains { $0.description.contains("is no key") })
        #expect(!wrong.diagnostics.contains { $0.description.contains(Self.key) })
    }

    @Test(
        arguments: [
            ("{}", "says nothing"),
            ("{ quicLB: [{ configID: 0, serverIDLength: 3, nonceLength: 6 }] }", "not 3 octets"),
            ("{ quicLB: [{ configID: 0, serverIDLength: 2, nonceLength: 18 }] }", "than 19 octets"),
            ("{ quicLB: [{ configID: 7, serverIDLength: 2, nonceLength: 6 }] }", "configID"),
        ]
    )
    func `what does not fit is said`(quic: String, says: String) {
        #expect(load(quic).diagnostics.contains { $0.description.contains(says) })
    }
}
