// SPDX-License-Identifier: Apache-2.0
import Addressing
import DPDK
import Synchronization
import Testing

@testable import Instance

@Suite struct FlowRulesTests {
    /// A device with room for so many rules.
    private final class Table: FlowTable {
        struct State {
            var room: Int
            var takesIPv6 = true
            var flows: [SteeredFlow] = []
            var added = 0
            var removed = 0
        }

        let state: Mutex<State>

        init(room: Int, takesIPv6: Bool = true) {
            state = Mutex(State(room: room, takesIPv6: takesIPv6))
        }

        func validate(_ flow: SteeredFlow) throws(FlowRefusal) {
            let state = state.withLock { ($0.room, $0.takesIPv6) }
            if state.0 == 0 { throw FlowRefusal(description: "no engine") }
            guard flow.address.family == .ipv4 || state.1 else {
                throw FlowRefusal(description: "no IPv6")
            }
        }

        func add(_ flow: SteeredFlow) throws(FlowRefusal) -> FlowRule {
            let isFull = state.withLock { state in
                guard state.flows.count < state.room else { return true }
                state.flows.append(flow)
                state.added += 1
                return false
            }
            if isFull { throw FlowRefusal(description: "table full") }
            return .forTests
        }

        func remove(_ rule: FlowRule) { state.withLock { $0.removed += 1 } }
    }

    private let one = IPAddress.v4(IPv4Address(10, 0, 1, 200))
    private let other = IPAddress.v4(IPv4Address(10, 0, 1, 201))
    private let six = IPAddress.v6(IPv6Address(high: 0x2001_0DB8 << 32, low: 200))

    @Test func `an address gets a rule for each class and protocol, once`() throws {
        let table = Table(room: 100)
        let rules = FlowRules(table, queues: [0, 1, 2, 0])
        #expect(rules.refusal.ipv4 == nil && rules.refusal.ipv6 == nil)
        #expect(rules.add([one]).isEmpty && rules.add([one, other]).isEmpty)
        let flows = table.state.withLock { $0.flows }
        #expect(flows.count == 16 && Set(flows).count == 16)
        let first = try #require(flows.first { $0.port == 2 && $0.protocol == .udp })
        #expect(first.portMask == 3 && first.queue == 2 && first.address == one)
    }

    @Test func `rules leave with their address`() {
        let table = Table(room: 100)
        let rules = FlowRules(table, queues: [0, 1])
        _ = rules.add([one, other])
        rules.remove(allBut: [other])
        #expect(table.state.withLock { $0.removed } == 4)
        #expect(rules.add([one]).isEmpty)
        #expect(table.state.withLock { $0.added } == 12)
    }

    @Test func `an address for which there is no room is named and leaves nothing half done`() {
        let table = Table(room: 5)
        let rules = FlowRules(table, queues: [0, 1])
        let refused = rules.add([one, other])
        #expect(refused.map(\.0) == [other])
        #expect(refused.first?.1.description == "table full")
        #expect(table.state.withLock { $0.removed } == 1)
    }

    @Test func `addresses of IPv6 get rules like others and leave like others`() {
        let table = Table(room: 100)
        let rules = FlowRules(table, queues: [0, 1])
        #expect(rules.add([one, six]).isEmpty)
        let flows = table.state.withLock { $0.flows }
        #expect(flows.count == 8 && flows.filter { $0.address == six }.count == 4)
        rules.remove(allBut: [one])
        #expect(table.state.withLock { $0.removed } == 4)
    }

    @Test func `a device with rules for IPv4 alone is not asked for others`() {
        let table = Table(room: 100, takesIPv6: false)
        let rules = FlowRules(table, queues: [0, 1])
        #expect(rules.refusal.ipv4 == nil && rules.refusal.ipv6?.description == "no IPv6")
        #expect(rules.add([one, six]).isEmpty)
        #expect(table.state.withLock { $0.flows }.map(\.address).allSatisfy { $0 == one })
    }

    @Test func `a device without rules says so`() {
        let rules = FlowRules(Table(room: 0), queues: [0, 1])
        #expect(rules.refusal.ipv4?.description == "no engine")
    }
}
