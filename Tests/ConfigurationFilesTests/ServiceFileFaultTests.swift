// SPDX-License-Identifier: Apache-2.0
import Addressing
import ConfigurationFiles
import Model
import Testing

private let devices = "netif_defs {\n device dpdk0 {\n }\n device dpdk1 {\n mtu 1400\n }\n}\n"

private func load(_ text: String, conf: String = devices) -> LoadedConfiguration {
    ConfigurationLoader(conf: "/e/dpvs.conf", servicesDirectory: "/e/s")
        .load(MemorySource(["/e/dpvs.conf": conf, "/e/s/web.yaml": text]))
}

/// A service among addresses of two links; `keys` stand between its port and its backend.
private func load(
    keys: String,
    address: String = "10.0.0.100",
    port: String = "port: 80,",
    locals: String = "localAddresses: [10.0.1.200],",
    backend: String = "10.0.1.2",
    more: String = ""
) -> LoadedConfiguration {
    load(
        """
        addresses:
          - { interface: dpdk0, address: 10.0.0.1/24 }
          - { interface: dpdk1, address: 10.0.1.1/24 }
          - { interface: dpdk1, address: "2001:db8:1::1/64" }
        \(more)
        services:
          - { address: "\(address)", \(port) \(locals) \(keys) backends: [{ address: "\(backend)" }] }
        """
    )
}

extension LoadedConfiguration {
    fileprivate func said(_ severity: Diagnostic.Severity) -> [String] {
        diagnostics.filter { $0.severity == severity }.map(\.description)
    }
    fileprivate var errors: [String] { said(.error) }
    fileprivate var warnings: [String] { said(.warning) }
}

/// What operators get wrong in service files.
@Suite struct ServiceFileFaultTests {
    // MARK: - Without effect

    @Test(arguments: ["dr", "nat", "tunnel"], ["toa", "proxy-v1", "proxy-v2"])
    func `a client's address that nobody changes need not be told`(mode: String, how: String) {
        let keys = "mode: \(mode), clientAddress: \(how),"
        let errors = load(keys: keys, locals: "").errors
        #expect(errors.count == 1, "\(errors)")
        #expect(errors.first?.contains("'\(how)' is of no use with mode \(mode)") == true)
        #expect(load(keys: "mode: \(mode), clientAddress: none,", locals: "").errors.isEmpty)
    }

    @Test(arguments: [
        ("persistence: { maskV6: 64 }, mode: nat,", "persistence.maskV6: '64' has no effect"),
        ("protocol: udp, mode: dr, onePacket: true, drainTimeout: 5s,", "drainTimeout: '5s'"),
        ("protocol: udp, mode: dr, onePacket: true, connectionTimeout: 5s,", "connectionTimeout"),
        ("protocol: udp, mode: dr, onePacket: true, maxConnections: 5,", "maxConnections: '5'"),
        ("protocol: udp, mode: dr, onePacket: true, expireQuiescent: true,", "expireQuiescent"),
    ])
    func `a key that does nothing beside another is listed`(keys: String, says: String) {
        let loaded = load(keys: keys, locals: "")
        let notes = loaded.said(.notInEffect)
        #expect(loaded.errors.isEmpty, "\(loaded.errors)")
        #expect(notes.count == 1 && notes[0].contains(says), "\(notes)")
    }

    @Test func `services of marks, idle names of companions and unneeded masks are listed`() {
        let loaded = load(
            """
            interfaces: [{ vlan: { link: dpdk0, id: 5 }, kniType: off, kniName: five }]
            services:
              - { fwmark: 7, mode: nat, persistence: { maskV6: 64 } }
              - { address: "2001:db8::1", port: 80, mode: nat, persistence: { maskV6: 64 } }
            """
        )
        let notes = loaded.said(.notInEffect)
        #expect(notes.count == 2, "\(notes)")
        #expect(notes.contains { $0.contains("kniName: 'five' has no effect: kniType is off") })
        #expect(notes.contains { $0.contains("fwmark: '7' has no effect: nobody marks packets") })
    }

    @Test func `one mistake is one error`() {
        func errors(_ more: String, _ service: String = "") -> [String] {
            load(
                """
                addresses: [{ interface: dpdk0, address: 10.0.0.1/24 }]
                \(more)
                \(service)
                """
            )
            .errors
        }
        let gateway = errors("routes: [{ to: default, via: 127.0.0.1 }]")
        #expect(gateway.count == 1, "\(gateway)")
        let web = "{ name: web, address: 10.0.0.9, port: 80, mode: dr }"
        let copied = errors("", "services: [\(web), \(web)]")
        #expect(copied.count == 1, "\(copied)")
        let backend = "{ address: 10.0.0.9, port: 80, mode: dr, backends: [{ address: '::1' }] }"
        let loopback = errors("", "services: [\(backend)]")
        #expect(loopback.count == 1, "\(loopback)")
    }

