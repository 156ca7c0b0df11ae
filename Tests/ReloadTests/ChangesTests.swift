// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import PacketTesting
import Reload
import Testing

struct ChangesTests {
    @Test(arguments: 0..<UInt64(300))
    func `there are changes exactly between states that differ, and each says something`(
        seed: UInt64
    ) {
        var generator = SeededGenerator(seed: seed)
        let (a, b) = (DesiredState.random(&generator), DesiredState.random(&generator))
        let changes = a.changes(to: b)
        #expect(changes.isEmpty == (a == b))
        for change in changes {
            if case .changed(let fields) = change.verb { #expect(!fields.isEmpty) }
        }
        #expect(a.changes(to: a) == [] && b.changes(to: b) == [])
    }

    @Test(arguments: 0..<UInt64(50))
    func `what is added one way is removed the other way`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let (a, b) = (DesiredState.random(&generator), DesiredState.random(&generator))
        func subjects(_ changes: [Change], _ isWanted: (Change.Verb) -> Bool) -> [String] {
            changes.filter { isWanted($0.verb) }.map { "\($0.subject.kind) \($0.subject.key)" }
                .sorted()
        }
        let added = subjects(a.changes(to: b)) { if case .added = $0 { true } else { false } }
        #expect(added == subjects(b.changes(to: a)) { $0 == .removed })
    }

    /// A property that no field is about would change without anybody saying so.
    @Test func `fields are about everything that an object stores`() throws {
        func check<Object: ConfigurationObject>(_ object: Object) {
            let schema = Object.schema
            let described = schema.keyProperties.union(schema.fields.map(\.property))
                .union(schema.part.map { [$0.property] } ?? []).union(["owner"])
            let stored = Set(Mirror(reflecting: object).children.compactMap(\.label))
            #expect(stored == described, "\(Object.self)")
        }
        check(VLANInterface(name: "a", link: "b", id: 1))
        check(TunnelInterface(name: "a", kind: .gre, remote: nil))
        check(InterfaceAddress(interface: "a", prefix: .any(.ipv4)))
        check(Route(destination: .any(.ipv4)))
        check(Neighbour(interface: "a", address: .v4(IPv4Address(10, 0, 0, 1)), macAddress: .zero))
        check(Service.sample())
        let backend = try #require(Service.sample().backends.first)
        let part = try #require(Service.schema.part)
        let stored = Set(Mirror(reflecting: backend).children.compactMap(\.label))
        #expect(stored == Set(part.fields.map(\.property)).union(["endpoint"]))
    }

    @Test func `fields of nested values are all told`() {
        func differences<Value>(_ value: Value, _ known: Set<String>) {
            let stored = Set(Mirror(reflecting: value).children.compactMap(\.label))
            #expect(stored == known)
        }
        differences(SchedulerOptions(), ["flags", "hashTarget", "maglevTableSize"])
        differences(
            Protection(),
            [
                "maxConnections", "rateLimit", "packetShare", "expiresQuiescent", "drainTimeout",
                "destCheck", "healthCheck", "healthPanic",
            ]
        )
        differences(RateLimit(), ["connections", "packets", "bits"])
    }

