// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketTesting
import Testing

@Suite struct IPv4AddressTests {
    @Test(
        arguments: [
            ("0.0.0.0", 0),
            ("10.0.0.1", 0x0A00_0001),
            ("127.255.0.9", 0x7FFF_0009),
            ("192.168.1.200", 0xC0A8_01C8),
            ("255.255.255.255", .max),
        ] as [(String, UInt32)]
    )
    func `four decimal numbers are an address, and are printed the same`(
        text: String,
        value: UInt32
    ) {
        #expect(IPv4Address(text)?.rawValue == value)
        #expect(IPv4Address(rawValue: value).description == text)
    }

    @Test(arguments: [
        "", ".", "...", "1", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.", "1.2.3.4.5",
        "256.0.0.1", "1.2.3.999", "1.2.3.4294967297", "01.2.3.4", "1.2.3.00", "010.0.0.1",
        "+1.2.3.4", "-1.2.3.4", "1.2.3.-0", "0x1.2.3.4", "1.2.3.a", " 1.2.3.4", "1.2.3.4 ",
        "1.2. 3.4", "1.2.3.4\n", "1.2.3.4%eth0", "1.2.3.4/32", "1,2,3,4", "1.2.3.4\u{0}",
        "\u{661}.2.3.4", "1.2.3.4\u{301}", "::1",
    ])
    func `anything else is refused`(text: String) {
        #expect(IPv4Address(text) == nil)
    }

    @Test func `octets stand from left to right`() {
        #expect(IPv4Address(1, 2, 3, 4).rawValue == 0x0102_0304)
        #expect(IPv4Address(1, 2, 3, 4) == IPv4Address("1.2.3.4"))
        #expect(IPv4Address.any.description == "0.0.0.0")
        #expect(IPv4Address.broadcast.description == "255.255.255.255")
    }

    @Test(arguments: [
        ("223.255.255.255", false), ("224.0.0.0", true), ("239.255.255.255", true),
        ("240.0.0.0", false),
    ])
    func `multicast is 224 to 239`(text: String, isMulticast: Bool) throws {
        #expect(try #require(IPv4Address(text)).isMulticast == isMulticast)
    }

    @Test(arguments: [
        ("126.255.255.255", false), ("127.0.0.0", true), ("127.255.255.255", true),
        ("128.0.0.0", false),
    ])
    func `loopback is all of 127`(text: String, isLoopback: Bool) throws {
        #expect(try #require(IPv4Address(text)).isLoopback == isLoopback)
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `what is printed is read again`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            let address = IPv4Address(rawValue: .random(in: 0...(.max), using: &random))
            #expect(IPv4Address(address.description) == address, "seed \(seed)")
        }
    }

    @Test(arguments: [3, 4] as [UInt64])
    func `whatever is read is printed as it was written`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let alphabet = "0123456789....:-+x "
        var read = 0
        for _ in 0..<20_000 {
            let text = random.text(of: alphabet, upTo: 15)
            guard let address = IPv4Address(text) else { continue }
            read += 1
            #expect(address.description == text, "seed \(seed)")
        }
        #expect(read > 0)
    }

    @Test func `order is that of the numbers`() {
        #expect(IPv4Address(9, 255, 255, 255) < IPv4Address(10, 0, 0, 0))
        #expect(IPv4Address(127, 0, 0, 1) < IPv4Address(128, 0, 0, 0))
        #expect(!(IPv4Address.any < .any))
    }
}
