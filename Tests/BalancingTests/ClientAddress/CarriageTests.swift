// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

@Suite struct CarriageTests {
    private static func state(
        _ mode: BackendAddressMode,
        isUDP: Bool = false,
        shift: UInt32 = 0
    ) -> ClientAddressState {
        let content = ProxyHeader.Content.proxied(source: client4, destination: service4)
        let header = mode.proxyVersion.map { ProxyHeader($0, content, isUDP: isUDP) }
        return ClientAddressState(mode, header: header, initialShift: shift)
    }

    private static func carry(
        _ frame: TransportFrame,
        _ state: inout ClientAddressState,
        mtu: Int = 1500,
        companion: RoomyBuffer = RoomyBuffer(headroom: 128, tailroom: 200)
    ) throws -> (AddressCarriage, DecodedTransport) {
        let buffer = RoomyBuffer(frame.octets)
        var editor = try required(view(of: buffer, frame))
        let carriage = editor.carry(client4, to: service4, &state, mtu: mtu)
        if case .readyAfter(let plan) = carriage {
            let copy = unsafe editor.write(plan, into: companion.buffer)
            #expect(copy != nil)
        }
        let after = try #require(DecodedTransport(buffer.octets))
        #expect(after.hasValidChecksums)
        return (carriage, after)
    }

    private static func segment(
        _ flags: UInt8,
        _ sequence: UInt32,
        _ data: [UInt8] = []
    ) -> TransportFrame {
        toBackend {
            $0.flags = flags
            $0.sequence = sequence
            $0.acknowledgment = 5001
            $0.data = data
        }
    }

    private static func answer(
        _ state: inout ClientAddressState,
        _ flags: UInt8,
        _ acknowledgment: UInt32,
        options: [UInt8] = []
    ) throws -> DecodedTransport {
        let frame = toBackend {
            $0.flags = flags
            $0.sequence = flags == Frame.synAck ? 5000 : 5001
            $0.acknowledgment = acknowledgment
            $0.tcpOptions = options
        }
        let buffer = RoomyBuffer(frame.octets)
        let editor = try required(view(of: buffer, frame))
        editor.restore(&state, client: client4.address)
        let after = try #require(DecodedTransport(buffer.octets))
        #expect(after.hasValidChecksums)
        return after
    }

    private static func opened(
        _ mode: BackendAddressMode,
        shift: UInt32 = 0
    ) throws -> ClientAddressState {
        var state = state(mode, shift: shift)
        let (_, syn) = try carry(segment(Frame.syn, 1000), &state)
        #expect(syn.sequence == 1000 &+ shift)
        let reply = try answer(&state, Frame.synAck, 1001 &+ shift)
        #expect(reply.acknowledgment == 1001)
        return state
    }

    @Test func `the option goes in, the sequence shifts, and room is asked for`() throws {
        var state = try Self.opened(.tcpOption, shift: 100)
        let (carriage, after) = try Self.carry(Self.segment(Frame.push, 1001, [1, 2]), &state)
        #expect(carriage == .ready(.inserted) && after.tcpClients == [client4])
        #expect(after.sequence == 1101 && after.data == [1, 2])
        let reply = try Self.answer(&state, Frame.synAck, 1101, options: [2, 4, 5, 0xB4])
        #expect(reply.tcpOptions == [.init(2, bigEndian(UInt16(1452)))])
    }

    @Test func `a forged option is taken from segments that get none`() throws {
        var state = Self.state(.tcpOption)
        var frame = Self.segment(Frame.syn, 1000)
        frame.tcpOptions = [254, 8, 0, 53, 8, 8, 8, 8]
        let (_, after) = try Self.carry(frame, &state)
        #expect(after.tcpClients.isEmpty && after.tcpOptions.isEmpty)
    }

