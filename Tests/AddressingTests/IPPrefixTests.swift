// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketTesting
import Testing

@Suite struct IPPrefixTests {
    @Test(arguments: [
        ("10.0.0.1/24", "10.0.0.1/24", "10.0.0.0/24"),
        ("10.0.0.1", "10.0.0.1/32", "10.0.0.1/32"),
        ("10.255.3.1/0", "10.255.3.1/0", "0.0.0.0/0"),
        ("10.255.3.1/9", "10.255.3.1/9", "10.128.0.0/9"),
        ("2001:DB8::1/32", "2001:db8::1/32", "2001:db8::/32"),
        ("::1", "::1/128", "::1/128"),
        ("ffff::/1", "ffff::/1", "8000::/1"),
        ("1:2:3:4:5:6:7:8/64", "1:2:3:4:5:6:7:8/64", "1:2:3:4::/64"),
        ("1:2:3:4:5:6:7:8/65", "1:2:3:4:5:6:7:8/65", "1:2:3:4::/65"),
        ("::ffff:ffff:ffff:ffff/66", "::ffff:ffff:ffff:ffff/66", "::c000:0:0:0/66"),
        ("1:2:3:4:5:6:7:8/0", "1:2:3:4:5:6:7:8/0", "::/0"),
    ])
    func `a prefix keeps its host bits, its network does not`(
        written: String,
        printed: String,
        network: String
    ) throws {
        let prefix = try #require(IPPrefix(written))
        #expect(prefix.description == printed)
        #expect(prefix.network.description == network)
        #expect(prefix.network.network == prefix.network)
        #expect(IPPrefix(printed) == prefix)
    }

    @Test(arguments: [
        "", "/", "/24", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08",
        "10.0.0.0/8/8", "10.0.0.0//8", "10.0.0/8", "10.0.0.0/255.0.0.0", "10.0.0.0 /8",
        "10.0.0.0/ 8", "::/129", "::/00", "fe80::1%eth0/64", "::/9223372036854775808",
    ])
    func `anything else is refused`(text: String) {
        #expect(IPPrefix(text) == nil)
    }

    @Test(arguments: [
        ("10.1.0.0/16", "10.1.0.0", "10.1.255.255"),
        ("10.1.2.3/32", "10.1.2.3", "10.1.2.3"),
        ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
        ("10.0.0.5/31", "10.0.0.4", "10.0.0.5"),
        ("2001:db8::/127", "2001:db8::", "2001:db8::1"),
        ("2001:db8::/64", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"),
        ("2001:db8::/63", "2001:db8::", "2001:db8:0:1:ffff:ffff:ffff:ffff"),
        ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ])
    func `bounds are the first and the last address`(
        text: String,
        first: String,
        last: String
    ) throws {
        let bounds = try #require(IPPrefix(text)).bounds
        #expect(bounds.lowerBound.description == first)
        #expect(bounds.upperBound.description == last)
    }

    @Test(arguments: [("10.0.0.0", 33), ("10.0.0.0", -1), ("::", 129), ("::", -1)])
    func `no family has more bits than its addresses`(text: String, length: Int) throws {
        #expect(IPPrefix(try #require(IPAddress(text)), length: length) == nil)
    }

    @Test func `families do not contain each other`() throws {
        let everyone = IPPrefix.any(.ipv4)
        #expect(everyone.contains(.v4(.broadcast)) && !everyone.contains(.v6(.any)))
        #expect(IPPrefix.any(.ipv6).contains(.v6(.loopback)))
        #expect(!IPPrefix.any(.ipv6).contains(.v4(.any)))
        #expect(IPPrefix.any(.ipv4).description == "0.0.0.0/0")
        #expect(IPPrefix.any(.ipv6).description == "::/0")
    }

    @Test func `a host prefix holds one address`() {
        let host = IPPrefix(host: .v4(IPv4Address(10, 0, 0, 1)))
        #expect(host.isHost && host.length == 32)
        #expect(host.contains(.v4(IPv4Address(10, 0, 0, 1))))
        #expect(!host.contains(.v4(IPv4Address(10, 0, 0, 2))))
        #expect(!IPPrefix.any(.ipv6).isHost && IPPrefix(host: .v6(.any)).length == 128)
    }

    @Test(arguments: AddressFamily.allCases, [1, 2] as [UInt64])
    func `an address is inside exactly when it is within the bounds`(
        family: AddressFamily,
        seed: UInt64
    ) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<3_000 {
            let address = Self.address(family, using: &random)
            let length = Int.random(in: 0...family.width, using: &random)
            let prefix = try #require(IPPrefix(address, length: length))
            #expect(prefix.contains(address) && prefix.network.contains(address))
            #expect(IPPrefix(prefix.description) == prefix, "seed \(seed)")
            #expect(prefix.bounds == prefix.network.bounds)
            let other = Self.address(family, using: &random)
            #expect(
                prefix.contains(other) == prefix.bounds.contains(other),
                "seed \(seed): \(other) in \(prefix)"
            )
        }
    }

    @Test func `order is by address, then by length`() throws {
        let texts = ["10.0.0.0/8", "10.0.0.0/16", "10.0.0.1/8", "11.0.0.0/8", "::/0", "::1/128"]
        let prefixes = try texts.map { try #require(IPPrefix($0)) }
        #expect(prefixes.reversed().sorted() == prefixes)
    }

    /// Mostly zero bits, so that short prefixes meet.
    private static func address(
        _ family: AddressFamily,
        using random: inout SeededGenerator
    ) -> IPAddress {
        let bits = random.next() & random.next() & random.next()
        switch family {
        case .ipv4: return .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: bits)))
        case .ipv6: return .v6(IPv6Address(high: bits, low: random.next() & random.next()))
        }
    }
}