    @Test func `a long value is quoted in part, and no name is longer than a file's`() {
        let name = String(repeating: "x", count: 1000)
        let errors = load(keys: "mode: nat, name: \(name),", locals: "").errors
        #expect(errors.count == 1 && errors[0].contains("is too long"), "\(errors)")
        #expect(errors[0].count < 300)
    }

    @Test(arguments: ["ipip", "gre"], ["port: 6080", "checksum: true"])
    func `a tunnel without a UDP header has neither its port nor its checksum`(
        kind: String,
        item: String
    ) {
        func errors(_ kind: String) -> [String] {
            load(keys: "mode: tunnel, tunnel: { type: \(kind), \(item) },", locals: "").errors
        }
        let found = errors(kind)
        #expect(found.count == 1 && found[0].contains("but \(kind) has none"), "\(found)")
        #expect(errors("gue").isEmpty && errors("fou").isEmpty)
    }

    @Test(arguments: [("sctp", "port: 99,"), ("icmp", "")])
    func `what cannot fail by a packet is not watched by packets`(number: String, port: String) {
        let errors = load(keys: "protocol: \(number), destCheck: UPDOWN,", port: port).errors
        #expect(errors.count == 1 && errors[0].contains("over \(number)"), "\(errors)")
        #expect(load(keys: "protocol: \(number), destCheck: off,", port: port).errors.isEmpty)
    }

    @Test(arguments: ["0s", "1ms", "999ms"])
    func `a timeout that ends connections at once is refused`(timeout: String) {
        let errors = load(keys: "connectionTimeout: \(timeout),").errors
        #expect(errors.count == 1 && errors[0].contains("'\(timeout)' would end"), "\(errors)")
        #expect(load(keys: "connectionTimeout: 1s,").errors.isEmpty)
    }

    // MARK: - Words

    @Test(arguments: [
        ("mode: fullnat,", "'fnat'"), ("mode: dsr,", "'dr'"), ("mode: masq,", "'nat'"),
        ("scheduler: roundrobin,", "'rr'"), ("scheduler: maglev,", "'mh'"),
        ("clientAddress: off,", "'none'"), ("protocol: TCP,", "'tcp'"),
        ("expireQuiescent: True,", "'true'"), ("expireQuiescent: off,", "'false'"),
    ])
    func `words of other programs and other spellings get a suggestion`(keys: String, meant: String)
    {
        let errors = load(keys: keys).errors
        #expect(errors.count == 1, "one mistake is one error: \(errors)")
        #expect(errors.first?.contains("did you mean \(meant)?") == true, "\(errors)")
    }

    @Test func `an unknown key has its suggestion in front, and no list of all keys behind`() {
        let errors = load(keys: "schedular: rr,").errors
        #expect(errors.count == 1 && errors[0].hasSuffix("did you mean 'scheduler'?"), "\(errors)")
        let other = load(keys: "xyzzy: rr,").errors
        #expect(other.count == 1 && other[0].contains("accepted: name, address"), "\(other)")
    }

    @Test(arguments: [
        ("", "port: \"80\","), ("", "port: '80',"), ("maxConnections: \"7\",", "port: 80,"),
        ("expireQuiescent: \"true\",", "port: 80,"),
    ])
    func `quotes around a number or a flag are named as the mistake`(keys: String, port: String) {
        let errors = load(keys: keys, port: port).errors
        #expect(errors.count == 1 && errors[0].contains("stands in quotes"), "\(errors)")
        #expect(errors[0].contains(", without quotes"))
    }

    @Test func `names have nothing that moves a cursor or ends a line`() {
        for name in [#""a\nb""#, #""a\e[31mb""#, #""a\0b""#, #""a\u202Eb""#, #""a\u0085b""#] {
            let errors = load(keys: "name: \(name),").errors
            #expect(errors.count == 1 && errors[0].contains("has a control character"))
            #expect(!errors[0].unicodeScalars.contains { $0.value < 32 || $0.value == 0x202E })
        }
        #expect(load(keys: "name: \"Größe 日本\",").errors.isEmpty)
    }

    @Test(arguments: [
        ("mode: nonsense,", ""), ("", "localAddresses: [10.0.1.300],"), ("protocol: x,", ""),
    ])
    func `one mistake has no others behind it`(keys: String, locals: String) {
        let errors = load(keys: keys, locals: locals).errors
        #expect(errors.count == 1, "\(errors)")
    }

    @Test func `a broken address is not a missing network for routes, too`() {
        let text = """
            addresses:
              - { interface: dpdk0, address: 10.0.0.1/33 }
            routes:
              - { to: default, via: 10.0.0.254 }
            """
        #expect(load(text).errors.count == 1)
        #expect(load(text.replacing("/33", with: "/24")).errors.isEmpty)
    }