    @Test(arguments: [BackendAddressMode.proxyV1, .proxyV2])
    func `a server that speaks first gets the header with the handshake`(
        mode: BackendAddressMode
    ) throws {
        var state = try Self.opened(mode, shift: 9)
        for _ in 0..<2 {
            let (carriage, after) = try Self.carry(Self.segment(Frame.ack, 1001), &state)
            #expect(carriage == .ready(.inserted) && after.sequence == 1010)
            let header = try #require(after.proxyHeader)
            #expect(header.source == client4 && header.destination == service4)
            #expect(header.kind == "TCP4" && header.length == after.data.count)
        }
        let length = UInt32(mode == .proxyV1 ? 46 : 28)
        let greeting = try Self.answer(&state, Frame.push, 1010 + length)
        #expect(greeting.acknowledgment == 1001)
        let (_, hello) = try Self.carry(Self.segment(Frame.push, 1001, [7, 8]), &state)
        #expect(hello.sequence == 1010 + length && hello.data == [7, 8])
    }

    @Test func `a segment that is full goes after one with the header`() throws {
        var state = try Self.opened(.proxyV1, shift: 9)
        var frame = Self.segment(0x38, 1001, Array(repeating: 5, count: 1460))
        frame.urgentPointer = 3
        let companion = RoomyBuffer(headroom: 128, tailroom: 200)
        let (carriage, after) = try Self.carry(frame, &state, companion: companion)
        guard case .readyAfter(.headerSegment(_, sequence: 1010)) = carriage else {
            Issue.record("\(carriage)")
            return
        }
        let first = try #require(DecodedTransport(companion.octets))
        #expect(first.hasValidChecksums && first.sequence == 1010 && first.flags == 0x18)
        #expect(first.acknowledgment == 5001 && first.source == frame.source)
        #expect(first.proxyHeader?.length == first.data.count && first.urgentPointer == 0)
        #expect(after.sequence == 1010 + UInt32(first.data.count) && after.data == frame.data)
        #expect(after.urgentPointer == 3)
    }

    @Test func `the urgent pointer moves with the data`() throws {
        var state = try Self.opened(.proxyV2)
        var frame = Self.segment(0x38, 1001, [1, 2, 3])
        frame.urgentPointer = 3
        let (_, after) = try Self.carry(frame, &state)
        #expect(after.urgentPointer == 31 && after.data.suffix(3) == [1, 2, 3])
    }

    @Test func `the header of a client alone asks the backend for an acknowledgment`() throws {
        var state = try Self.opened(.proxyV2)
        let theirs = Array("PROXY TCP4 8.8.8.8 9.9.9.9 1 2\r\n".utf8)
        _ = try Self.carry(Self.segment(Frame.ack, 1001), &state)
        _ = try Self.answer(&state, Frame.ack, 1029)
        let (carriage, after) = try Self.carry(Self.segment(Frame.push, 1001, theirs), &state)
        #expect(carriage == .ready(nil) && after.data.isEmpty && after.sequence == 1028)
        let reply = try Self.answer(&state, Frame.ack, 1029)
        #expect(reply.acknowledgment == 1001 + UInt32(theirs.count))
    }

    @Test func `a header over UDP stands in every datagram, and one too long is told`() throws {
        var state = Self.state(.proxyV2, isUDP: true)
        let frame = toBackend(isUDP: true) { $0.data = Array(repeating: 1, count: 101) }
        for _ in 0..<4 {
            let (carriage, after) = try Self.carry(frame, &state)
            #expect(carriage == .ready(.inserted) && after.proxyHeader?.kind == "UDP4")
            #expect(
                after.proxyHeader?.source == client4 && after.data.suffix(101) == frame.data[...]
            )
        }
        let (carriage, after) = try Self.carry(frame, &state, mtu: 150)
        #expect(carriage == .tooBig(by: 7) && after.data == frame.data)
        var forged = frame
        forged.data = try Self.carry(frame, &state).1.data
        let (_, replaced) = try Self.carry(forged, &state)
        #expect(replaced.data == forged.data)
    }

    @Test func `a datagram that is full goes after one that carries the address`() throws {
        var state = Self.state(.udpHeader, isUDP: true)
        let frame = toBackend(isUDP: true) { $0.data = Array(repeating: 1, count: 1472) }
        let companion = RoomyBuffer(headroom: 128, tailroom: 200)
        let (carriage, after) = try Self.carry(frame, &state, companion: companion)
        #expect(carriage == .readyAfter(.addressDatagram(client4, .header)))
        #expect(after.udpHeaderClient == nil && after.data == frame.data)
        #expect(DecodedTransport(companion.octets)?.udpHeaderClient == client4)
    }
}
