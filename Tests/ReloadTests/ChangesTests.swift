// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import PacketTesting
import Reload
import Testing

struct ChangesTests {
    @Test(arguments: 0..<UInt64(300))
    func `the changes from a to b make b of a`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let (a, b) = (DesiredState.random(&generator), DesiredState.random(&generator))
        #expect(apply(changes(from: a, to: b), to: a) == b)
    }

    @Test(arguments: 0..<UInt64(50))
    func `equal states have no changes between them`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let state = DesiredState.random(&generator)
        #expect(changes(from: state, to: state) == [])
    }

    @Test(arguments: 0..<UInt64(50))
    func `no key stands twice in any state on the way`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var state = DesiredState.random(&generator)
        for change in changes(from: state, to: .random(&generator)) {
            change.apply(to: &state)
            #expect(Set(state.services.map(\.key)).count == state.services.count)
            #expect(Set(state.routes.map(\.key)).count == state.routes.count)
            #expect(Set(state.addresses.map(\.key)).count == state.addresses.count)
        }
    }

    private func sentences(_ old: Service?, _ new: Service?) -> [String] {
        changes(
            from: DesiredState(services: old.map { [$0] } ?? []),
            to: DesiredState(services: new.map { [$0] } ?? [])
        )
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
                    + "connection timeout (none) → 30.0 seconds, "
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
            changes(from: old, to: new).map(\.description) == [
                "service a (tcp 10.0.0.100:1) added with 1 backend"
            ]
        )
    }

    @Test func `an item shows its default where the file says nothing`() {
        var new = DesiredState()
        new.settings.items["netif_defs.pktpool_size"] = .integer(1023)
        #expect(
            changes(from: DesiredState(), to: new).map(\.description) == [
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
        let up = changes(from: DesiredState(), to: full).map(\.description)
        #expect(
            up == [
                "address 10.0.0.100/32 on eth0 added",
                "route 0.0.0.0/0 on eth0 added",
                "service web (tcp 10.0.0.100:80) added with 1 backend",
            ]
        )
        let down = changes(from: full, to: DesiredState()).map(\.description)
        #expect(
            down == [
                "service web (tcp 10.0.0.100:80) removed",
                "route 0.0.0.0/0 on eth0 removed",
                "address 10.0.0.100/32 on eth0 removed",
            ]
        )
    }
}
