// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import PacketTesting
import Reload
import Testing

/// Remembered states share what they have in common, and nobody can tell.
struct KeptStateTests {
    @Test(arguments: 0..<UInt64(50))
    func `a state is remembered as it was, beside any other`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let (a, b) = (DesiredState.random(&generator), DesiredState.random(&generator))
        let first = KeptState(a)
        let second = KeptState(b, sharing: first)
        #expect(first.state == a)
        #expect(second.state == b)
        #expect(KeptState(a, sharing: second).state == a)
    }

    private static let services = (1...100).map { Service.sample("s\($0)", port: UInt16($0)) }

    @Test func `one service that changed is all that is not shared`() {
        var state = DesiredState()
        state.services = Self.services
        let first = KeptState(state)
        state.services[40].backends[0].weight = 7
        let second = KeptState(state, sharing: first)
        #expect(second.unsharedObjects(with: first) == 1)
        #expect(second.state == state)
        #expect(KeptState(state, sharing: second).unsharedObjects(with: second) == 0)
    }

    @Test func `services that moved are shared, too`() {
        var state = DesiredState()
        state.services = Self.services
        let first = KeptState(state)
        state.services.insert(.sample("new", port: 1000), at: 0)
        let second = KeptState(state, sharing: first)
        #expect(second.unsharedObjects(with: first) == 1)
        state.services.removeFirst(50)
        #expect(KeptState(state, sharing: second).unsharedObjects(with: second) == 0)
    }
}
