// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Packet
import PacketTesting
import Testing

@testable import Dataplane

/// The straight way of reading a frame says what the careful way says, or leaves the frame to it.
@Suite struct LookaheadTests {
    private static let own = MACAddress(rawValue: 0x0200_0000_0001)
    /// As a frame's first six octets are loaded.
    private static let ownAddress = (own.rawValue << 16).byteSwapped

    private static func read(
        _ frame: [UInt8],
        surroundings: UInt8 = 0,
        flags: UInt64 = 0
    ) -> Lookahead {
        let loose = LooseBuffer(frame, surroundings: surroundings, flags: flags)
        return unsafe Lookahead.readPlain(loose.buffer, ownAddress: ownAddress)
    }

    @Test(arguments: [
        Frame.tcp(from: "10.0.0.10:5000", to: "10.0.0.100:80", Frame.syn),
        Frame.tcp(from: "223.255.255.255:1", to: "10.0.0.100:80", Frame.ack, data: [1, 2, 3]),
        Frame.udp(from: "1.0.0.0:5000", to: "10.0.0.100:80", data: []),
        Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80", hasChecksum: false),
        Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { $0.fragment = 0 },
        Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") + [0, 0, 0, 0, 0, 0],
    ])
    func `whole TCP and UDP packets over IPv4 for us are plain`(frame: [UInt8]) throws {
        let lookahead = Self.read(frame)
        let outline = try #require(ParsedFrame(frame))
        #expect(lookahead.isPlain)
        #expect(lookahead.totalLength == outline.totalLength)
        #expect(lookahead.protocolNumber == outline.protocol.rawValue)
    }

    @Test(arguments: [
        Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { $0.vlan = 5 },
        Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { $0.options = [1, 1, 1, 1] },
        Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { $0.fragment = 0x2000 },
        Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { $0.fragment = 1 },
        Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { $0.destinationMAC = .broadcast },
        Frame.echo(from: "10.0.0.10", to: "10.0.0.100"),
        Frame.arp(from: "10.0.0.1", at: .broadcast, to: "10.0.0.2"),
        [],
    ])
    func `everything else goes the careful way`(frame: [UInt8]) {
        #expect(!Self.read(frame).isPlain)
    }

    @Test(arguments: [
        (ReceiveFlag.vlanStripped, false), (ReceiveFlag.badTransport, false),
        (ReceiveFlag.unfinishedTransport, false), (ReceiveFlag.goodTransport, true),
        (ReceiveFlag.goodHeader, true),
    ])
    func `so does what the port has something bad to say about`(flags: UInt64, isPlain: Bool) {
        let frame = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80")
        #expect(Self.read(frame, flags: flags).isPlain == isPlain)
    }

