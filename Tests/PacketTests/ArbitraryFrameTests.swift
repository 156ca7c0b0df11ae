// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

/// Whatever arrives: the parser neither traps nor looks beyond the frame, and what it calls parsed
/// is inside the frame.
@Suite struct ArbitraryFrameTests {
    private static let seeds: [UInt64] = [1, 2, 3, 4]

    @Test(arguments: seeds)
    func `random octets never trap`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            check(random.octets(.random(in: 0...120, using: &random)), seed)
        }
    }

    @Test(arguments: seeds)
    func `random octets after a believable beginning never trap`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let beginnings: [[UInt8]] = [
            [0x08, 0x00, 0x45], [0x08, 0x00, 0x46], [0x08, 0x06], [0x86, 0xDD, 0x60],
            [0x81, 0x00, 0x00, 0x05, 0x08, 0x00, 0x45], [0x81, 0x00, 0x00, 0x05, 0x86, 0xDD, 0x60],
        ]
        for _ in 0..<5_000 {
            let beginning = beginnings[Int.random(in: beginnings.indices, using: &random)]
            let rest = random.octets(.random(in: 0...100, using: &random))
            check(random.octets(12) + beginning + rest, seed)
        }
    }

    @Test(arguments: seeds)
    func `mutated frames never trap`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var parsed = 0
        for _ in 0..<3_000 {
            for frame in Self.frames where check(random.mutation(of: frame), seed) { parsed += 1 }
        }
        #expect(parsed > 1_000, "seed \(seed): the mutations are too coarse to reach much")
    }

    /// One of each kind.
    private static let frames: [[UInt8]] = [
        Frame.tcp(from: "10.0.0.10:5000", to: "10.0.0.100:80", Frame.syn, data: [1, 2, 3]),
        Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { $0.vlan = 0x2005 },
        Frame.echo(from: "10.0.0.10", to: "10.0.0.100") { $0.options = [1, 1, 1, 0] },
        Frame.arp(from: "10.0.0.1", at: .broadcast, to: "10.0.0.2"),
        IPv6Frame.udp(),
        IPv6Frame.tcp { frame in
            frame.vlan = 9
            frame.extensions = [
                .options(.hopByHopOptions), .options(.routing, units: 2),
                .fragment(offset: 0, more: true), .authentication(words: 4),
                .options(.destinationOptions, units: 1),
            ]
        },
    ]

    /// Parses `frame` among zeros and among ones and checks what comes out; whether it was parsed.
    @discardableResult
    private func check(_ frame: [UInt8], _ seed: UInt64) -> Bool {
        let outcome = ParsedFrame.outcome(of: frame)
        if outcome != ParsedFrame.outcome(of: frame, surroundings: 0xFF) {
            Issue.record("seed \(seed): octets outside the frame count: \(frame)")
        }
        guard case .parsed(let outline) = outcome else { return false }
        if !Self.isInside(outline, frame) {
            Issue.record("seed \(seed): \(outline) is not inside \(frame)")
        }
        return true
    }

    private static func isInside(_ outline: ParsedFrame, _ frame: [UInt8]) -> Bool {
        let network = Int(outline.networkOffset)
        let transport = Int(outline.transportOffset)
        let end = network + Int(outline.totalLength)
        guard [14, 18, 22].contains(network), end <= frame.count, transport <= end,
            outline.tags.outer | outline.tags.inner < 4096,
            outline.isFragment || !outline.isFirstFragment
        else { return false }
        guard outline.content != .arp else { return transport == network }
        guard transport >= network + (outline.content == .ipv4 ? 20 : 40) else { return false }
        guard !outline.isFragment || outline.isFirstFragment else { return true }
        return switch outline.protocol {
        case .tcp: end - transport >= 20
        case .udp, .icmp, .icmpv6: end - transport >= 8
        default: true
        }
    }
}