    // MARK: - Ranges

    @Test(arguments: [
        ("[192.168.100.5-254]", 250, "192.168.100.254"),
        ("[10.0.1.9, 10.0.1.254-10.0.2.1]", 5, "10.0.2.1"),
        ("[\"2001:db8:1::5-ff\"]", 251, "2001:db8:1::ff"),
        ("[10.0.1.7-7]", 1, "10.0.1.7"), ("[\"2001:db8:1::9-2001:db8:1::a\"]", 2, "2001:db8:1::a"),
    ])
    func `a range of local addresses is all of them`(list: String, count: Int, last: String) throws
    {
        let text = """
            services:
              - match: { source: \(list.contains("::") ? "\"2001:db8:9::/64\"" : "10.9.0.0/16") }
                mode: snat
                localAddresses: \(list)
            """
        let loaded = load(text)
        #expect(loaded.errors.isEmpty, "\(loaded.errors)")
        let addresses = try #require(loaded.state.services.first).localAddresses
        #expect(addresses.count == count && addresses.last == IPAddress(last))
    }

    @Test(arguments: [
        "10.0.1.9-5", "10.0.1.5-256", "10.0.1.5-", "-10.0.1.5", "10.0.1.5-+6", "10.0.1.1-2-3",
        "10.0.1.0/24", "10.0.1.5-2001:db8::1", "2001:db8::5-10000", "2001:db8::5-g",
    ])
    func `what is no range is refused with what one is`(text: String) {
        let errors = load(keys: "", locals: "localAddresses: [\"\(text)\"],").errors
        #expect(errors.count == 1, "\(errors)")
        #expect(errors.first?.contains("a range such as 192.168.100.5-254") == true)
    }

    @Test func `a range of all addresses is too many, and costs nothing`() {
        for range in ["0.0.0.1-255.255.255.254", "2001:db8::1-2001:db9::1"] {
            let errors = load(keys: "", locals: "localAddresses: [\"\(range)\"],").errors
            #expect(errors.count == 1 && errors[0].contains("at most 4096"), "\(errors)")
        }
    }

    // MARK: - Addresses that no host has, or no way leads to

    @Test(arguments: [
        ("10.0.1.255", "broadcast address of 10.0.1.0/24"),
        ("10.0.1.0", "address of the network 10.0.1.0/24"),
        ("2001:db8:1::", "address of all routers in 2001:db8:1::/64"),
    ])
    func `an address of a whole link is no backend, service or gateway`(text: String, why: String) {
        let locals = "localAddresses: [10.0.1.200, \"2001:db8:1::200\"],"
        let service = load(keys: "", address: text, locals: locals).errors
        #expect(service.contains { $0.contains("services[0].address: '\(text)' is the \(why)") })
        guard !text.contains(":") else { return }
        let backend = load(keys: "", backend: text).errors
        #expect(backend.count == 1 && backend[0].contains("'\(text)' is the \(why)"), "\(backend)")
        let route = load(keys: "", more: "routes: [{ to: 10.9.0.0/16, via: \(text) }]").errors
        #expect(route.count == 1 && route[0].contains("via: '\(text)' is the \(why)"), "\(route)")
    }

    @Test(arguments: ["10.5.0.0/24", "10.5.0.255/24", "\"2001:db8:5::/64\""])
    func `an interface's address is one of a host`(prefix: String) {
        let errors = load("addresses: [{ interface: dpdk0, address: \(prefix) }]").errors
        #expect(errors.count == 1 && errors[0].contains("addresses[0].address"), "\(errors)")
        for fine in ["10.5.0.0/31", "10.5.0.0/32", "\"2001:db8::/127\"", "\"2001:db8::ffff/112\""] {
            let errors = load("addresses: [{ interface: dpdk0, address: \(fine) }]").errors
            #expect(errors.isEmpty, "\(errors)")
        }
    }

    @Test func `a link-local address is no service's`() {
        let errors = load(
            keys: "",
            address: "fe80::1",
            locals: "localAddresses: [\"2001:db8:1::9\"],",
            backend: "2001:db8:1::2"
        )
        .errors
        #expect(errors.count == 1 && errors[0].contains("is link-local"), "\(errors)")
    }

    @Test(arguments: ["10.0.0.1", "10.0.0.100", "10.0.1.200"])
    func `a gateway is another node`(gateway: String) {
        let more = "routes: [{ to: default, via: \(gateway) }]"
        let errors = load(keys: "", more: more).errors
        #expect(errors.count == 1 && errors[0].contains("of the balancer itself"), "\(errors)")
    }

