// SPDX-License-Identifier: Apache-2.0
import Addressing
import Networking
import Testing
import Timing

@testable import Dataplane

@Suite struct OwnAddressesTests {
    private static let start = Instant(nanoseconds: 1_000_000_000)

    private static func ip(_ text: String) -> IPAddress {
        guard let address = IPAddress(text) else { preconditionFailure("no address: \(text)") }
        return address
    }

    private static func own(
        _ text: String,
        on interface: InterfaceID?,
        isProbed: Bool = true
    ) -> OwnAddress {
        OwnAddress(ip(text), prefix: IPPrefix(host: ip(text)), on: interface, isProbed: isProbed)
    }

    private static func holding(_ addresses: OwnAddress...) -> OwnAddresses {
        var own = OwnAddresses()
        _ = own.replace(with: addresses, at: start)
        return own
    }

    @Test func `a probed address is used after a second, an implied one at once`() {
        var own = Self.holding(
            Self.own("2001:db8::1", on: 0),
            Self.own("2001:db8::2", on: nil, isProbed: false)
        )
        #expect(!own.isUsable(Self.ip("2001:db8::1"), on: 0))
        #expect(own.isUsable(Self.ip("2001:db8::2"), on: 0))
        #expect(own.tick(at: Self.start.advanced(by: .milliseconds(999))).isEmpty)
        let proven = own.tick(at: Self.start.advanced(by: .seconds(1)))
        #expect(proven.map(\.address) == [Self.ip("2001:db8::1")])
        #expect(own.isUsable(Self.ip("2001:db8::1"), on: 0))
    }

    @Test func `a duplicate stays unused until its link comes up again`() {
        var own = Self.holding(Self.own("2001:db8::1", on: 0))
        own.refute(Self.ip("2001:db8::1"), on: 0)
        #expect(own.tick(at: Self.start.advanced(by: .seconds(9))).isEmpty)
        #expect(own.duplicates.count == 1 && own.groups(on: 0).isEmpty)
        let later = Self.start.advanced(by: .seconds(10))
        #expect(own.probeAgain(on: 1, at: later).isEmpty)
        #expect(own.probeAgain(on: 0, at: later).count == 1 && own.duplicates.isEmpty)
        #expect(own.tick(at: later.advanced(by: .seconds(1))).count == 1)
    }

    @Test func `what stays keeps its standing, what moves begins anew`() {
        var own = Self.holding(Self.own("2001:db8::1", on: 0), Self.own("2001:db8::2", on: 0))
        let later = Self.start.advanced(by: .seconds(1))
        _ = own.tick(at: later)
        let new = own.replace(
            with: [Self.own("2001:db8::1", on: 0), Self.own("2001:db8::2", on: 1)],
            at: later
        )
        #expect(new.map(\.address) == [Self.ip("2001:db8::2")])
        #expect(own.isUsable(Self.ip("2001:db8::1"), on: 1), "any link will do")
        #expect(!own.isUsable(Self.ip("2001:db8::2"), on: 1))
    }

    @Test func `the same link-local address on two links is two addresses`() {
        var own = Self.holding(Self.own("fe80::1", on: 0), Self.own("fe80::1", on: 1))
        own.refute(Self.ip("fe80::1"), on: 1)
        _ = own.tick(at: Self.start.advanced(by: .seconds(1)))
        #expect(own.isUsable(Self.ip("fe80::1"), on: 0))
        #expect(!own.isUsable(Self.ip("fe80::1"), on: 1))
        #expect(own.onLink(Self.ip("fe80::1"), on: 2) == nil)
    }

    @Test func `groups are those of the addresses of the link, and of every link's`() throws {
        let own = Self.holding(
            Self.own("2001:db8::aa:1", on: 0),
            Self.own("10.0.0.1", on: 0, isProbed: false),
            Self.own("2001:db8::bb:2", on: nil, isProbed: false)
        )
        #expect(
            own.groups(on: 0).map(\.description).sorted() == ["ff02::1:ffaa:1", "ff02::1:ffbb:2"]
        )
        #expect(own.groups(on: 1).map(\.description) == ["ff02::1:ffbb:2"])
        #expect(own.isInGroup(.allNodes, on: 1) && !own.isInGroup(.allRouters, on: 1))
        #expect(own.isInGroup(try #require(IPv6Address("ff02::1:ffaa:1")), on: 0))
    }
}
