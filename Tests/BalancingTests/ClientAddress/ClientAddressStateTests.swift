// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

private let own = ProxyHeader(.v2, .proxied(source: client4, destination: service4))
private let foreign = ProxyHeader.Content.proxied(
    source: endpoint("192.0.2.9:999"),
    destination: endpoint("192.0.2.1:443")
)

private func segment(
    _ flags: TCPFlags,
    _ sequence: UInt32,
    _ acknowledgment: UInt32 = 0,
    _ dataLength: Int = 0
) -> TCPSegment {
    TCPSegment(
        flags: flags,
        sequence: sequence,
        acknowledgment: acknowledgment,
        dataLength: dataLength
    )
}

/// After SYN 1000 and SYN-ACK 5000.
private func opened(_ mode: BackendAddressMode, shift: UInt32 = 0) -> ClientAddressState {
    var state = ClientAddressState(mode, header: own, initialShift: shift)
    #expect(state.received(segment(.syn, 1000), startingWith: .absent) == .shift)
    state.answered(segment([.syn, .ack], 5000, 1001 &+ shift))
    return state
}

@Suite struct ClientAddressStateTests {
    @Test func `it is small enough to live beside a connection`() {
        #expect(MemoryLayout<ClientAddressState>.stride <= 24)
    }

    @Test func `a connection without an address only shifts`() {
        var state = opened(.none, shift: 7)
        #expect(state.received(segment(.ack, 1001, 5001, 10), startingWith: .absent) == .shift)
        #expect(state.shift == SequenceShift(delta: 7))
    }

    // MARK: - TCP option

