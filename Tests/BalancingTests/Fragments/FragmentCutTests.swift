// SPDX-License-Identifier: Apache-2.0
import Packet
import PacketTesting
import Testing

@testable import Balancing

@Suite struct FragmentCutTests {
    /// The frames that `frame` is cut into; nil when it cannot be.
    static func cut(
        _ frame: [UInt8],
        limit: Int,
        at networkOffset: Int = 14
    ) -> [[UInt8]]? {
        let buffer = RoomyBuffer(frame, headroom: 128, tailroom: 0)
        let made = FragmentCut(
            buffer.bytes,
            networkOffset: networkOffset,
            limit: UInt16(limit),
            identification: 0xABCD_1234
        )
        guard var cut = made else { return nil }
        var frames: [[UInt8]] = []
        while !cut.isAtLast {
            let fresh = RoomyBuffer(headroom: 128, tailroom: 2048)
            guard unsafe cut.write(into: fresh.buffer, from: buffer.bytes), fresh.isIntact else {
                return nil
            }
            frames.append(fresh.octets)
        }
        unsafe cut.shorten(buffer.buffer)
        #expect(buffer.isIntact)
        return frames + [buffer.octets]
    }

    private static func packet(_ length: Int, isIPv6: Bool = false) -> IPPacket {
        let data = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let payload = IPPacket.udp(5000, 80, data)
        let packet =
            isIPv6
            ? IPPacket(from: "2001:db8::c", to: "2001:db8::64", 17, payload)
            : IPPacket(from: "192.0.2.12", to: "192.0.2.100", 17, payload)
        var numbered = packet.withChecksum
        numbered.identification = isIPv6 ? 0xABCD_1234 : 7
        return numbered
    }

    @Test(arguments: 68...1500)
    func `fragments are the original again at every MTU`(mtu: Int) throws {
        for length in [mtu - 27, 1473, 1999] where length + 28 > mtu {
            let packet = Self.packet(length)
            let frames = try #require(Self.cut(packet.frame(padding: 3), limit: mtu))
            let parts = frames.compactMap { IPPacket(frame: $0) }
            #expect(frames.allSatisfy { $0.count <= mtu + 14 } && parts.count == frames.count)
            #expect(parts.dropLast().allSatisfy { $0.payload.count % 8 == 0 && $0.hasMore })
            #expect(parts.dropLast().allSatisfy { $0.payload.count + 8 + 20 > mtu })
            #expect(parts.first?.fragmentOffset == 0, "the first one goes first")
            let whole = try #require(IPPacket(reassembling: parts))
            #expect(whole.octets == packet.octets)
        }
    }

    @Test(arguments: [1280, 1281, 1400, 1500])
    func `headers of our own are cut in IPv6, too`(mtu: Int) throws {
        let packet = Self.packet(1700, isIPv6: true)
        let frames = try #require(Self.cut(packet.frame(), limit: mtu))
        let parts = frames.compactMap { IPPacket(frame: $0) }
        #expect(frames.allSatisfy { $0.count <= mtu + 14 } && parts.count == 2)
        #expect(parts.allSatisfy { $0.hasFragmentHeader && $0.claimedPayloadLength != nil })
        let whole = try #require(IPPacket(reassembling: parts))
        #expect(whole.payload == packet.payload && whole.transportChecksum == 0)
    }

    @Test func `a fragment becomes smaller ones of the same datagram`() throws {
        let whole = Self.packet(3000)
        let parts = whole.fragments(of: 1480)
            .flatMap { Self.cut($0.frame(), limit: 576) ?? [] }
            .compactMap { IPPacket(frame: $0) }
        #expect(parts.count == 7)
        #expect(IPPacket(reassembling: parts)?.payload == whole.payload)
    }

    @Test func `the first fragment has all options, the others those to be copied`() throws {
        // Record route is for the first one; the strict source route, used up, for all.
        let options: [UInt8] = [7, 7, 4, 1, 2, 3, 4, 137, 3, 4, 1, 0]
        var octets = Self.packet(400).octets
        octets[0] = 0x48
        octets.insert(contentsOf: options, at: 20)
        octets[2] = UInt8(octets.count >> 8)
        octets[3] = UInt8(truncatingIfNeeded: octets.count)
        let frame = Array(Self.packet(0).frame()[0..<14]) + octets
        let frames = try #require(Self.cut(frame, limit: 200))
        #expect(frames.count == 3)
        #expect(Array(frames[0][34..<46]) == options)
        for later in frames.dropFirst() {
            #expect(Array(later[34..<46]) == [1, 1, 1, 1, 1, 1, 1, 137, 3, 4, 1, 0])
            #expect(IPPacket(frame: later)?.hasValidHeader == true)
        }
    }

    @Test func `what must stay whole stays so`() {
        var packet = Self.packet(1000)
        packet.dontFragment = true
        #expect(Self.cut(packet.frame(), limit: 576) == nil)
        #expect(Self.cut(Self.packet(1000).frame(), limit: 27) == nil)
        var options = Self.packet(1700, isIPv6: true)
        options.protocolNumber = 60
        #expect(Self.cut(options.frame(), limit: 1280) == nil)
    }

    @Test(arguments: 0..<UInt64(2000))
    func `any octets are cut within their buffer or not at all`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var frame = (0..<Int.random(in: 14...700, using: &random))
            .map { _ in UInt8.random(in: 0...255, using: &random) }
        if frame.count > 20, seed % 2 == 0 {
            frame[14] = 0x40 | frame[14] & 0xF
            frame[16] = UInt8(frame.count >> 8)
            frame[20] = 0
        }
        let limit = Int.random(in: 0...300, using: &random)
        let frames = Self.cut(
            frame,
            limit: limit,
            at: [14, 18].randomElement(using: &random) ?? 14
        )
        #expect(frames?.allSatisfy { $0.count <= limit + 18 } ?? true)
    }
}
