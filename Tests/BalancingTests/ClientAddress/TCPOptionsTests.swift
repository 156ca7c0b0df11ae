// SPDX-License-Identifier: Apache-2.0
import Packet
import PacketTesting
import Testing

@testable import Balancing

@Suite struct TCPOptionsTests {
    /// As Linux sends it: MSS 1460, SACK permitted, timestamps, window scale.
    private static let options: [UInt8] = [
        2, 4, 5, 0xB4, 4, 2, 8, 10, 0xAA, 0xBB, 0xCC, 0xDD, 0, 0, 0, 0, 1, 3, 3, 7,
    ]

    private static func syn(
        _ options: [UInt8] = options,
        flags: UInt8 = Frame.syn
    ) -> TransportFrame {
        toBackend {
            $0.flags = flags
            $0.tcpOptions = options
        }
    }

    @Test func `timestamps in a SYN become no-operations`() throws {
        let (isDone, octets, _) = try edited(Self.syn()) { $0.removeTimestampsFromSYN() }
        #expect(isDone)
        let expected: [UInt8] = [2, 4, 5, 0xB4, 4, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 7]
        #expect(octets[54..<74].elementsEqual(expected))
        #expect(DecodedTransport(octets)?.hasValidChecksums == true)
    }

    @Test(arguments: [Frame.ack, Frame.rst])
    func `timestamps in other segments stay`(flags: UInt8) throws {
        let frame = Self.syn(flags: flags)
        let (isDone, octets, _) = try edited(frame) { $0.removeTimestampsFromSYN() }
        #expect(!isDone && octets == frame.octets)
    }

    @Test(
        arguments: [
            ([2, 4, 5, 0xB4], 1440), ([1, 2, 4, 5, 0xB4, 1, 1, 1], 1440), ([2, 4, 0, 100], 88),
            ([2, 4, 0, 88], 88), ([2, 4, 0, 60], 60), ([2, 4, 0, 0], 0),
        ] as [([UInt8], UInt16)]
    )
    func `the segment size is lowered, at even and odd places, within reason`(
        options: [UInt8],
        expected: UInt16
    ) throws {
        for flags in [Frame.syn, Frame.synAck] {
            let (_, octets, _) = try edited(Self.syn(options, flags: flags)) { $0.lowerMSS(by: 20) }
            let after = try #require(DecodedTransport(octets))
            #expect(after.tcpOptions == [.init(2, bigEndian(expected))] && after.hasValidChecksums)
        }
    }

    @Test(arguments: [(UInt16(1400), UInt16(1400)), (1460, 1460), (9000, 1460), (0, 0)])
    func `the segment size is clamped, never raised`(limit: UInt16, expected: UInt16) throws {
        let (_, octets, _) = try edited(Self.syn()) { $0.clampMSS(to: limit) }
        let after = try #require(DecodedTransport(octets))
        #expect(after.tcpOptions.first == .init(2, bigEndian(expected)) && after.hasValidChecksums)
    }

    @Test(
        arguments: [[2, 3, 5, 0xB4], [1, 1, 1, 2], [0, 2, 4, 5], [2, 4, 5, 0xB4]] as [[UInt8]]
    )
    func `what is no announcement stays`(options: [UInt8]) throws {
        // The last one is right, but not in a SYN.
        let frame = Self.syn(options, flags: options == [2, 4, 5, 0xB4] ? Frame.ack : Frame.syn)
        let (_, octets, _) = try edited(frame) { editor in
            editor.lowerMSS(by: 20)
            editor.clampMSS(to: 100)
        }
        #expect(octets == frame.octets)
    }
}

@Suite struct SequenceShiftTests {
    @Test func `the backend sees other numbers, and the client its own`() throws {
        let shift = SequenceShift(delta: 0xFFFF_F000)
        let frame = toBackend { $0.sequence = 0x2000 }
        let (_, inbound, _) = try edited(frame) { $0.shiftTowardBackend(shift) }
        #expect(inbound[38..<42].elementsEqual([0, 0, 0x10, 0]))
        #expect(DecodedTransport(inbound)?.hasValidChecksums == true)
        let answer = toBackend {
            $0.acknowledgment = 0x1000
            // At an odd place, two blocks.
            $0.tcpOptions =
                [1, 5, 18, 0, 0, 0x10, 0, 0, 0, 0x20, 0, 0, 0, 0x30, 0, 0, 0, 0x40, 0, 1]
        }
        let (_, outbound, _) = try edited(answer) { $0.shiftTowardClient(shift) }
        let after = try #require(DecodedTransport(outbound))
        #expect(after.acknowledgment == 0x2000 && after.hasValidChecksums)
        let edges: [UInt32] = [0x2000, 0x3000, 0x4000, 0x5000]
        #expect(after.tcpOptions == [.init(5, edges.flatMap { bigEndian($0) })])
    }

    @Test func `a segment that acknowledges nothing has nothing to shift`() throws {
        let frame = toBackend { $0.flags = Frame.rst }
        let (_, octets, _) = try edited(frame) { $0.shiftTowardClient(SequenceShift(delta: 5)) }
        #expect(octets == frame.octets)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `there and back is the segment that it was`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_500 {
            let frame = randomPacket(isUDP: false, using: &random)
            let shift = SequenceShift(delta: .random(in: 0...(.max), using: &random))
            let back = SequenceShift(delta: 0 &- shift.delta)
            let buffer = RoomyBuffer(frame.octets)
            let editor = try required(view(of: buffer, frame))
            editor.shiftTowardBackend(shift)
            #expect(DecodedTransport(buffer.octets)?.hasValidChecksums == true, "seed \(seed)")
            editor.shiftTowardBackend(back)
            #expect(buffer.octets == frame.octets, "seed \(seed)")
            editor.shiftTowardClient(shift)
            #expect(DecodedTransport(buffer.octets)?.hasValidChecksums == true, "seed \(seed)")
            editor.shiftTowardClient(back)
            #expect(buffer.octets == frame.octets, "seed \(seed)")
        }
    }

    @Test func `a header that is not there yet acknowledges nothing`() {
        var shift = SequenceShift(delta: 128)
        shift.clientFirst = 1000
        shift.backendFirst = 1100
        shift.pendingLength = 28
        #expect(
            [1100, 1101, 1127, 1128, 1129].map(shift.toClient) == [1000, 1000, 1000, 1000, 1001]
        )
        #expect(shift.toClient(1099) == 971)
    }
}