    @Test func `the option is sent until the client acknowledged data, never on SYN or RST`() {
        var state = opened(.tcpOption)
        #expect(state.received(segment(.syn, 1000), startingWith: .absent) == .shift)
        #expect(state.received(segment(.ack, 1001, 5001), startingWith: .absent) == .insertOption)
        #expect(state.received(segment(.rst, 1001, 5001), startingWith: .absent) == .shift)
        #expect(
            state.received(segment(.ack, 1001, 5001, 9), startingWith: .absent) == .insertOption
        )
        #expect(state.received(segment(.ack, 1010, 5002), startingWith: .absent) == .shift)
        #expect(state.received(segment(.ack, 1001, 5001, 9), startingWith: .absent) == .shift)
    }

    @Test func `the option waits for the first number of the backend`() {
        var state = ClientAddressState(.tcpOption)
        _ = state.received(segment(.syn, 1000), startingWith: .absent)
        #expect(state.received(segment(.ack, 1001, 5001), startingWith: .absent) == .shift)
    }

    @Test func `the option has arrived when the backend acknowledges data or sends some`() {
        for answer in [segment(.ack, 5001, 1002), segment(.ack, 5001, 1001, 1)] {
            var state = opened(.tcpOption)
            #expect(state.isPending(isTCP: true))
            state.answered(segment(.ack, 5001, 1001))
            #expect(state.isPending(isTCP: true), "whoever waits for the ACK may say that too")
            state.answered(answer)
            #expect(!state.isPending(isTCP: true))
            #expect(state.received(segment(.ack, 1001, 5001), startingWith: .absent) == .shift)
        }
    }

    @Test func `of several SYN the one counts that the backend answers`() {
        var state = ClientAddressState(.proxyV2, header: ProxyHeader(.v2, .unknown))
        _ = state.received(segment(.syn, 1000), startingWith: .absent)
        _ = state.received(segment(.syn, 7000), startingWith: .absent)
        state.answered(segment([.syn, .ack], 5000, 7001))
        let action = state.received(segment(.ack, 7001, 5001), startingWith: .absent)
        #expect(action == .insertHeader(removing: 0, believed: nil))
    }

    @Test func `a header of the client that serves leaves nothing to do`() {
        let theirs = ProxyHeader(.v2, .unknown)
        let presence = ProxyPresence.present(length: 16, theirs)
        var state = opened(.proxyV2Insecure)
        #expect(state.isPending(isTCP: true))
        let action = state.received(segment(.ack, 1001, 5001, 16), startingWith: presence)
        #expect(action == .shift && !state.isPending(isTCP: true) && state.shift.isIdentity)
    }

    @Test func `datagrams with PROXY are never plain, those with UOA are after the last`() {
        var state = ClientAddressState(.udpHeader, repeats: 1)
        #expect(state.isPending(isTCP: false))
        _ = state.receivedDatagram(startingWith: .absent)
        #expect(!state.isPending(isTCP: false))
        #expect(ClientAddressState(.proxyV2).isPending(isTCP: false))
    }

    // MARK: - PROXY protocol

    @Test func `the header goes with the ACK of the handshake, again and again until acknowledged`()
    {
        var state = opened(.proxyV2, shift: 50)
        let insert = ClientAddressAction.insertHeader(removing: 0, believed: nil)
        #expect(state.shift.delta == 50)
        for count in [0, 0, 10] {
            let action = state.received(segment(.ack, 1001, 5001, count), startingWith: .absent)
            #expect(action == insert)
        }
        #expect(state.shift.delta == 78 && state.shift.toClient(1060) == 1001)
        state.answered(segment(.ack, 5001, 1051 + 27))
        #expect(state.received(segment(.ack, 1001, 5001, 10), startingWith: .absent) == insert)
        state.answered(segment(.ack, 5001, 1051 + 28))
        #expect(state.received(segment(.ack, 1001, 5001, 10), startingWith: .absent) == .shift)
        #expect(state.shift.toClient(1051 + 38) == 1011)
    }

    @Test func `what begins in the middle never gets the header`() {
        var state = opened(.proxyV1)
        _ = state.received(segment(.ack, 1001, 5001, 10), startingWith: .absent)
        #expect(state.received(segment(.ack, 1005, 5001, 10), startingWith: .absent) == .shift)
        #expect(state.received(segment(.ack, 1000, 5001), startingWith: .absent) == .shift)
    }

    @Test func `later data waits until the first is known`() {
        var state = opened(.proxyV2)
        #expect(state.received(segment(.ack, 1011, 5001, 10), startingWith: .absent) == .drop)
        _ = state.received(segment(.ack, 1001, 5001, 10), startingWith: .absent)
        #expect(state.received(segment(.ack, 1011, 5001, 10), startingWith: .absent) == .shift)
    }

    @Test func `data in a SYN is not passed on`() {
        var state = ClientAddressState(.proxyV2, header: own)
        let action = state.received(segment(.syn, 1000, 0, 5), startingWith: .absent)
        #expect(action == .refuseData)
    }

    @Test func `a header of the client is replaced, octet by octet of its sequence`() {
        var state = opened(.proxyV2)
        let theirs = ProxyPresence.present(length: 40, ProxyHeader(.v1, foreign))
        _ = state.received(segment(.ack, 1001, 5001), startingWith: .absent)
        state.answered(segment(.ack, 5001, 1001 + 28))
        #expect(state.received(segment(.ack, 1001, 5001, 100), startingWith: theirs) == .strip(40))
        #expect(state.received(segment(.ack, 1011, 5001, 20), startingWith: .absent) == .strip(20))
        #expect(state.received(segment(.ack, 1031, 5001, 20), startingWith: .absent) == .strip(10))
        #expect(state.received(segment(.ack, 1041, 5001, 20), startingWith: .absent) == .shift)
        #expect(state.shift.toBackend(1041) == 1001 + 28 && state.shift.toClient(1029) == 1041)
    }

    @Test func `a believed header of the same version stays, and nothing is sent before it`() {
        var state = opened(.proxyV2Insecure)
        let theirs = ProxyPresence.present(length: 28, ProxyHeader(.v2, foreign))
        #expect(state.received(segment(.ack, 1001, 5001), startingWith: .absent) == .shift)
        #expect(state.received(segment(.ack, 1001, 5001, 60), startingWith: theirs) == .shift)
        #expect(state.shift.isIdentity)
    }

    @Test func `a believed header of the other version is converted`() {
        var state = opened(.proxyV2Insecure)
        let theirs = ProxyPresence.present(length: 40, ProxyHeader(.v1, foreign))
        let action = ClientAddressAction.insertHeader(removing: 40, believed: foreign)
        #expect(state.received(segment(.ack, 1001, 5001, 60), startingWith: theirs) == action)
        #expect(state.shift.toBackend(1041) == 1029)
        // Shorter than what it said at first: nobody knows any more what that was.
        #expect(state.received(segment(.ack, 1001, 5001, 30), startingWith: .partial) == .drop)
        #expect(state.received(segment(.ack, 1001, 5001, 60), startingWith: theirs) == action)
    }

    @Test func `who is to be believed and says nothing is introduced`() {
        var state = opened(.proxyV1Insecure)
        let action = ClientAddressAction.insertHeader(removing: 0, believed: nil)
        #expect(state.received(segment(.ack, 1001, 5001, 60), startingWith: .absent) == action)
    }

    // MARK: - UDP

    @Test(arguments: [(BackendAddressMode.udpHeader, UDPAddressForm.header), (.udpOption, .option)])
    func `so many datagrams carry the address`(mode: BackendAddressMode, form: UDPAddressForm) {
        var state = ClientAddressState(mode, repeats: 2)
        let actions = (0..<3).map { _ in state.receivedDatagram(startingWith: .absent) }
        #expect(actions == [.insertUDPAddress(form), .insertUDPAddress(form), .shift])
        var none = ClientAddressState(mode, repeats: 0)
        #expect(none.receivedDatagram(startingWith: .absent) == .shift)
    }

    @Test func `every datagram gets a header, and one of the client is believed or replaced`() {
        let theirs = ProxyPresence.present(length: 30, ProxyHeader(.v2, foreign, isUDP: true))
        var secure = ClientAddressState(.proxyV2, header: own)
        for _ in 0..<3 {
            let action = secure.receivedDatagram(startingWith: .absent)
            #expect(action == .insertHeader(removing: 0, believed: nil))
        }
        let action = secure.receivedDatagram(startingWith: theirs)
        #expect(action == .insertHeader(removing: 30, believed: nil))
        var insecure = ClientAddressState(.proxyV2Insecure, header: own)
        #expect(insecure.receivedDatagram(startingWith: theirs) == .shift)
    }
}
