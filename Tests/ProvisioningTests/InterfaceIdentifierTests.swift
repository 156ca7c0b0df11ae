// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import Networking
import PacketTesting
import Testing

@testable import Provisioning

@Suite struct InterfaceIdentifierTests {
    private static let mac = MACAddress(rawValue: 0x3456_789A_BCDE)
    private static let interfaces = [
        Interface(name: "dpdk0", id: 0, mtu: 1500, macAddress: mac),
        Interface(name: "dpdk1", id: 1, mtu: 1500, macAddress: mac),
    ]

    private static func settings(_ mode: String, secret: String? = nil) -> Settings {
        var settings = Settings()
        settings.items["ipv6_defs.addr_gen_mode"] = .text(mode)
        settings.items["ipv6_defs.stable_secret"] = secret.map { .text($0) }
        return settings
    }

    @Test func `EUI-64 is the example of RFC 4291 appendix A`() {
        // 34-56-78-9A-BC-DE becomes 36-56-78-FF-FE-9A-BC-DE.
        #expect(InterfaceIdentifier.eui64(Self.mac) == 0x3656_78FF_FE9A_BCDE)
        let address = LinkLocalAddresses()
            .address(of: Self.interfaces[0], Settings(), taken: [])
        #expect(address?.description == "fe80::3656:78ff:fe9a:bcde", "EUI-64 is the default")
    }

    @Test func `stable addresses outlive a restart, and differ by interface and secret`() {
        func address(_ interface: Int, _ secret: String) -> IPv6Address? {
            LinkLocalAddresses()
                .address(
                    of: Self.interfaces[interface],
                    Self.settings("stable-privacy", secret: secret),
                    taken: []
                )
        }
        #expect(address(0, "one") == address(0, "one"))
        #expect(Set([address(0, "one"), address(1, "one"), address(0, "two")]).count == 3)
        #expect(address(0, "one")?.isLinkLocal == true)
    }

    @Test func `after a duplicate stable-privacy makes another one, a few times`() throws {
        let source = LinkLocalAddresses()
        let settings = Self.settings("stable-privacy", secret: "one")
        var taken: Set<IPAddress> = []
        for _ in 0..<4 {
            let next = try #require(source.address(of: Self.interfaces[0], settings, taken: taken))
            #expect(taken.insert(.v6(next)).inserted)
        }
        #expect(source.address(of: Self.interfaces[0], settings, taken: taken) == nil)
    }

    @Test func `random addresses last as long as the program and no longer`() {
        let settings = Self.settings("random")
        let first = LinkLocalAddresses()
        let second = LinkLocalAddresses()
        let interface = Self.interfaces[0]
        #expect(
            first.address(of: interface, settings, taken: [])
                == first.address(of: interface, settings, taken: [])
        )
        #expect(
            first.address(of: interface, settings, taken: [])
                != second.address(of: interface, settings, taken: [])
        )
    }

    @Test func `without a mode, a MAC address or a sufficient MTU there is none`() {
        let source = LinkLocalAddresses()
        let small = Interface(name: "dpdk0", id: 0, mtu: 1279, macAddress: Self.mac)
        let unnamed = Interface(name: "dpdk0", id: 0, mtu: 1500)
        #expect(source.address(of: Self.interfaces[0], Self.settings("none"), taken: []) == nil)
        #expect(source.address(of: small, Settings(), taken: []) == nil)
        #expect(source.address(of: unnamed, Settings(), taken: []) == nil)
    }

    @Test(
        arguments: [
            (0, true), (1, false), (0xFDFF_FFFF_FFFF_FF7F, false), (0xFDFF_FFFF_FFFF_FF80, true),
            (0xFDFF_FFFF_FFFF_FFFF, true), (0xFE00_0000_0000_0000, false),
        ] as [(UInt64, Bool)]
    )
    func `identifiers of anycast groups are never made`(identifier: UInt64, isReserved: Bool) {
        #expect(InterfaceIdentifier.isReserved(identifier) == isReserved)
    }
}