    @Test func `a value that is the same by default and by word is told as that`() {
        var new = Service.sample()
        new.clientAddress = .toa
        #expect(
            sentences(.sample(), new) == [
                "service web (tcp 10.0.0.100:80): client address still toa, said otherwise"
            ]
        )
    }

    @Test func `keys of QUIC are not told`() throws {
        func service(_ digit: String) throws -> Service {
            var service = Service.sample()
            let key = try #require(QUICKey(hexadecimal: String(repeating: digit, count: 32)))
            service.quic = QUICOptions(
                configurations: [.init(id: 0, serverIDLength: 4, nonceLength: 4, key: key)]
            )
            return service
        }
        #expect(
            try sentences(service("a"), service("b")) == [
                "service web (tcp 10.0.0.100:80): quic keys changed"
            ]
        )
    }

    @Test func `a field is taken over by itself`() {
        var (file, edit) = (Service.sample(), Service.sample())
        edit.scheduler = .wrr
        edit.protection.maxConnections = 7
        for field in Service.schema.fields where field.name == "max connections" {
            field.take(from: edit, into: &file)
        }
        #expect(file.protection.maxConnections == 7 && file.scheduler == .rr)
    }

    private func sentences(_ old: Service?, _ new: Service?) -> [String] {
        DesiredState(services: old.map { [$0] } ?? [])
            .changes(to: DesiredState(services: new.map { [$0] } ?? []))
            .map(\.description)
    }

    @Test func `a weight is one change of one backend`() {
        #expect(
            sentences(.sample(weights: [1, 1, 100]), .sample(weights: [1, 1, 50])) == [
                "service web (tcp 10.0.0.100:80): backend 10.0.1.3:80 weight 100 → 50"
            ]
        )
    }

    @Test func `a new backend comes before an old one goes`() {
        var new = Service.sample(weights: [1, 1])
        new.backends.removeFirst()
        #expect(
            sentences(.sample(weights: [1]), new) == [
                "service web (tcp 10.0.0.100:80): backend 10.0.1.2:80 weight 1 added",
                "service web (tcp 10.0.0.100:80): backend 10.0.1.1:80 removed",
            ]
        )
    }

    @Test func `attributes that differ are one sentence`() {
        var new = Service.sample(owner: .runtime)
        new.scheduler = .wrr
        new.connectionTimeout = .seconds(30)
        new.clientAddress = .proxyV2
        #expect(
            sentences(.sample(), new) == [
                "service web (tcp 10.0.0.100:80): scheduler rr → wrr, "
                    + "connection timeout (none) → 30s, "
                    + "client address toa → proxy-v2, owner web.yaml → runtime"
            ]
        )
    }

    @Test func `services come and go by name`() {
        #expect(
            sentences(nil, .sample(weights: [1, 2])) == [
                "service web (tcp 10.0.0.100:80) added with 2 backends"
            ]
        )
        #expect(sentences(.sample(), nil) == ["service web (tcp 10.0.0.100:80) removed"])
    }

    @Test func `a service in front of others moves none of them`() {
        let old = DesiredState.services(.sample("b", port: 2), .sample("c", port: 3))
        let new = DesiredState(services: [.sample("a", port: 1)] + old.services)
        #expect(
            old.changes(to: new).map(\.description) == [
                "service a (tcp 10.0.0.100:1) added with 1 backend"
            ]
        )
    }

    @Test func `an item shows its default where the file says nothing`() {
        var new = DesiredState()
        new.settings.items["netif_defs.pktpool_size"] = .integer(1023)
        #expect(
            DesiredState().changes(to: new).map(\.description) == [
                "netif_defs.pktpool_size: 65535 → 1023"
            ]
        )
    }

    @Test func `what a service stands on comes first and goes last`() {
        let address = InterfaceAddress(
            interface: "eth0",
            prefix: IPPrefix(host: .v4(IPv4Address(10, 0, 0, 100)))
        )
        let route = Route(destination: .any(.ipv4), interface: "eth0")
        let full = DesiredState(addresses: [address], routes: [route], services: [.sample()])
        let up = DesiredState().changes(to: full).map(\.description)
        #expect(
            up == [
                "address 10.0.0.100/32 on eth0 added",
                "route 0.0.0.0/0 on eth0 added",
                "service web (tcp 10.0.0.100:80) added with 1 backend",
            ]
        )
        let down = full.changes(to: DesiredState()).map(\.description)
        #expect(
            down == [
                "service web (tcp 10.0.0.100:80) removed",
                "route 0.0.0.0/0 on eth0 removed",
                "address 10.0.0.100/32 on eth0 removed",
            ]
        )
    }
}
