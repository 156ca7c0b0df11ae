// SPDX-License-Identifier: Apache-2.0
import Addressing
import LinuxMirror
import Testing

/// Against the kernel, in namespaces of their own; what `ip` sets must be seen within a second.
@Suite(.serialized, .timeLimit(.minutes(1)), .enabled(if: Place.isAllowed))
struct KernelMirrorTests {
    private let name = "dpdk0.kni"

    /// Runs `body` with a mirror that has said what there was.
    private func follow(
        buffer: Int = 1 << 20,
        _ body: (Place, KernelMirror) async throws -> Void
    ) async throws {
        let place = try Place()
        try place.addCompanion(name)
        let mirror = try place.mirror(name, buffer: buffer)
        mirror.start()
        defer { mirror.stop() }
        try #require(await mirror.view { $0.links.map(\.isUp) == [true] } != nil)
        try await body(place, mirror)
    }

    private static func prefixes(_ view: KernelView) -> [String] {
        view.links.flatMap(\.addresses).map(\.prefix.description)
    }

    private static func paths(_ view: KernelView) -> [String] {
        view.links.flatMap(\.routes)
            .map { path in
                "\(path.destination)" + (path.gateway.map { " via \($0)" } ?? "")
                    + (path.metric > 0 ? " metric \(path.metric)" : "")
                    + (path.mtu.map { " mtu \($0)" } ?? "")
            }
    }

    @Test func `addresses of both families come and go`() async throws {
        try await follow { place, mirror in
            try place.ip("address add 10.0.0.1/24 dev \(name)")
            try place.ip("address add 2001:db8::1/64 dev \(name) nodad")
            let both = ["10.0.0.1/24", "2001:db8::1/64"]
            #expect(await mirror.view { Self.prefixes($0) == both } != nil)
            try place.ip("address delete 10.0.0.1/24 dev \(name)")
            #expect(await mirror.view { Self.prefixes($0) == ["2001:db8::1/64"] } != nil)
        }
    }

