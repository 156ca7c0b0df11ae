// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Balancing

@Suite final class TCPTransitionsTests {
    private let table = TCPTransitions()

    private func walk(
        _ steps: [(TCPEvent, TCPTransitions.View)],
        from start: ConnectionState = .none
    ) -> ConnectionState {
        steps.reduce(start) { table.next($0, $1.0, $1.1) }
    }

    @Test func `a handshake establishes with the third segment`() {
        #expect(walk([(.syn, .fromClient)]) == .synReceived)
        #expect(walk([(.syn, .fromClient), (.syn, .fromBackend)]) == .synAck)
        #expect(
            walk([(.syn, .fromClient), (.syn, .fromBackend), (.ack, .fromClient)]) == .established
        )
    }

    @Test func `an ACK before the backend's answer establishes nothing`() {
        #expect(walk([(.syn, .fromClient), (.ack, .fromClient)]) == .synReceived)
    }

    @Test(arguments: [
        (TCPTransitions.View.fromClient, ConnectionState.closeWait),
        (TCPTransitions.View.fromBackend, .finWait),
    ])
    func `a FIN half-closes, by whoever sent it`(
        direction: TCPTransitions.View,
        state: ConnectionState
    ) {
        #expect(walk([(.fin, direction)], from: .established) == state)
    }

    @Test func `FINs from both sides end in time_wait, whoever began`() {
        #expect(walk([(.fin, .fromClient), (.fin, .fromBackend)], from: .established) == .timeWait)
        #expect(walk([(.fin, .fromBackend), (.fin, .fromClient)], from: .established) == .timeWait)
    }

    @Test(arguments: ConnectionState.tcp)
    func `RST closes from every state`(state: ConnectionState) {
        #expect(walk([(.rst, .fromClient)], from: state) == .close)
        #expect(walk([(.rst, .fromBackend)], from: state) == .close)
    }

    @Test(arguments: [ConnectionState.timeWait, .close, .lastAck])
    func `a SYN of the client reopens a finished connection`(state: ConnectionState) {
        #expect(walk([(.syn, .fromClient)], from: state) == .synReceived)
    }

    @Test(arguments: [ConnectionState.established, .finWait, .closeWait])
    func `a SYN does not disturb a living connection`(state: ConnectionState) {
        #expect(walk([(.syn, .fromClient)], from: state) == state)
    }

    @Test(arguments: ConnectionState.tcp)
    func `a segment without SYN, FIN, RST and ACK moves nothing`(state: ConnectionState) {
        #expect(TCPEvent(flags: 0x08) == .other)
        #expect(walk([(.other, .fromClient), (.other, .fromBackend)], from: state) == state)
    }

    @Test(
        arguments: [
            (0x14, TCPEvent.rst), (0x12, .syn), (0x02, .syn), (0x11, .fin), (0x10, .ack),
            (0x18, .ack),
            (0x00, .other),
        ] as [(UInt8, TCPEvent)]
    )
    func `flags are read in the order RST, SYN, FIN, ACK`(flags: UInt8, event: TCPEvent) {
        #expect(TCPEvent(flags: flags) == event)
    }
}

@Suite struct ConnectionStateTests {
    @Test(arguments: ConnectionState.allCases)
    func `the number of a state is the state`(state: ConnectionState) {
        #expect(ConnectionState.numbered(state.rawValue) == state)
    }

    @Test func `numbers of states have no gap`() {
        #expect(ConnectionState.allCases.map { Int($0.rawValue) } == Array(0...29))
    }
}
