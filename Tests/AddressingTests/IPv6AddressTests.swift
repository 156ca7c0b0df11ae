// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketTesting
import Testing

@Suite struct IPv6AddressTests {
    /// RFC 5952: what people write, and the one form in which it is printed.
    @Test(arguments: [
        // Section 4.1: leading zeros go.
        ("2001:0db8:0000:0001:0001:0001:0001:0001", "2001:db8:0:1:1:1:1:1"),
        ("2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"),
        // Section 4.2.1: "::" shortens as much as it can.
        ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
        ("2001:db8::0:1", "2001:db8::1"),
        ("0:0:0:0:0:0:0:0", "::"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("1:0:0:0:0:0:0:0", "1::"),
        // Section 4.2.2: one group alone is not shortened.
        ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        // Section 4.2.3: the longest run, and of equal ones the first.
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("0:0:1:0:0:1:0:0", "::1:0:0:1:0:0"),
        ("1:0:0:2:0:0:0:0", "1:0:0:2::"),
        // Section 4.3: lowercase.
        ("2001:DB8:ABCD:EF01:2345:6789:Abcd:eF01", "2001:db8:abcd:ef01:2345:6789:abcd:ef01"),
        // Section 5: an IPv4 tail is read anywhere and written after ::ffff.
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("::192.0.2.33", "::c000:221"),
        ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ("::FFFF:c000:0221", "::ffff:192.0.2.33"),
        ("0:0:0:0:0:ffff:192.0.2.33", "::ffff:192.0.2.33"),
        ("::ffff:0:0", "::ffff:0.0.0.0"),
    ])
    func `every form is read and one is printed`(written: String, printed: String) throws {
        let address = try #require(IPv6Address(written))
        #expect(address.description == printed)
        #expect(IPv6Address(printed) == address)
    }

    @Test(arguments: [
        "", ":", ":::", "::::", "1", "1:", ":1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8:", ":1:2:3:4:5:6:7:8", "1::2::3", "::1::", "1:::2", "::1:", ":1::",
        "1:2:3:4::5:6:7:8", "::1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8::", "12345::", "::00001",
        "g::", "::-1", "::-0", "-0::", "+1::", "::0x1", "1 ::", " ::1", "::1 ", "::1\n",
        "fe80::1%eth0", "fe80::1%1", "::1%", "::1/128", "[::1]", "::1.2.3", "::1.2.3.4.5",
        "::1.2.3.256", "::01.2.3.4", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:1.2.3.4", "1.2.3.4", "::\u{661}", "::1\u{301}", "::\u{FF11}",
    ])
    func `anything else is refused`(text: String) {
        #expect(IPv6Address(text) == nil)
    }

    @Test func `groups stand from left to right`() {
        let address = IPv6Address(high: 0x0001_0002_0003_0004, low: 0x0005_0006_0007_FFFF)
        #expect(address.groups == [1, 2, 3, 4, 5, 6, 7, 0xFFFF])
        #expect(address.description == "1:2:3:4:5:6:7:ffff")
    }

    @Test(arguments: [("ff00::", true), ("ff02::1", true), ("feff::", false), ("::ff", false)])
    func `multicast begins with ff`(text: String, isMulticast: Bool) throws {
        #expect(try #require(IPv6Address(text)).isMulticast == isMulticast)
    }

    @Test(arguments: [
        ("fe80::1", true), ("febf:ffff::", true), ("fec0::", false), ("fe7f::", false),
    ])
    func `link-local is fe80 with ten bits`(text: String, isLinkLocal: Bool) throws {
        #expect(try #require(IPv6Address(text)).isLinkLocal == isLinkLocal)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `what is printed is read again`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let address = Self.address(using: &random)
            let text = address.description
            #expect(IPv6Address(text) == address, "seed \(seed): \(text)")
            let full = address.groups.map { String($0, radix: 16) }.joined(separator: ":")
            #expect(IPv6Address(full.uppercased()) == address, "seed \(seed): \(full)")
            #expect(
                text.utf8.count <= full.utf8.count || text.contains("."),
                "seed \(seed): \(text)"
            )
        }
    }

    @Test(arguments: [4, 5] as [UInt64])
    func `no text traps`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let alphabet = "0123456789abcdefF::::::..%-+ "
        for _ in 0..<20_000 {
            let text = random.text(of: alphabet, upTo: 24)
            guard let address = IPv6Address(text) else { continue }
            #expect(IPv6Address(address.description) == address, "seed \(seed): \(text)")
        }
    }

    @Test func `order is that of the numbers`() {
        #expect(IPv6Address(high: 0, low: .max) < IPv6Address(high: 1, low: 0))
        #expect(IPv6Address(high: 1, low: 1) < IPv6Address(high: 1, low: 2))
        #expect(!(IPv6Address.loopback < .loopback))
    }

    /// Half of the groups are zero, so that there are runs to shorten.
    private static func address(using random: inout SeededGenerator) -> IPv6Address {
        func half() -> UInt64 {
            (0..<4)
                .reduce(0) { value, _ in
                    let group = UInt64.random(in: 0...0xFFFF, using: &random)
                    return value << 16 | (Bool.random(using: &random) ? group : 0)
                }
        }
        let high = half()
        return IPv6Address(high: high, low: half())
    }
}
