// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

@Suite struct UDPAddressTests {
    private static let forged: [UInt8] = [31, 8, 0, 53, 8, 8, 8, 8]

    private static func datagram(
        isIPv6: Bool = false,
        _ change: (inout TransportFrame) -> Void = { _ in }
    ) -> TransportFrame {
        toBackend(isIPv6: isIPv6, isUDP: true) { frame in
            frame.data = [1, 2, 3]
            change(&frame)
        }
    }

    @Test func `an IPv4 client is a header of twelve octets`() throws {
        let frame = Self.datagram { $0.padding = [0, 0] }
        let (outcome, octets, isIntact) = try edited(frame) {
            $0.insertUDPAddress(client4, .header, mtu: 1500)
        }
        #expect(outcome == .inserted && isIntact)
        let header: [UInt8] = [0x10, 17, 0, 12, 31, 8, 0xC7, 0x38, 198, 51, 100, 7]
        #expect(octets[34..<46].elementsEqual(header) && octets[23] == 248 && octets[22] == 64)
        let after = try #require(DecodedTransport(octets))
        #expect(after.udpHeaderClient == client4 && after.hasValidChecksums)
        #expect(after.checksum != 0 && after.data == [1, 2, 3] && after.padding == [0, 0])
        #expect(after.packetLength == 43)
    }

    @Test(arguments: [false, true])
    func `an IPv6 client is a header of 24 octets, to a backend of either family`(
        isIPv6: Bool
    ) throws {
        let frame = Self.datagram(isIPv6: isIPv6)
        for form in UDPAddressForm.allCases {
            let (outcome, octets, _) = try edited(frame) {
                $0.insertUDPAddress(client6, form, mtu: 1500)
            }
            #expect(outcome == .inserted)
            let at = frame.transportOffset
            let header: [UInt8] =
                [0x20, 17, 0, 24, 31, 20, 0xC7, 0x38, 0x20, 0x01, 0x0D, 0xB8]
                + Array(repeating: 0, count: 11) + [7]
            #expect(octets[at..<(at + 24)].elementsEqual(header))
            let after = try #require(DecodedTransport(octets))
            #expect(after.udpHeaderClient == client6 && after.hasValidChecksums)
        }
    }

    @Test func `an option stands before all others`() throws {
        let frame = Self.datagram { $0.ipOptions = [148, 4, 0, 0] }
        let (outcome, octets, _) = try edited(frame) {
            $0.insertUDPAddress(client4, .option, mtu: 1500)
        }
        #expect(outcome == .inserted && octets[14] == 0x48)
        #expect(octets[34..<42].elementsEqual([31, 8, 0xC7, 0x38, 198, 51, 100, 7]))
        let after = try #require(DecodedTransport(octets))
        #expect(after.ipOptions.map(\.kind) == [31, 148] && after.hasValidChecksums)
        #expect(after.udpOptionClients == [client4] && after.data == [1, 2, 3])
    }

    @Test func `options that leave no room stay, and so does the packet`() throws {
        let frame = Self.datagram { $0.ipOptions = [148, 36] + Array(repeating: 0, count: 34) }
        let (outcome, octets, _) = try edited(frame) {
            $0.insertUDPAddress(client4, .option, mtu: 1500)
        }
        #expect(outcome == .headerFull && octets == frame.octets)
    }

    @Test func `a forged option is gone in every form`() throws {
        let frame = Self.datagram { $0.ipOptions = [1] + Self.forged + [148, 4, 0] }
        for form in UDPAddressForm.allCases {
            let (outcome, octets, _) = try edited(frame) {
                $0.insertUDPAddress(client4, form, mtu: 1500)
            }
            let after = try #require(DecodedTransport(octets))
            #expect(outcome == .inserted && after.hasValidChecksums)
            #expect(after.udpOptionClients == (form == .option ? [client4] : []))
        }
        let (isDone, octets, _) = try edited(frame) { $0.removeForeignAddressOptionsOfIP() }
        let after = try #require(DecodedTransport(octets))
        #expect(isDone && after.udpOptionClients.isEmpty && after.hasValidChecksums)
    }

    @Test func `neither a short link, a full buffer nor an extension header is forced`() throws {
        let frame = Self.datagram()
        let (first, _, _) = try edited(frame) { $0.insertUDPAddress(client4, .header, mtu: 42) }
        let (second, octets, _) = try edited(frame, headroom: 11, tailroom: 11) {
            $0.insertUDPAddress(client4, .header, mtu: 43)
        }
        #expect(first == .exceedsMTU && second == .noRoom && octets == frame.octets)
        let extended = IPv6Frame.udp { $0.extensions = [.options(.destinationOptions)] }
        let buffer = RoomyBuffer(extended)
        let view = unsafe PacketEditor(
            buffer.buffer,
            networkOffset: 14,
            transportOffset: 62,
            family: .ipv6,
            protocol: .udp
        )
        var editor = try #require(view)
        #expect(editor.insertUDPAddress(client6, .header, mtu: 1500) == .headerFull)
        #expect(buffer.octets == extended)
    }

    @Test func `a packet without a checksum stays without one`() throws {
        let (_, octets, _) = try edited(Self.datagram { $0.hasChecksum = false }) {
            $0.insertUDPAddress(client4, .header, mtu: 1500)
        }
        #expect(DecodedTransport(octets)?.checksum == 0)
    }

    @Test(arguments: [false, true], UDPAddressForm.allCases)
    func `a datagram of its own has the same ports and no data`(
        isIPv6: Bool,
        form: UDPAddressForm
    ) throws {
        let frame = Self.datagram(isIPv6: isIPv6) {
            if !isIPv6 { $0.ipOptions = [148, 4, 0, 0] }
        }
        let buffer = RoomyBuffer(frame.octets)
        let fresh = RoomyBuffer(headroom: 128, tailroom: 128)
        let original = try required(view(of: buffer, frame))
        let client = isIPv6 ? client6 : client4
        let copy = unsafe original.writeAddressDatagram(into: fresh.buffer, client, form)
        #expect(copy != nil && buffer.octets == frame.octets)
        let after = try #require(DecodedTransport(fresh.octets))
        #expect(after.source == frame.source && after.destination == frame.destination)
        #expect(after.data.isEmpty && after.hasValidChecksums && after.checksum != 0)
        #expect(fresh.octets.prefix(14) == frame.octets.prefix(14))
        let isOption = form == .option && !isIPv6
        #expect(after.udpHeaderClient == (isOption ? nil : client))
        #expect(after.udpOptionClients == (isOption ? [client] : []))
        let small = RoomyBuffer(headroom: 20, tailroom: 20)
        let none = unsafe original.writeAddressDatagram(into: small.buffer, client, form)
        #expect(none == nil)
        let isIntact = small.isIntact && fresh.isIntact
        #expect(isIntact)
    }
}
