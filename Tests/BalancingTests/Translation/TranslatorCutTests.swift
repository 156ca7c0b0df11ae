// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

/// What is translated to IPv6 and longer than a link takes.
@Suite struct TranslatorCutTests {
    /// The IPv6 fragments that `packet`, of a backend, becomes on a link that takes `mtu` octets.
    private func translate(_ packet: IPPacket, mtu: UInt16) throws -> [IPPacket] {
        let buffer = RoomyBuffer(packet.frame())
        try #require(NAT64.toIPv6(buffer, mtu: mtu) == .fragmentAfter(limit: mtu))
        let frames = try #require(FragmentCutTests.cut(buffer.octets, limit: Int(mtu)))
        #expect(frames.allSatisfy { $0.count - 14 <= Int(mtu) })
        return try frames.map { try #require(IPPacket(frame: $0)) }
    }

    @Test(arguments: [1280, 1300, 1400, 1428] as [UInt16], [17, 6, 1] as [UInt8])
    func `without DF it goes in fragments that are the whole, checksum included`(
        mtu: UInt16,
        number: UInt8
    ) throws {
        let data = (0..<1_400).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let transport =
            switch number {
            case 6: IPPacket.tcp(1, 2, data)
            case 17: IPPacket.udp(1, 2, data)
            default: IPPacket.icmp(0, rest: 0x0101_0001, data)
            }
        let packet = NAT64.v4(number, transport) { $0.identification = 0x1234 }
        let parts = try translate(packet, mtu: mtu)
        #expect(parts.count == 2 && parts.allSatisfy { $0.identification == 0x1234 })
        let whole = try #require(IPPacket(reassembling: parts))
        #expect(whole.transportChecksum == 0 && Array(whole.payload.suffix(1_400)) == data)
    }

    @Test func `a datagram without a checksum gets that of the whole`() throws {
        var packet = NAT64.v4(17, IPPacket.udp(1, 2, .init(repeating: 7, count: 1_401)))
        packet.payload[6] = 0
        packet.payload[7] = 0
        let whole = try #require(IPPacket(reassembling: try translate(packet, mtu: 1_400)))
        #expect(whole.transportChecksum == 0 && whole.payload[6] != 0)
    }

    @Test(arguments: [true, false])
    func `a fragment is cut into smaller ones of the same datagram`(hasMore: Bool) throws {
        let packet = NAT64.v4(17, .init(repeating: 1, count: 1_480)) { packet in
            packet.hasMore = hasMore
            packet.fragmentOffset = 2_960
            packet.identification = 9
        }
        let parts = try translate(packet, mtu: 1_280)
        #expect(parts.map(\.fragmentOffset) == [2_960, 2_960 + 1_232])
        #expect(
            parts.map(\.hasMore) == [true, hasMore] && parts.allSatisfy { $0.identification == 9 }
        )
        #expect(parts.flatMap(\.payload).count == 1_480)
    }
}
