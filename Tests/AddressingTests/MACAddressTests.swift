// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketTesting
import Testing

@Suite struct MACAddressTests {
    @Test(
        arguments: [
            ("00:00:00:00:00:00", 0),
            ("02:00:00:00:00:01", 0x0200_0000_0001),
            ("02-00-00-00-00-0a", 0x0200_0000_000A),
            ("AA:bb:Cc:dD:EE:ff", 0xAABB_CCDD_EEFF),
            ("ff:ff:ff:ff:ff:ff", 0xFFFF_FFFF_FFFF),
        ] as [(String, UInt64)]
    )
    func `six octets in hexadecimal are an address`(text: String, value: UInt64) throws {
        let address = try #require(MACAddress(text))
        #expect(address.rawValue == value)
        #expect(address.description == text.lowercased().replacing("-", with: ":"))
    }

    @Test(arguments: [
        "", ":", "02:00:00:00:00", "02:00:00:00:00:01:02", "2:0:0:0:0:1", "02:00:00:00:00:1",
        "002:00:00:00:00:01", "02:00:00:00:00:0g", "02:00:00:00:00:+1", "0200.0000.0001",
        "020000000001", ":02:00:00:00:01", "02:00:00:00:00:", "02 00 00 00 00 01",
        "02:00:00:00:00:01 ", "02:00-00:00:00:01", "02:00:00:00:00:0\u{661}",
    ])
    func `anything else is refused`(text: String) {
        #expect(MACAddress(text) == nil)
    }

    @Test func `only 48 bits count`() {
        #expect(MACAddress(rawValue: .max) == .broadcast)
        #expect(MACAddress(rawValue: 1 << 48) == .zero)
    }

    @Test(arguments: [
        ("01:00:5e:00:00:01", true), ("ff:ff:ff:ff:ff:ff", true), ("02:00:00:00:00:01", false),
        ("fe:ff:ff:ff:ff:ff", false),
    ])
    func `the group bit is the lowest of the first octet`(text: String, isMulticast: Bool) throws {
        #expect(try #require(MACAddress(text)).isMulticast == isMulticast)
    }

    @Test func `what is printed is read again`() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<2_000 {
            let address = MACAddress(rawValue: random.next())
            #expect(MACAddress(address.description) == address)
        }
    }
}
