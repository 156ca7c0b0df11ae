// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing
import Timing

/// Connections seen from outside while their worker turns, and ended.
@Suite(.timeLimit(.minutes(2))) struct ConnectionScenarios {
    private func with(
        patience: Duration = .seconds(60),
        connections: Int,
        _ body: (TurningDataplane) async throws -> Void
    ) async throws {
        let dataplane = try TurningDataplane(patience: patience)
        do {
            try await dataplane.conductor.apply(.web())
            for number in 0..<connections {
                dataplane.send(
                    Frame.tcp(
                        from: "10.0.0.\(10 + number % 2):\(40_000 + number)",
                        to: "10.0.0.100:80",
                        Frame.syn
                    )
                )
            }
            let wanted = UInt64(connections)
            await dataplane.wait { dataplane.count(.connectionsOpened) == wanted }
            try await body(dataplane)
        } catch {
            Issue.record(error)
        }
        await dataplane.end()
    }

    private func all(
        _ dataplane: TurningDataplane,
        _ pattern: FlowPattern = FlowPattern()
    ) async throws -> [SeenConnection] {
        var seen: [SeenConnection] = []
        var next: UInt32? = 0
        while let position = next {
            let sight = try await dataplane.conductor.connections(of: 0, from: position, pattern)
            seen += sight.connections
            next = sight.next
        }
        return seen
    }

    private func end(_ text: String, port: UInt16? = nil) throws -> FlowPattern.End {
        FlowPattern.End(try required(IPPrefix(text)), port: port)
    }

    @Test func `a walk over many turns finds each connection once, those that fit a pattern`()
        async throws
    {
        try await with(connections: 500) { dataplane in
            let seen = try await all(dataplane)
            #expect(Set(seen.map(\.client)).count == 500 && seen.count == 500)
            #expect(seen.allSatisfy { $0.state == .synReceived && $0.kind == .fnat })
            #expect(seen.allSatisfy { $0.remaining > 0 })
            let owners = await dataplane.conductor.owners(ServiceFilter(["web"]), nil)
            #expect(seen.allSatisfy { owners[$0.backendSlot]?.serviceText == "tcp 10.0.0.100:80" })
            let others = await dataplane.conductor.owners(ServiceFilter(["mail"]), nil)
            #expect(seen.allSatisfy { others[$0.backendSlot] == nil })
            // From the middle on.
            let rest = try await dataplane.conductor.connections(of: 0, from: 300, FlowPattern())
            #expect(rest.connections.count == 200 && rest.next == nil)
        }
    }

    @Test func `patterns tell clients, ports, protocols and states apart`() async throws {
        try await with(connections: 100) { dataplane in
            let half = try await all(dataplane, FlowPattern(client: end("10.0.0.11/32")))
            #expect(half.count == 50 && half.allSatisfy { $0.client.sourcePort % 2 == 1 })
            let patterns: [(FlowPattern, Int)] = [
                (FlowPattern(client: try end("10.0.0.8/29")), 100),
                (FlowPattern(client: try end("10.0.0.16/29")), 0),
                (FlowPattern(client: try end("0.0.0.0/0")), 100),
                (FlowPattern(client: try end("2001:db8::/32")), 0),
                (FlowPattern(client: try end("10.0.0.8/29", port: 40_001)), 1),
                (FlowPattern(virtual: try end("10.0.0.100/32", port: 80)), 100),
                (FlowPattern(virtual: try end("10.0.0.100/32", port: 81)), 0),
                (FlowPattern(protocol: .udp), 0), (FlowPattern(states: [.established]), 0),
                (FlowPattern(states: [.established, .synReceived]), 100),
            ]
            for (pattern, count) in patterns {
                let seen = try await all(dataplane, pattern)
                #expect(seen.count == count, "\(pattern)")
            }
            // All of a flow is said: it is looked up.
            let one = FlowPattern(
                client: try end("10.0.0.11/32", port: 40_001),
                virtual: try end("10.0.0.100/32", port: 80),
                protocol: .tcp
            )
            let found = try await all(dataplane, one)
            #expect(found.map(\.client.sourcePort) == [40_001])
        }
    }

    @Test func `connections that are ended are gone, with their ports and counts`() async throws {
        try await with(connections: 100) { dataplane in
            let half = try await all(dataplane, FlowPattern(client: end("10.0.0.11/32")))
            let ended = try await dataplane.conductor.end(half, of: 0)
            #expect(ended == 50)
            let left = try await all(dataplane)
            #expect(left.count == 50 && left.allSatisfy { $0.client.sourcePort % 2 == 0 })
            // What is gone is not ended again, and nobody else in its place.
            let again = try await dataplane.conductor.end(half, of: 0)
            #expect(again == 0)
            let totals = await dataplane.conductor.totals(of: ServiceFilter())
            #expect(totals.inactiveConnections == 50)
            #expect(totals.localAddresses.reduce(0) { $0 + $1.used } == 50)
        }
    }

    @Test func `an answer that came too late is not taken for the next one`() async throws {
        // Long enough for a worker beside a busy machine to be there before it is held.
        try await with(patience: .seconds(2), connections: 10) { dataplane in
            dataplane.hold(true)
            await #expect(throws: ProvisioningError.self) { _ = try await all(dataplane) }
            dataplane.hold(false)
            let none = try await all(dataplane, FlowPattern(protocol: .udp))
            let some = try await all(dataplane)
            #expect(none.isEmpty && some.count == 10)
        }
    }
}
