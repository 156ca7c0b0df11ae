// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Balancing

@Suite final class SCTPTransitionsTests {
    private let table = SCTPTransitions()
    private let oneSided = SCTPTransitions(isOneSided: true)

    private func walk(
        _ steps: [(SCTPEvent, Direction)],
        from start: SCTPState = .none
    ) -> [SCTPState] {
        var states: [SCTPState] = []
        for step in steps { states.append(table.next(states.last ?? start, step.0, step.1)) }
        return states
    }

    @Test func `four chunks establish an association`() {
        let states = walk([
            (.initiation, .inbound), (.initiationAck, .outbound), (.cookieEcho, .inbound),
            (.cookieAck, .outbound),
        ])
        #expect(states == [.init1, .cookieSent, .cookieEchoed, .established])
    }

    @Test func `a backend may begin as well`() {
        let states = walk([
            (.initiation, .outbound), (.initiationAck, .inbound), (.cookieEcho, .outbound),
            (.cookieAck, .inbound),
        ])
        #expect(states == [.cookieWait, .cookieReplied, .cookie, .established])
    }

    @Test func `a client alone establishes nothing`() {
        let states = walk([
            (.initiation, .inbound), (.initiation, .inbound), (.initiationAck, .inbound),
            (.cookieEcho, .inbound), (.cookieAck, .inbound), (.data, .inbound),
        ])
        #expect(states == [.init1] + Array(repeating: .initiated, count: 5))
    }

    @Test(
        arguments: [
            (.inbound, .outbound, .shutdownReceived), (.outbound, .inbound, .shutdownSent),
        ] as [(Direction, Direction, SCTPState)]
    )
    func `three chunks end it, whoever begins`(
        first: Direction,
        second: Direction,
        state: SCTPState
    ) {
        let steps: [(SCTPEvent, Direction)] = [
            (.shutdown, first), (.data, second), (.shutdownAck, second), (.shutdownComplete, first),
        ]
        let states = walk(steps, from: .established)
        #expect(states == [state, state, .shutdownAckSent, .closed])
    }

    @Test(arguments: SCTPState.allCases)
    func `ABORT ends every state`(state: SCTPState) {
        #expect(table.next(state, .abort, .inbound) == .closed)
        let refusable: [SCTPState] = [.init1, .initiated, .cookieSent, .cookieEchoed, .rejected]
        let expected: SCTPState = refusable.contains(state) ? .rejected : .closed
        #expect(table.next(state, .abort, .outbound) == expected)
    }

    @Test(arguments: SCTPState.allCases)
    func `data, heartbeats and errors of clients move nothing`(state: SCTPState) {
        for event in [SCTPEvent.data, .other] {
            #expect(table.next(state, event, .inbound) == state)
            #expect(table.next(state, event, .outbound) == state)
        }
        #expect(table.next(state, .error, .inbound) == state)
    }

    @Test(arguments: [SCTPState.none, .closed, .rejected])
    func `INIT begins anew where nothing lives`(state: SCTPState) {
        #expect(table.next(state, .initiation, .inbound) == .init1)
        #expect(table.next(state, .initiation, .outbound) == .cookieWait)
    }

    @Test(arguments: [SCTPState.established, .shutdownSent, .shutdownReceived, .shutdownAckSent])
    func `INIT and COOKIE ECHO do not disturb what lives`(state: SCTPState) {
        for event in [SCTPEvent.initiation, .initiationAck, .cookieEcho, .cookieAck] {
            #expect(table.next(state, event, .inbound) == state)
            #expect(table.next(state, event, .outbound) == state)
        }
    }

    @Test func `a cookie that came too late is refused, and the client begins again`() {
        let states = walk([(.error, .outbound), (.initiation, .inbound)], from: .cookieEchoed)
        #expect(states == [.rejected, .init1])
    }

    @Test func `where backends are not seen, clients are believed`() {
        let steps: [(SCTPEvent, SCTPState)] = [
            (.initiation, .init1), (.cookieEcho, .cookieEchoed), (.data, .established),
            (.shutdown, .shutdownReceived), (.shutdownComplete, .closed),
        ]
        var state = SCTPState.none
        for (event, expected) in steps {
            state = oneSided.next(state, event, .inbound)
            #expect(state == expected)
        }
        #expect(oneSided.next(.established, .shutdownAck, .inbound) == .shutdownAckSent)
        #expect(oneSided.next(.init1, .data, .inbound) == .init1)
    }

    @Test func `only INIT opens an association`() {
        #expect(SCTPEvent.allCases.filter(\.opens) == [.initiation])
    }

    @Test func `states live as long as those of DPVS`() {
        let seconds = SCTPState.allCases.map { Int($0.timeout.components.seconds) }
        #expect(seconds == [2, 4, 61, 61, 61, 61, 61, 61, 900, 61, 61, 61, 4, 61])
    }
}

@Suite struct SCTPStateTests {
    @Test(arguments: UInt8.min...UInt8.max)
    func `a number is the state with that raw value, or none`(number: UInt8) {
        #expect(SCTPState.numbered(number) == SCTPState(rawValue: number) ?? .none)
    }
}
