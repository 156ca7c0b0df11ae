// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

/// A client, the balancer's edit, and a backend that reassembles; the network between them loses,
/// repeats, reorders and cuts segments.
private struct LossyStream {
    let data: [UInt8]
    let isn: UInt32
    let shift: UInt32
    var state: ClientAddressState
    /// What the backend has, by position in its stream.
    var received: [Int: UInt8] = [:]
    /// Octets that the client knows to have arrived, and the most it has ever sent.
    var acknowledged = 0
    var sent = 0

    var contiguous: Int {
        var count = 0
        while received[count] != nil { count += 1 }
        return count
    }

    init(
        _ mode: BackendAddressMode,
        _ data: [UInt8],
        using random: inout SeededGenerator
    ) throws {
        self.data = data
        isn = .random(in: 0...(.max), using: &random)
        shift = .random(in: 0...(.max), using: &random)
        let content = ProxyHeader.Content.proxied(source: client4, destination: service4)
        let header = mode.proxyVersion.map { ProxyHeader($0, content) }
        state = ClientAddressState(mode, header: header, initialShift: shift)
        try send(Frame.syn, from: 0, count: 0, mtu: 1500, isLost: false, sequence: isn)
        try answer(Frame.synAck, isLost: false)
    }

    mutating func send(
        _ flags: UInt8,
        from position: Int,
        count: Int,
        mtu: Int,
        isLost: Bool,
        sequence: UInt32? = nil
    ) throws {
        let frame = toBackend {
            $0.flags = flags
            $0.sequence = sequence ?? isn &+ 1 &+ UInt32(position)
            $0.acknowledgment = 5001
            $0.data = Array(data[position..<(position + count)])
        }
        sent = max(sent, position + count)
        let buffer = RoomyBuffer(frame.octets)
        let companion = RoomyBuffer(headroom: 128, tailroom: 200)
        var editor = try required(view(of: buffer, frame))
        let carriage = editor.carry(client4, to: service4, &state, mtu: mtu)
        if case .readyAfter(let plan) = carriage {
            let copy = unsafe editor.write(plan, into: companion.buffer)
            #expect(copy != nil)
            if !isLost { try take(companion.octets) }
        }
        guard carriage != .drop, !isLost else { return }
        try take(buffer.octets)
    }

    private mutating func take(_ octets: [UInt8]) throws {
        let segment = try #require(DecodedTransport(octets))
        #expect(segment.hasValidChecksums)
        let first = segment.sequence &- (isn &+ shift &+ 1)
        for (index, octet) in segment.data.enumerated() {
            let position = Int(first &+ UInt32(index))
            if let before = received[position] {
                #expect(before == octet, "two truths at \(position)")
            }
            received[position] = octet
        }
    }

    mutating func answer(_ flags: UInt8, isLost: Bool) throws {
        let frame = toBackend {
            $0.flags = flags
            $0.sequence = flags == Frame.synAck ? 5000 : 5001
            $0.acknowledgment = isn &+ shift &+ 1 &+ UInt32(contiguous)
        }
        let buffer = RoomyBuffer(frame.octets)
        let editor = try required(view(of: buffer, frame))
        editor.restore(&state, client: client4.address)
        let segment = try #require(DecodedTransport(buffer.octets))
        let position = Int(segment.acknowledgment &- (isn &+ 1))
        #expect(position <= sent, "acknowledges what was never sent")
        if !isLost { acknowledged = max(acknowledged, position) }
    }
}

@Suite struct LossyStreamTests {
    private static let theirs1 = Array("PROXY TCP4 192.0.2.9 192.0.2.1 999 443\r\n".utf8)
    private static let theirs2: [UInt8] =
        [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10, 0x21, 0x11, 0, 15]
        + [192, 0, 2, 9, 192, 0, 2, 1, 3, 0xE7, 1, 0xBB, 4, 0, 0]

    @Test(
        arguments: [
            BackendAddressMode.proxyV1, .proxyV2, .proxyV1Insecure, .proxyV2Insecure, .none,
            .tcpOption,
        ],
        [0, 1, 2]
    )
    func `the backend gets one header and all data, whatever the network does`(
        mode: BackendAddressMode,
        start: Int
    ) throws {
        for seed in UInt64(1)...60 {
            var random = SeededGenerator(seed: seed)
            let theirs = [[], Self.theirs1, Self.theirs2][start]
            let payload = random.octets(.random(in: 1...400, using: &random))
            let data = theirs + payload
            var stream = try LossyStream(mode, data, using: &random)
            var rounds = 0
            while stream.acknowledged < data.count, rounds < 3_000 {
                rounds += 1
                try Self.turn(&stream, theirs.count, rounds, &random)
            }
            #expect(stream.acknowledged == data.count, "seed \(seed): never finished")
            let count = stream.contiguous
            #expect(count == stream.received.count)
            let got = (0..<count).compactMap { stream.received[$0] }
            Self.expect(got, mode, start, theirs, payload, seed)
        }
    }

    private static func turn(
        _ stream: inout LossyStream,
        _ first: Int,
        _ round: Int,
        _ random: inout SeededGenerator
    ) throws {
        let isLost = Int.random(in: 0..<3, using: &random) == 0
        // A sender repeats from what is not acknowledged; sometimes older, sometimes further on.
        var position = stream.acknowledged
        switch Int.random(in: 0..<5, using: &random) {
        case 0: position = 0
        case 1: position = min(stream.sent, stream.data.count)
        case 2 where position > 0: position = Int.random(in: 0..<position, using: &random)
        default: break
        }
        var count = Int.random(in: 0...60, using: &random)
        // The header of the client comes at once, as its specification demands.
        if position == 0, round < 1_000 || count > 0 { count = max(count, first) }
        count = min(count, stream.data.count - position)
        if stream.sent == 0, position == 0, Bool.random(using: &random) { count = 0 }
        let mtu = Bool.random(using: &random) ? 1500 : 100
        try stream.send(Frame.push, from: position, count: count, mtu: mtu, isLost: isLost)
        try stream.answer(Frame.ack, isLost: Bool.random(using: &random))
    }

    private static func expect(
        _ got: [UInt8],
        _ mode: BackendAddressMode,
        _ start: Int,
        _ theirs: [UInt8],
        _ payload: [UInt8],
        _ seed: UInt64
    ) {
        guard let version = mode.proxyVersion else {
            #expect(got == theirs + payload, "seed \(seed)")
            return
        }
        let isTheirs = mode.believesClient && start > 0
        let source = isTheirs ? endpoint("192.0.2.9:999") : client4
        let frame = toBackend { $0.data = got }
        let header = DecodedTransport(frame.octets)?.proxyHeader
        #expect(header?.version == Int(version.rawValue), "seed \(seed)")
        #expect(header?.source == source, "seed \(seed)")
        #expect(Array(got.dropFirst(header?.length ?? 0)) == payload, "seed \(seed)")
    }
}