    /// One octet of the headers at a time takes every value.
    @Test(arguments: 12..<54)
    func `a frame of IPv4 is plain exactly when the careful way finds it so`(offset: Int) {
        for frame in Self.frames.prefix(2) where offset < frame.count {
            for value in UInt8.min...UInt8.max {
                var changed = frame
                changed[offset] = value
                // A wrong header checksum would hide the rest.
                if !(24..<26).contains(offset) { Self.repair(&changed) }
                let isPlain = Self.read(changed).isPlain
                if isPlain != Self.isPlain(ParsedFrame.outcome(of: changed), changed) {
                    Issue.record("octet \(offset) is \(value): \(isPlain), \(changed)")
                }
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `what is plain is parsed the same, and what is malformed is not plain`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var plain = 0
        for _ in 0..<5_000 {
            for frame in Self.frames {
                let changed = Self.changed(frame, using: &random)
                let lookahead = Self.read(changed)
                guard lookahead.isPlain == Self.read(changed, surroundings: 0xFF).isPlain else {
                    Issue.record("seed \(seed): octets outside the frame count: \(changed)")
                    continue
                }
                if lookahead.isPlain { plain += 1 }
                if !Self.agrees(lookahead, ParsedFrame.outcome(of: changed)) {
                    Issue.record("seed \(seed): \(lookahead) of \(changed)")
                }
            }
        }
        #expect(plain > 2_000, "seed \(seed): the mutations are too coarse to reach much")
    }

    @Test(arguments: [
        IPv6Frame.udp(), IPv6Frame.tcp(), IPv6Frame.udp { $0.padding = 9 },
    ])
    func `whole TCP and UDP packets over IPv6 for us are plain`(frame: [UInt8]) throws {
        let lookahead = Self.read(frame)
        let outline = try #require(ParsedFrame(frame))
        #expect(lookahead.kind == .plainIPv6)
        #expect(lookahead.totalLength == outline.totalLength)
        #expect(lookahead.protocolNumber == outline.protocol.rawValue)
    }

    @Test(arguments: [
        ("::1", "2001:db8::100"), ("::ffff:10.0.0.1", "2001:db8::100"),
        ("ff02::1", "2001:db8::100"), ("2001:db8::1", "::ffff:10.0.0.1"),
        ("2001:db8::1", "ff02::1"),
    ])
    func `IPv6 from or to what no host has goes the careful way`(
        source: String,
        destination: String
    ) throws {
        let (from, to) = (IPv6Address(source), IPv6Address(destination))
        let (sender, receiver) = (try #require(from), try #require(to))
        let frame = IPv6Frame.udp {
            $0.source = sender
            $0.destination = receiver
        }
        #expect(Self.read(frame).kind == .unusual)
    }

    private static let frames = [
        Frame.tcp(from: "10.0.0.10:5000", to: "10.0.0.100:80", Frame.syn, data: [1, 2, 3]),
        Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80"),
        IPv6Frame.udp(),
        IPv6Frame.tcp(),
    ]

    /// A mutation of `frame`; half of them with the header checksum that it then should have.
    private static func changed(
        _ frame: [UInt8],
        using random: inout SeededGenerator
    ) -> [UInt8] {
        var frame = random.mutation(of: frame)
        if Bool.random(using: &random), frame.count >= 34 { repair(&frame) }
        return frame
    }

    private static func repair(_ frame: inout [UInt8]) {
        guard frame[12] == 0x08 else { return }
        frame.replaceSubrange(24..<26, with: [0, 0])
        let checksum = Checksum.of(Array(frame[14..<34]))
        frame.replaceSubrange(24..<26, with: [UInt8(checksum >> 8), UInt8(checksum & 0xFF)])
    }

    /// Whether a plain frame is what the careful way found.
    private static func agrees(_ lookahead: Lookahead, _ outcome: ParsedFrame.Outcome) -> Bool {
        guard lookahead.isPlain else { return true }
        guard case .parsed(let outline) = outcome else { return false }
        let isIPv6 = lookahead.kind == .plainIPv6
        return outline.content == (isIPv6 ? .ipv6 : .ipv4) && !outline.isFragment
            && outline.tags.isEmpty && outline.networkOffset == 14
            && outline.transportOffset == (isIPv6 ? 54 : 34)
            && outline.totalLength == lookahead.totalLength
            && outline.protocol.rawValue == lookahead.protocolNumber
    }

    /// Whether the careful way found a frame of the common kind; sources above 223 are not common.
    private static func isPlain(_ outcome: ParsedFrame.Outcome, _ frame: [UInt8]) -> Bool {
        guard case .parsed(let outline) = outcome, outline.content == .ipv4 else { return false }
        return outline.networkOffset == 14 && outline.transportOffset == 34 && !outline.isFragment
            && [.tcp, .udp].contains(outline.protocol) && frame[26] <= 223
    }
}

extension Lookahead {
    fileprivate var isPlain: Bool { kind != .unusual }
    fileprivate var protocolNumber: UInt8 { self.protocol.number(isIPv6: false) }
}
