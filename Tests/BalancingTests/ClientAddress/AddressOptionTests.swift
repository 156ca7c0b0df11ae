// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

@Suite struct AddressOptionTests {
    private static let timestamps: [UInt8] = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]
    private static let forged: [UInt8] = [254, 8, 0, 53, 8, 8, 8, 8]
    /// Three blocks.
    private static let sack: [UInt8] = [5, 26] + Array(repeating: 9, count: 24)

    @Test func `an IPv4 client is eight octets behind the fixed header`() throws {
        let frame = toBackend {
            $0.tcpOptions = Self.timestamps
            $0.data = [0x47]
        }
        let (outcome, octets, isIntact) = try edited(frame) {
            $0.insertAddressOption(client4, mtu: 1500)
        }
        #expect(outcome == .inserted && isIntact)
        #expect(octets[54..<62].elementsEqual([254, 8, 0xC7, 0x38, 198, 51, 100, 7]))
        #expect(octets[62..<74].elementsEqual(Self.timestamps))
        let after = try #require(DecodedTransport(octets))
        #expect(after.hasValidChecksums && after.tcpClients == [client4] && after.data == [0x47])
        #expect(after.packetLength == 20 + 20 + 8 + 12 + 1)
    }

    @Test func `an IPv6 client is twenty octets, to a backend of either family`() throws {
        for isIPv6 in [false, true] {
            let frame = toBackend(isIPv6: isIPv6) { $0.data = [1, 2, 3] }
            let (outcome, octets, _) = try edited(frame) {
                $0.insertAddressOption(client6, mtu: 1500)
            }
            #expect(outcome == .inserted)
            let start = frame.transportOffset + 20
            let expected: [UInt8] =
                [254, 20, 0xC7, 0x38, 0x20, 0x01, 0x0D, 0xB8]
                + Array(repeating: 0, count: 11) + [7]
            #expect(octets[start..<(start + 20)].elementsEqual(expected))
            let after = try #require(DecodedTransport(octets))
            #expect(after.hasValidChecksums && after.tcpClients == [client6])
        }
    }

    @Test func `an address that the client sent itself is gone`() throws {
        let frame = toBackend { $0.tcpOptions = Self.forged + Self.timestamps + Self.forged }
        let (outcome, octets, _) = try edited(frame) {
            $0.insertAddressOption(client4, mtu: 1500)
        }
        let after = try #require(DecodedTransport(octets))
        #expect(outcome == .inserted && after.tcpClients == [client4] && after.hasValidChecksums)
        #expect(!octets.containsSubsequence(Self.forged))
    }

    @Test func `a forged address is gone also when the real one finds no room`() throws {
        let frame = toBackend { $0.tcpOptions = Self.forged + Self.timestamps }
        for (head, mtu, expected) in [
            (0, 1500, AddressInsertion.noRoom), (128, 59, .exceedsMTU),
        ] {
            let (outcome, octets, _) = try edited(frame, headroom: head, tailroom: 0) {
                $0.insertAddressOption(client6, mtu: mtu)
            }
            let after = try #require(DecodedTransport(octets))
            #expect(outcome == expected && after.tcpClients.isEmpty && after.hasValidChecksums)
            #expect(octets.count == frame.octets.count)
            #expect(after.tcpOptions.map(\.kind) == [8])
        }
    }

    @Test func `padding makes room first, and no option is lost`() throws {
        let frame = toBackend { $0.tcpOptions = Self.timestamps + Array(repeating: 1, count: 28) }
        let (outcome, octets, _) = try edited(frame) { $0.insertAddressOption(client4, mtu: 1500) }
        let after = try #require(DecodedTransport(octets))
        #expect(outcome == .insertedWithoutOptions && after.hasValidChecksums)
        #expect(after.tcpOptions.map(\.kind) == [254, 8] && after.packetLength == 60)
        #expect(after.tcpOptions[1].value == [0, 0, 0, 1, 0, 0, 0, 2])
    }

    @Test func `selective acknowledgments give way, timestamps do not`() throws {
        let frame = toBackend {
            $0.tcpOptions = Self.timestamps + Self.sack + [1, 1]
            $0.data = [1, 2, 3, 4, 5, 6, 7]
        }
        for client in [client4, client6] {
            let (outcome, octets, isIntact) = try edited(frame) {
                $0.insertAddressOption(client, mtu: 1500)
            }
            let after = try #require(DecodedTransport(octets))
            #expect(outcome == .insertedWithoutOptions && isIntact && after.hasValidChecksums)
            #expect(after.tcpOptions.map(\.kind) == [254, 8] && after.tcpClients == [client])
            #expect(after.data == frame.data)
        }
    }

    @Test func `a full SYN keeps what was negotiated`() throws {
        let negotiated: [UInt8] = [2, 4, 5, 0xB4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7]
        let cookie: [UInt8] = [34, 18] + Array(repeating: 0xCC, count: 16) + [1, 1]
        let frame = toBackend {
            $0.flags = Frame.syn
            $0.tcpOptions = negotiated + cookie
        }
        let (outcome, octets, _) = try edited(frame) { $0.insertAddressOption(client6, mtu: 1500) }
        let after = try #require(DecodedTransport(octets))
        #expect(outcome == .insertedWithoutOptions && after.hasValidChecksums)
        #expect(after.tcpOptions.map(\.kind) == [254, 2, 4, 8, 3])
        #expect(after.packetLength == 80)
    }

    @Test(arguments: [(68, AddressInsertion.inserted), (67, .exceedsMTU)])
    func `the link decides about the last octet`(mtu: Int, expected: AddressInsertion) throws {
        let frame = toBackend {
            $0.data = Array(repeating: 1, count: 20)
            $0.padding = [0, 0, 0]
        }
        let (outcome, octets, _) = try edited(frame) { $0.insertAddressOption(client4, mtu: mtu) }
        #expect(outcome == expected)
        #expect((octets == frame.octets) == (expected == .exceedsMTU))
    }

    @Test func `a link that is too short makes options give way`() throws {
        let frame = toBackend {
            $0.tcpOptions = Self.sack + [1, 1]
            $0.data = Array(repeating: 3, count: 100)
        }
        let (outcome, octets, _) = try edited(frame) { $0.insertAddressOption(client4, mtu: 168) }
        let after = try #require(DecodedTransport(octets))
        #expect(outcome == .insertedWithoutOptions && after.packetLength == 148)
        #expect(
            after.hasValidChecksums && after.data == frame.data && after.tcpClients == [client4]
        )
    }

    @Test(
        arguments: [[8, 0], [8, 1], [8, 41], [254, 30, 0, 0], [2], [3, 3, 0, 2]] as [[UInt8]]
    )
    func `options behind a malformed one are not looked at`(start: [UInt8]) throws {
        let options = start + Array(repeating: 0, count: 3 - (start.count + 3) % 4)
        let frame = toBackend { $0.tcpOptions = options }
        let (outcome, octets, isIntact) = try edited(frame) {
            $0.insertAddressOption(client4, mtu: 1500)
        }
        let after = try #require(DecodedTransport(octets))
        #expect(outcome == .inserted && isIntact && after.hasValidChecksums)
        #expect(after.tcpClients == [client4])
    }

    @Test func `a fragment is left alone`() throws {
        let frame = toBackend()
        let buffer = RoomyBuffer(frame.octets)
        var editor = try required(view(of: buffer, frame))
        editor.bytes.set(0x2000 as UInt16, at: 20)
        #expect(editor.insertAddressOption(client4, mtu: 1500) == .malformed)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `the updated checksum is the recomputed one, and a wrong one stays wrong`(
        seed: UInt64
    ) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_500 {
            var frame = randomPacket(isUDP: false, using: &random)
            frame.ipOptions = []
            let client = Bool.random(using: &random) ? client4 : client6
            let isDamaged = Bool.random(using: &random)
            let buffer = RoomyBuffer(frame.octets)
            var editor = try required(view(of: buffer, frame))
            let field = frame.transportOffset + 16
            if isDamaged { editor.bytes.set(editor.word(field) ^ 0x0100, at: field) }
            let outcome = editor.insertAddressOption(client, mtu: 1500)
            let after = try #require(DecodedTransport(buffer.octets))
            #expect(outcome.isDone && after.tcpClients.first == client, "seed \(seed)")
            #expect(after.tcpClients.count == 1 && after.data == frame.data, "seed \(seed)")
            #expect(after.padding == frame.padding && after.sequence == frame.sequence)
            #expect(after.hasValidChecksums == !isDamaged, "seed \(seed): \(frame)")
            guard !isDamaged else { continue }
            editor.computeTransportChecksum()
            #expect(DecodedTransport(buffer.octets)?.checksum == after.checksum, "seed \(seed)")
        }
    }
}

extension [UInt8] {
    func containsSubsequence(_ other: [UInt8]) -> Bool {
        guard count >= other.count else { return false }
        return (0...(count - other.count)).contains { self[$0...].starts(with: other) }
    }
}
