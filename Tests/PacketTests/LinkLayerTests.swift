// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@Suite struct LinkLayerTests {
    private let datagram = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80")

    @Test(arguments: 0..<14)
    func `less than an Ethernet header is too short`(count: Int) {
        let outcome = ParsedFrame.outcome(of: Array(datagram.prefix(count)))
        #expect(outcome == .malformed(.tooShort))
    }

    @Test(arguments: [0x0000, 0x05DC, 0x0801, 0x8847, 0x88A8, 0x88CC, 0xFFFF] as [UInt16])
    func `types that are not ours are not parsed`(type: UInt16) {
        var bytes = datagram
        bytes[12] = UInt8(type >> 8)
        bytes[13] = UInt8(type & 0xFF)
        #expect(ParsedFrame.outcome(of: bytes) == .malformed(.unsupportedEtherType))
    }

    @Test func `ARP is everything after its link-layer header`() throws {
        let bytes = Frame.arp(from: "10.0.0.1", at: .broadcast, to: "10.0.0.2")
        let frame = try #require(ParsedFrame(bytes))
        #expect(frame.content == .arp && frame.networkOffset == 14 && frame.tags.outer == 0)
        #expect(frame.totalLength == 46 && !frame.isFragment)
        let empty = try #require(ParsedFrame(Array(bytes.prefix(14))))
        #expect(empty.content == .arp && empty.totalLength == 0)
    }

    // MARK: - VLAN tags

    @Test(
        arguments: [
            (0x0001, 1), (0x0FFF, 0xFFF), (0xE123, 0x123), (0x1005, 5), (0xE000, 0), (0x0000, 0),
        ] as [(UInt16, UInt16)]
    )
    func `a tag names its VLAN, whatever its priority`(tag: UInt16, vlan: UInt16) throws {
        let tagged = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { $0.vlan = tag }
        let frame = try #require(ParsedFrame(tagged))
        #expect(
            frame.tags.outer == vlan && frame.networkOffset == 18 && frame.transportOffset == 38
        )
        let stripped = try #require(
            ParsedFrame(datagram, flags: ReceiveFlag.vlanStripped, tag: tag)
        )
        #expect(stripped.tags.outer == vlan && stripped.networkOffset == 14)
    }

    @Test func `a tag that the port did not take out is not believed to be there`() throws {
        #expect(try #require(ParsedFrame(datagram, tag: 7)).tags.isEmpty)
    }

    @Test(arguments: 14..<18)
    func `a tag that ends early is too short`(count: Int) {
        let tagged = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { $0.vlan = 5 }
        let outcome = ParsedFrame.outcome(of: Array(tagged.prefix(count)))
        #expect(outcome == .malformed(.tooShort))
    }

    @Test(arguments: [[0x88, 0xA8], [0x81, 0x00]] as [[UInt8]])
    func `a tag inside a tag is a customer's VLAN in a provider's`(type: [UInt8]) throws {
        var tagged = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { $0.vlan = 5 }
        tagged.insert(contentsOf: type + [0xE0, 0x07], at: 12)
        let frame = try #require(ParsedFrame(tagged))
        #expect(frame.tags == VLANTags(outer: 7, inner: 5))
        #expect(frame.networkOffset == 22 && frame.transportOffset == 42)
        for count in 18..<22 {
            let outcome = ParsedFrame.outcome(of: Array(tagged.prefix(count)))
            #expect(outcome == .malformed(.tooShort))
        }
    }

    @Test func `a tag behind one that the port took out is the inner one`() throws {
        let tagged = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { $0.vlan = 5 }
        let frame = try #require(ParsedFrame(tagged, flags: ReceiveFlag.vlanStripped, tag: 7))
        #expect(frame.tags == VLANTags(outer: 7, inner: 5) && frame.networkOffset == 18)
    }

    @Test func `a provider's tag alone, and a third tag, are not parsed`() {
        let datagram = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80")
        var alone = datagram
        alone.insert(contentsOf: [0x88, 0xA8, 0x00, 0x07], at: 12)
        #expect(ParsedFrame.outcome(of: alone) == .malformed(.unsupportedEtherType))
        var tagged = datagram
        for _ in 0..<3 { tagged.insert(contentsOf: [0x81, 0x00, 0x00, 0x07], at: 12) }
        #expect(ParsedFrame.outcome(of: tagged) == .malformed(.unsupportedEtherType))
    }

    @Test func `ARP in a VLAN begins after the tag`() throws {
        var bytes = Frame.arp(from: "10.0.0.1", at: .broadcast, to: "10.0.0.2")
        bytes.insert(contentsOf: [0x81, 0x00, 0x00, 0x07], at: 12)
        let frame = try #require(ParsedFrame(bytes))
        #expect(frame.content == .arp && frame.networkOffset == 18 && frame.tags.outer == 7)
    }
}
