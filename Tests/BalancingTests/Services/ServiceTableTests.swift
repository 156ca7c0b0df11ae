// SPDX-License-Identifier: Apache-2.0
import Addressing
import Networking
import PacketTesting
import Testing

@testable import Balancing

/// A service as a list of rules knows it; its number is the slot of its record.
private struct Rule {
    var prefix: IPPrefix
    var ports: ClosedRange<UInt16>
    var `protocol`: FlowProtocol
    var number: UInt32

    func holds(_ flow: Flow) -> Bool {
        `protocol` == flow.protocol && prefix.contains(flow.destination.address)
            && ports.contains(flow.destinationPort)
    }

    /// Longest prefix, then fewest ports.
    func isMoreSpecific(than other: Rule) -> Bool {
        (-prefix.length, ports.count) < (-other.prefix.length, other.ports.count)
    }

    func clashes(with other: Rule) -> Bool {
        prefix == other.prefix && `protocol` == other.protocol && ports.overlaps(other.ports)
            && (ports == other.ports
                || !ports.contains(other.ports) && !other.ports.contains(ports))
    }
}

extension ClosedRange<UInt16> {
    fileprivate func contains(_ other: Self) -> Bool {
        lowerBound <= other.lowerBound && other.upperBound <= upperBound
    }
}

private func record(_ number: UInt32) -> ServiceRecord {
    ServiceRecord(
        slot: number,
        kind: .fnat,
        backends: [],
        scheduler: Scheduler(.circle, members: [], entries: []),
        localAddresses: []
    )
}

/// A table with its records, all gone at the end.
private final class Services {
    let table: ServiceTable
    private let records: [ServiceRecord]

    init(_ rules: [Rule], matches: [(ServiceRecord) -> ServiceMatches.Rule] = []) {
        let records = rules.map { record($0.number) }
        let others = matches.indices.map { record(UInt32(1000 + $0)) }
        table = ServiceTable(
            zip(rules, records)
                .map { rule, record in
                    ServiceRanges.Rule(
                        prefix: rule.prefix,
                        ports: rule.ports,
                        protocol: rule.protocol,
                        record: record
                    )
                },
            matches: zip(matches, others).map { $0($1) }
        )
        self.records = records + others
    }

    deinit {
        table.destroy()
        records.forEach { $0.destroy() }
    }

    func number(_ flow: Flow) -> UInt32? { table.service(for: flow)?.slot }

    func passing(_ flow: Flow, _ input: InterfaceID = 0, _ output: InterfaceID = 1) -> UInt32? {
        table.matches.service(for: flow, Passage(input: input, output: output))?.slot
    }
}

@Suite struct ServiceTableTests {
    private func prefix(_ text: String) throws -> IPPrefix { try required(IPPrefix(text)) }

    private func flow(to text: String, _ protocol: FlowProtocol = .tcp) throws -> Flow {
        let endpoint = try required(Endpoint(text))
        let from: IPAddress =
            endpoint.address.family == .ipv4 ? .v4(.any) : .v6(IPv6Address(high: 1, low: 1))
        return Flow(from: from, 1000, to: endpoint.address, endpoint.port, `protocol`)
    }