    @Test func `an address of IPv6 counts when it is proven`() async throws {
        let place = try Place()
        // A pair has a carrier, which duplicate address detection waits for.
        try place.ip("link add \(name) type veth peer name other")
        for end in [name, "other"] { try place.ip("link set \(end) up") }
        let mirror = try place.mirror(name)
        mirror.start()
        defer { mirror.stop() }
        try place.ip("address add 2001:db8::1/64 dev \(name)")
        #expect(await mirror.view { $0.links.first?.isUp == true }.map(Self.prefixes) == [])
        #expect(
            await mirror.view(within: .seconds(4)) { Self.prefixes($0) == ["2001:db8::1/64"] }
                != nil
        )
    }

    @Test func `what a peer or noprefixroute excludes is not on the link`() async throws {
        try await follow { place, mirror in
            try place.ip("address add 10.0.0.1/24 dev \(name) noprefixroute")
            try place.ip("address add 10.0.1.1 peer 10.0.1.2/32 dev \(name)")
            let view = await mirror.view { $0.links.flatMap(\.addresses).count == 2 }
            #expect(view?.links.first?.addresses.map(\.hasNetwork) == [false, false])
            #expect(view.map(Self.paths) == ["10.0.1.2/32"])
        }
    }

    @Test func `routes have gateways, metrics and MTUs`() async throws {
        try await follow { place, mirror in
            try place.ip("address add 10.0.0.1/24 dev \(name)")
            try place.ip("route add default via 10.0.0.254 dev \(name)")
            try place.ip("route add 10.9.0.0/16 via 10.0.0.2 dev \(name) metric 5 mtu 1400")
            try place.ip("route add 10.8.0.0/16 dev \(name)")
            try place.ip("route add blackhole 10.7.0.0/16")
            try place.ip("route add 10.6.0.0/16 dev \(name) table 100")
            try place.ip("link set lo up")
            try place.ip("route add default dev lo metric 9")
            try place.ip("-6 route add 2001:db8:9::/48 via fe80::1 dev \(name)")
            let expected = [
                "0.0.0.0/0 via 10.0.0.254",
                "10.0.0.0/24",
                "10.8.0.0/16",
                "10.9.0.0/16 via 10.0.0.2 metric 5 mtu 1400",
                "2001:db8:9::/48 via fe80::1 metric 1024",
            ]
            #expect(await mirror.view { Self.paths($0) == expected } != nil)
            try place.ip("route replace default via 10.0.0.253 dev \(name)")
            #expect(
                await mirror.view { Self.paths($0).first == "0.0.0.0/0 via 10.0.0.253" } != nil
            )
        }
    }

    private static func neighbours(_ view: KernelView) -> [String] {
        view.links.flatMap(\.neighbours).map { "\($0.address) \($0.macAddress)" }
    }

    @Test func `permanent neighbours of both families come, change and go`() async throws {
        try await follow { place, mirror in
            try place.ip(
                "neighbour add 10.0.0.9 lladdr 02:00:00:00:00:09 nud permanent dev \(name)"
            )
            try place.ip("neighbour add fe80::9 lladdr 02:00:00:00:00:0a nud permanent dev \(name)")
            let both = ["10.0.0.9 02:00:00:00:00:09", "fe80::9 02:00:00:00:00:0a"]
            #expect(await mirror.view { Self.neighbours($0) == both } != nil)
            try place.ip("neighbour change 10.0.0.9 lladdr 02:00:00:00:00:0b dev \(name)")
            #expect(
                await mirror.view {
                    Self.neighbours($0).first == "10.0.0.9 02:00:00:00:00:0b"
                } != nil
            )
            try place.ip("neighbour change fe80::9 nud reachable dev \(name)")
            #expect(
                await mirror.view { Self.neighbours($0) == ["10.0.0.9 02:00:00:00:00:0b"] } != nil
            )
            try place.ip("neighbour delete 10.0.0.9 dev \(name)")
            #expect(await mirror.view { Self.neighbours($0).isEmpty } != nil)
        }
    }

    @Test func `neighbours that the kernel has found out are left alone, and cost nothing`()
        async throws
    {
        try await follow { place, mirror in
            // Each comes, and is stale and gone by itself.
            let reads = mirror.counts.reads
            for last in 10..<60 {
                try place.ip(
                    "neighbour add 10.0.0.\(last) lladdr 02:00:00:00:00:09 nud stale dev \(name)"
                )
            }
            try place.ip(
                "neighbour add 10.0.0.9 lladdr 02:00:00:00:00:09 nud permanent dev \(name)"
            )
            #expect(
                await mirror.view { Self.neighbours($0) == ["10.0.0.9 02:00:00:00:00:09"] } != nil
            )
            #expect(mirror.counts.reads <= reads + 2)
        }
    }

    @Test func `of several next hops the heaviest counts that leaves by a companion`() async throws
    {
        try await follow { place, mirror in
            try place.addCompanion("other")
            try place.ip("address add 10.0.0.1/24 dev \(name)")
            try place.ip("address add 10.1.0.1/24 dev other")
            let hops = [
                "10.0.0.2 dev \(name)", "10.0.0.3 dev \(name) weight 2", "10.1.0.2 dev other",
            ]
            try place.ip(
                "route add 10.9.0.0/16 " + hops.map { "nexthop via \($0)" }.joined(separator: " ")
            )
            let expected = ["10.0.0.0/24", "10.9.0.0/16 via 10.0.0.3"]
            #expect(await mirror.view { Self.paths($0) == expected } != nil)
        }
    }

    @Test func `a thousand routes come and go in few steps`() async throws {
        try await follow { place, mirror in
            try place.ip("address add 10.0.0.1/24 dev \(name)")
            let routes = (0..<1000).map { "10.\(100 + $0 / 250).\($0 % 250).0/24" }
            try place.batch(routes.map { "route add \($0) via 10.0.0.2 dev \(name)" })
            #expect(await mirror.view { Self.paths($0).count == 1001 } != nil)
            try place.ip("route flush via 10.0.0.2")
            #expect(await mirror.view { Self.paths($0) == ["10.0.0.0/24"] } != nil)
            #expect(mirror.counts.changes < 200)
            #expect(mirror.counts.overruns == 0)
        }
    }

    @Test func `lost notifications are made good by reading everything`() async throws {
        try await follow(buffer: 1) { place, mirror in
            try place.ip("address add 10.0.0.1/24 dev \(name)")
            let routes = (0..<1000).map { "10.\(100 + $0 / 250).\($0 % 250).0/24" }
            try place.batch(routes.map { "route add \($0) via 10.0.0.2 dev \(name)" })
            try place.ip("route flush via 10.0.0.2")
            try place.ip("route add 10.9.0.0/16 via 10.0.0.2 dev \(name)")
            let expected = ["10.0.0.0/24", "10.9.0.0/16 via 10.0.0.2"]
            #expect(await mirror.view { Self.paths($0) == expected } != nil)
            #expect(mirror.counts.overruns > 0)
        }
    }

    @Test func `an interface may vanish, come back and be renamed`() async throws {
        try await follow { place, mirror in
            try place.ip("address add 10.0.0.1/24 dev \(name)")
            #expect(await mirror.view { Self.prefixes($0) == ["10.0.0.1/24"] } != nil)
            try place.ip("link delete \(name)")
            #expect(await mirror.view { $0.links.isEmpty } != nil)
            try place.addCompanion("tap9")
            try place.ip("address add 10.0.0.2/24 dev tap9")
            try place.ip("link set tap9 down")
            try place.ip("link set tap9 name \(name)")
            #expect(
                await mirror.view { Self.prefixes($0) == ["10.0.0.2/24"] && !$0.links[0].isUp }
                    != nil
            )
            try place.ip("link set \(name) up mtu 1400")
            #expect(await mirror.view { $0.links[0].isUp && $0.links[0].mtu == 1400 } != nil)
            try place.ip("link set \(name) down")
            try place.ip("link set \(name) name tap9")
            #expect(await mirror.view { $0.links.isEmpty } != nil)
        }
    }

    @Test func `what happens on other interfaces is not read`() async throws {
        try await follow { place, mirror in
            try place.addCompanion("other")
            try place.ip("address add 10.1.0.1/24 dev other")
            let reads = mirror.counts.reads
            try place.batch((0..<100).map { "route add 10.9.\($0).0/24 via 10.1.0.2 dev other" })
            try place.ip("address add 10.0.0.1/24 dev \(name)")
            #expect(await mirror.view { Self.prefixes($0) == ["10.0.0.1/24"] } != nil)
            #expect(mirror.counts.reads <= reads + 2)
        }
    }

    @Test func `other names are followed when they are set, and the same are told anew`()
        async throws
    {
        try await follow { place, mirror in
            try place.addCompanion("other")
            try place.ip("address add 10.1.0.1/24 dev other")
            mirror.follow([name, "other"])
            #expect(await mirror.view { Self.prefixes($0) == ["10.1.0.1/24"] } != nil)
            mirror.follow([name, "other"])
            #expect(await mirror.view { Self.prefixes($0) == ["10.1.0.1/24"] } != nil)
            mirror.follow([name])
            #expect(await mirror.view { $0.links.map(\.name) == [name] } != nil)
            try place.ip("address add 10.0.0.1/24 dev \(name)")
            #expect(await mirror.view { Self.prefixes($0) == ["10.0.0.1/24"] } != nil)
        }
    }

    @Test func `the views end with stop`() async throws {
        let place = try Place()
        let mirror = try place.mirror(name)
        mirror.start()
        mirror.stop()
        for await view in mirror.views { #expect(view == KernelView()) }
    }
}
