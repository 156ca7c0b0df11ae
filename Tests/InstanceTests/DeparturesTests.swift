// SPDX-License-Identifier: Apache-2.0
import DPDK
import Testing

@testable import Instance

@Suite struct DeparturesTests {
    /// What was done with devices, in order.
    private final class Machine {
        var wanted: Set<String> = []
        var deeds: [String] = []
    }

    private struct Part: DeparturePart {
        let name: String
        let machine: Machine

        var description: String { "0000:01:00.0" }
        var isWantedBack: Bool { machine.wanted.contains(name) }

        func leave() { machine.deeds.append("leave \(name)") }

        func letGo() { machine.deeds.append("let go \(name)") }
    }

    private let machine = Machine()

    private func departures() -> Departures<Part> {
        Departures(["dpdk0", "dpdk1"].map { Part(name: $0, machine: machine) })
    }

    @Test func `nothing is said or done while no device is wanted back`() {
        var departures = departures()
        #expect(departures.look(turns: [1, 1]).isEmpty && machine.deeds.isEmpty)
    }

    @Test func `a device is given up when each worker has turned since it was left, and once`() {
        var departures = departures()
        machine.wanted = ["dpdk1"]
        let lines = departures.look(turns: [100, 50])
        #expect(
            lines == ["device dpdk1: 0000:01:00.0 is taken away; the workers leave it"]
        )
        #expect(machine.deeds == ["leave dpdk1"])
        for turns: [UInt64] in [[100, 50], [101, 51], [900, 51]] {
            #expect(departures.look(turns: turns).isEmpty)
            #expect(machine.deeds == ["leave dpdk1"], "a worker may be in its burst: \(turns)")
        }
        #expect(departures.look(turns: [900, 52]).isEmpty)
        #expect(machine.deeds == ["leave dpdk1", "let go dpdk1"])
        #expect(departures.look(turns: [901, 53]).isEmpty && machine.deeds.count == 2)
    }

    @Test func `the other device goes on, and may go later`() {
        var departures = departures()
        machine.wanted = ["dpdk0"]
        for turns: UInt64 in [1, 3, 5] { _ = departures.look(turns: [turns]) }
        machine.wanted = ["dpdk0", "dpdk1"]
        for turns: UInt64 in [7, 9] { _ = departures.look(turns: [turns]) }
        #expect(machine.deeds == ["leave dpdk0", "let go dpdk0", "leave dpdk1", "let go dpdk1"])
    }
}