    @Test func `a copy with another record leaves the original and what both have in common`()
        throws
    {
        func rule(
            _ network: String,
            _ ports: ClosedRange<UInt16>,
            _ number: UInt32
        ) throws
            -> ServiceRanges.Rule
        {
            ServiceRanges.Rule(
                prefix: try prefix(network),
                ports: ports,
                protocol: .tcp,
                record: record(number)
            )
        }
        let (one, two) = (try rule("10.0.0.1/32", 80...80, 1), try rule("10.0.0.2/32", 80...80, 2))
        let wide = try rule("10.0.0.0/24", 0...65535, 3)
        let (new, stranger) = (
            try rule("10.0.0.2/32", 80...80, 4), try rule("10.0.0.3/32", 80...80, 5)
        )
        defer { for rule in [one, two, wide, new, stranger] { rule.record.destroy() } }
        let table = ServiceTable([one, two, wide])
        let copy = try required(table.replacing([new]))
        func found(_ table: ServiceTable) throws -> [UInt32?] {
            try ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]
                .map { table.service(for: try flow(to: $0))?.slot }
        }
        #expect(try found(table) == [1, 2, 3])
        #expect(try found(copy) == [1, 4, 3])
        #expect(table.replacing([stranger]) == nil, "a place for it there is not")
        #expect(table.replacing([wide]) == nil, "networks are in what both have in common")
        table.destroy()
        let last = try required(copy.replacing([two]))
        copy.destroy()
        #expect(try found(last) == [1, 2, 3])
        last.destroy()
    }

    @Test func `address, then prefix, then ports decide, the most specific first`() throws {
        let services = Services([
            Rule(prefix: try prefix("203.0.0.0/16"), ports: 443...443, protocol: .tcp, number: 1),
            Rule(prefix: try prefix("203.0.113.0/24"), ports: 0...65535, protocol: .tcp, number: 2),
            Rule(
                prefix: try prefix("203.0.113.0/24"),
                ports: 8000...8999,
                protocol: .tcp,
                number: 3
            ),
            Rule(
                prefix: try prefix("203.0.113.0/24"),
                ports: 8080...8080,
                protocol: .tcp,
                number: 4
            ),
            Rule(prefix: try prefix("203.0.113.9/32"), ports: 0...65535, protocol: .tcp, number: 5),
            Rule(prefix: try prefix("203.0.113.9/32"), ports: 80...80, protocol: .tcp, number: 6),
            Rule(prefix: try prefix("203.0.113.0/24"), ports: 53...53, protocol: .udp, number: 7),
            Rule(prefix: try prefix("2001:db8::/32"), ports: 80...90, protocol: .tcp, number: 8),
        ])
        #expect(services.number(try flow(to: "203.0.1.1:443")) == 1)
        #expect(services.number(try flow(to: "203.0.1.1:80")) == nil)
        #expect(services.number(try flow(to: "203.0.113.1:443")) == 2)
        #expect(services.number(try flow(to: "203.0.113.1:8001")) == 3)
        #expect(services.number(try flow(to: "203.0.113.1:8080")) == 4)
        #expect(services.number(try flow(to: "203.0.113.9:8080")) == 5)
        #expect(services.number(try flow(to: "203.0.113.9:80")) == 6)
        #expect(services.number(try flow(to: "203.0.113.9:53", .udp)) == 7)
        #expect(services.number(try flow(to: "203.0.113.9:54", .udp)) == nil)
        #expect(services.number(try flow(to: "[2001:db8:1::1]:85")) == 8)
        #expect(services.number(try flow(to: "[2001:db9::1]:85")) == nil)
        #expect(services.number(try flow(to: "204.0.0.1:443")) == nil)
    }

    @Test func `what no prefix of one family holds is not looked for in the other`() throws {
        let services = Services([
            Rule(prefix: try prefix("0.0.0.0/0"), ports: 0...65535, protocol: .tcp, number: 4),
            Rule(prefix: try prefix("::/0"), ports: 80...80, protocol: .tcp, number: 6),
        ])
        #expect(services.number(try flow(to: "10.0.0.1:80")) == 4)
        #expect(services.number(try flow(to: "[2001:db8::1]:80")) == 6)
        #expect(services.number(try flow(to: "[2001:db8::1]:81")) == nil)
    }

    @Test(arguments: 0..<40)
    func `the table agrees with a list that is searched by the words of the rule`(seed: Int) throws
    {
        var generator = SeededGenerator(seed: UInt64(seed))
        var rules: [Rule] = []
        for number in 0..<60 {
            let rule = Self.randomRule(UInt32(number), &generator)
            if !rules.contains(where: { $0.clashes(with: rule) }) { rules.append(rule) }
        }
        let services = Services(rules)
        for _ in 0..<2_000 {
            let address = Self.randomAddress(&generator)
            let flow = Flow(
                from: address,
                1000,
                to: address,
                Self.randomPort(&generator),
                Bool.random(using: &generator) ? .tcp : .udp
            )
            let wanted = rules.filter { $0.holds(flow) }
                .min { $0.isMoreSpecific(than: $1) }
            #expect(services.number(flow) == wanted?.number, "\(flow)")
        }
    }

    /// Few bits that differ, so that prefixes and packets meet.
    private static func randomAddress(_ generator: inout SeededGenerator) -> IPAddress {
        let bits = UInt32.random(in: 0..<16, using: &generator)
        if Bool.random(using: &generator) {
            return .v4(IPv4Address(rawValue: 0x0A00_0000 | bits << 20 | bits))
        }
        return .v6(IPv6Address(high: 0x2001_0DB8_0000_0000 | UInt64(bits), low: UInt64(bits)))
    }

    private static func randomPort(_ generator: inout SeededGenerator) -> UInt16 {
        UInt16.random(in: 0..<12, using: &generator)
    }

    private static func randomRule(
        _ number: UInt32,
        _ generator: inout SeededGenerator
    ) -> Rule {
        let address = randomAddress(&generator)
        let width = address.family.width
        let length = [0, 8, 10, 12, 60, 63, width - 2, width, width].filter { $0 <= width }
            .randomElement(using: &generator)
        let prefix = IPPrefix(address, length: length ?? width)?.network
        let (one, other) = (randomPort(&generator), randomPort(&generator))
        let ports = [min(one, other)...max(one, other), one...one, 0...65535]
            .randomElement(using: &generator)
        return Rule(
            prefix: prefix ?? IPPrefix(host: address),
            ports: ports ?? one...one,
            protocol: Bool.random(using: &generator) ? .tcp : .udp,
            number: number
        )
    }

    // MARK: - Packets that pass through

    @Test func `the first match counts, by addresses, ports, protocol and interfaces`() throws {
        let lan = try prefix("10.1.0.0/16").bounds
        let any = IPPrefix.any(.ipv4).bounds
        let services = Services(
            [],
            matches: [
                {
                    ServiceMatches.Rule(
                        sources: lan,
                        destinations: any,
                        ports: 25...25,
                        protocol: .tcp,
                        record: $0
                    )
                },
                {
                    ServiceMatches.Rule(
                        sources: lan,
                        destinations: any,
                        protocol: .tcp,
                        input: 0,
                        output: 1,
                        record: $0
                    )
                },
                {
                    ServiceMatches.Rule(
                        sources: any,
                        destinations: any,
                        sourcePorts: 1000...2000,
                        protocol: .udp,
                        record: $0
                    )
                },
            ]
        )
        func flow(_ from: String, _ to: String, _ protocol: FlowProtocol = .tcp) throws -> Flow {
            let (from, to) = (try required(Endpoint(from)), try required(Endpoint(to)))
            return Flow(from: from.address, from.port, to: to.address, to.port, `protocol`)
        }
        #expect(services.passing(try flow("10.1.2.3:9", "192.0.2.1:25")) == 1000)
        #expect(services.passing(try flow("10.1.2.3:9", "192.0.2.1:26")) == 1001)
        #expect(services.passing(try flow("10.1.2.3:9", "192.0.2.1:26"), 1, 1) == nil)
        #expect(services.passing(try flow("10.1.2.3:9", "192.0.2.1:26"), 0, 0) == nil)
        #expect(services.passing(try flow("10.2.2.3:9", "192.0.2.1:25")) == nil)
        #expect(services.passing(try flow("10.2.2.3:1500", "192.0.2.1:25", .udp)) == 1002)
        #expect(services.passing(try flow("10.2.2.3:2001", "192.0.2.1:25", .udp)) == nil)
        #expect(services.passing(try flow("[2001:db8::1]:9", "[2001:db8::2]:25")) == nil)
    }
}