    @Test(arguments: [
        ("10.0.0.0/24", "", "the address of dpdk0"),
        ("10.0.0.128/25", "routes: [{ to: default, via: 10.0.0.254 }]", "the gateway to 0.0.0.0/0"),
        (
            "10.0.0.128/25",
            "neighbours: [{ interface: dpdk0, address: 10.0.0.200, mac: 02:00:00:00:00:01 }]",
            "a neighbour"
        ),
    ])
    func `a service's network has no other node's address`(net: String, more: String, who: String) {
        let errors = load(keys: "", address: net, more: more).errors
        #expect(errors.count == 1 && errors[0].contains(who), "\(errors)")
        #expect(load(keys: "", address: "10.0.0.128/25").errors.isEmpty, "a pool on the link")
    }

    @Test func `a backend that no route leads to is warned of`() {
        let far = load(keys: "", backend: "10.7.0.2")
        #expect(far.errors.isEmpty && far.warnings.count == 1, "\(far.warnings)")
        #expect(far.warnings.first?.contains("'10.7.0.2' is where no route leads") == true)
        let route = "routes: [{ to: 10.7.0.0/16, via: 10.0.1.254 }]"
        #expect(load(keys: "", backend: "10.7.0.2", more: route).warnings.isEmpty)
        let direct = load(keys: "mode: dr,", locals: "", backend: "10.7.0.2", more: route)
        #expect(direct.warnings.count == 1 && direct.warnings[0].contains("neighbours only"))
    }

    @Test func `a local address on no link, and an MTU that no device has, are warned of`() {
        let local = load(keys: "", locals: "localAddresses: [10.7.0.200],")
        #expect(local.warnings.count == 1 && local.warnings[0].contains("on no network"))
        let route = "routes: [{ to: 10.7.0.0/16, via: 10.0.1.254, mtu: 1500 }]"
        let mtu = load(keys: "", more: route)
        #expect(
            mtu.warnings.count == 1 && mtu.warnings[0].contains("1400 counts"),
            "\(mtu.warnings)"
        )
        #expect(load(keys: "", more: route.replacing("1500", with: "1400")).warnings.isEmpty)
    }

    // MARK: - Too much, and what cannot be read

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            String(repeating: "[", count: 100_000),
            String(repeating: "a: {", count: 100_000),
            "services:\n" + String(repeating: "  - {}\n", count: 100_000),
            "services: [{ " + (0..<100_000).map { "key\($0): 1," }.joined() + " }]",
            "x-a: [" + String(repeating: "1,", count: 3_000_000) + "]",
        ]
    )
    func `a file that is too much is refused at once, with its place`(text: String) {
        let errors = load(text).errors
        #expect((1...250).contains(errors.count))
        #expect(errors.allSatisfy { $0.hasPrefix("/e/s/web.yaml:") })
    }

    @Test func `a directory that somebody names has to be there`() {
        let source = MemorySource(["/e/dpvs.conf": ""])
        func load(isNeeded: Bool) -> LoadedConfiguration {
            let services = ConfigurationLoader.Services.directory("/e/none", isNeeded: isNeeded)
            return ConfigurationLoader(conf: "/e/dpvs.conf", services: services).load(source)
        }
        #expect(load(isNeeded: true).hasErrors)
        #expect(!load(isNeeded: false).hasErrors)
        #expect(load(isNeeded: false).diagnostics.map(\.severity) == [.warning])
    }

    /// A place whose files are there, and that cannot open one of them for the moment.
    private struct ShortSource: SourceReader {
        let files: MemorySource
        let short: String

        func check(_ path: String) throws(SourceError) {
            guard path == short else { return }
            throw SourceError(path: path, message: "Too many open files", .passing)
        }
        func read(_ path: String) throws(SourceError) -> [UInt8] {
            try check(path)
            return try files.read(path)
        }
        func glob(_ pattern: String) throws(SourceError) -> [String] {
            try check(pattern)
            return files.glob(pattern)
        }
        func list(_ directory: String) throws(SourceError) -> [String] {
            try check(directory)
            return try files.list(directory)
        }
        func isOutside(_ path: String, of main: String) -> Bool { false }
    }

    @Test(arguments: [
        "/e/dpvs.conf", "/e/parts/*.conf", "/e/parts/a.conf", "/e/s", "/e/s/web.yaml", "none",
    ])
    func `what cannot be read for the moment is an error and no absence`(short: String) {
        let files = MemorySource([
            "/e/dpvs.conf": "include parts/*.conf", "/e/parts/a.conf": "",
            "/e/s/web.yaml": "x-a: 1",
        ])
        var loader = ConfigurationLoader(conf: "/e/dpvs.conf", servicesDirectory: "/e/s")
        for allowsMissingConf in [false, true] {
            loader.allowsMissingConf = allowsMissingConf
            let loaded = loader.load(ShortSource(files: files, short: short))
            #expect(loaded.isPassing == (short != "none"))
            #expect(loaded.hasErrors == (short != "none"))
        }
    }
}
