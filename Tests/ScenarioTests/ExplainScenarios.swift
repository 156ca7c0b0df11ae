// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// What `dpvs explain` says is what happens, and asking changes nothing.
@Suite struct ExplainScenarios {
    private static let transports: [TransportProtocol] = [.tcp, .udp]

    private func request(
        _ from: String,
        _ to: String,
        _ transport: TransportProtocol = .tcp
    ) throws -> ExplanationRequest {
        ExplanationRequest(
            source: try #require(Endpoint(from)),
            destination: try #require(Endpoint(to)),
            protocol: transport,
            interface: "dpdk0"
        )
    }

    private func steps(_ explanation: Explanation, _ name: String) -> [String] {
        explanation.steps.filter { $0.name == name }.map(\.text)
    }

    @Test func `the way of a first packet is told from arrival to transmission`() throws {
        let world = try dualWorld(.dual(.ipv4))
        defer { world.expectConservation() }
        let explanation = try world.explain(request("10.0.0.10:40000", "10.0.0.100:80"))
        #expect(explanation.verdict == .forwarded && explanation.dropReason == nil)
        #expect(steps(explanation, "connection") == ["none yet: this packet opens one"])
        #expect(steps(explanation, "service") == ["web tcp 10.0.0.100:80, fnat, rr"])
        #expect(steps(explanation, "backend") == ["10.0.1.2:8080"])
        #expect(steps(explanation, "next hop") == ["\(MACAddress.backend(2))"])
        let end = try #require(steps(explanation, "end").first)
        #expect(end == "transmitted on dpdk1, 54 octets")
        #expect(world.connectionCount == 0 && world.takePackets(1).isEmpty)
    }

    @Test func `a VLAN is told by its name, whatever the priority of its frames`() throws {
        var state = DesiredState.web()
        state.vlans = [VLANInterface(name: "back", link: "dpdk1", id: 7, priority: 5)]
        state.addresses[1].interface = "back"
        let world = try quickstartWorld(state)
        let explanation = try world.explain(request("10.0.0.10:40000", "10.0.0.100:80"))
        #expect(steps(explanation, "end") == ["transmitted on back, 54 octets"])
    }

    @Test func `a tunnel is told by what it makes of the packet, and by its name on arrival`()
        throws
    {
        var state = DesiredState.web(weights: [1])
        state.tunnels = [
            TunnelInterface(
                name: "far",
                kind: .gre,
                remote: IPAddress("10.0.1.3"),
                local: IPAddress("10.0.1.1"),
                companionType: .off
            )
        ]
        state.addresses.append(InterfaceAddress(interface: "far", prefix: .literal("10.9.0.1/24")))
        state.services[0].backends[0].endpoint.address = .v4(IPv4Address(10, 9, 0, 2))
        let world = try quickstartWorld(state)
        let out = try world.explain(request("10.0.0.10:40000", "10.0.0.100:80"))
        #expect(steps(out, "end") == ["transmitted on dpdk1, 78 octets"])
        #expect(steps(out, "rewrite").first?.contains("10.0.1.1 > 10.0.1.3") == true)
        var question = try request("10.9.0.2:40000", "10.0.0.100:80")
        question.interface = "far"
        let back = try world.explain(question)
        #expect(steps(back, "arrival").first?.contains("on far") == true)
        #expect(back.verdict == .forwarded, "\(back)")
    }

    @Test func `asking a hundred times takes no port, opens nothing and counts nothing`() throws {
        let world = try dualWorld(.dual(.ipv4))
        defer { world.expectConservation() }
        let question = try request("10.0.0.10:40000", "10.0.0.100:80")
        let received = world.total(.received)
        let first = try world.explain(question)
        for _ in 0..<100 { #expect(try world.explain(question) == first) }
        #expect(world.connectionCount == 0 && world.total(.received) == received)
        let totals = world.provisioner.totals()
        #expect(totals.localAddresses.allSatisfy { $0.used == 0 })
        #expect(totals.services.allSatisfy { $0.sum.allSatisfy { $0 == 0 } })
    }

    @Test func `a known connection is told with its state`() throws {
        let world = try dualWorld(.dual(.ipv4))
        world.send(Frame.tcp(from: "10.0.0.10:40000", to: "10.0.0.100:80", Frame.syn), on: 0)
        let explanation = try world.explain(request("10.0.0.10:40000", "10.0.0.100:80"))
        #expect(
            steps(explanation, "connection") == ["known, syn_recv, syn_recv after this packet"]
        )
        #expect(explanation.verdict == .forwarded)
    }

    @Test func `a drop is told with its reason`() throws {
        let world = try dualWorld(.dual(.ipv4))
        let explanation = try world.explain(request("10.0.0.10:40000", "192.0.2.1:80"))
        #expect(explanation.verdict == .dropped && explanation.dropReason == "not_for_us")
        let closed = try world.explain(request("10.0.0.10:40000", "10.0.0.100:81"))
        #expect(closed.verdict == .slowPath)
    }

    // MARK: - Other protocols

    @Test(arguments: Families.allCases)
    func `an association of SCTP is told as it opens`(families: Families) throws {
        let world = try dualWorld(.dual(families, .fnat, .sctp))
        defer { world.expectConservation() }
        let client = try #require(IPAddress(families.client))
        let question = ExplanationRequest(
            source: Endpoint(client, 40000),
            destination: Endpoint(try #require(IPAddress(families.vip)), 80),
            protocol: .sctp,
            interface: "dpdk0"
        )
        let told = try world.explain(question)
        world.send(try world.frame(of: question), on: 0)
        #expect(told.verdict == .forwarded && steps(told, "backend").count == 1)
        let frame = try #require(world.takeFrames(1).first)
        #expect(steps(told, "end") == ["transmitted on dpdk1, \(frame.count) octets"])
        let again = try world.explain(question)
        #expect(steps(again, "connection").first?.hasPrefix("known, ") == true)
        // A wrong tag, port or chunk has no association.
        let stray = try world.explain(request("10.0.0.11:40000", "10.0.0.100:81", .sctp))
        #expect(stray.verdict != .forwarded)
    }

    @Test(arguments: [Families.ipv4, .ipv6])
    func `an echo request is told with and without a service`(families: Families) throws {
        var state = DesiredState.dual(families, .fnat, .icmp, backendPort: 0)
        state.services[0].key = .init(
            address: try #require(IPAddress(families.vip)),
            port: 0,
            protocol: .icmp
        )
        let world = try dualWorld(state)
        defer { world.expectConservation() }
        let client = try #require(IPAddress(families.client))
        func question(_ destination: String) throws -> ExplanationRequest {
            ExplanationRequest(
                source: Endpoint(client, 77),
                destination: Endpoint(try #require(IPAddress(destination)), 0),
                protocol: .icmp,
                interface: "dpdk0"
            )
        }
        let told = try world.explain(question(families.vip))
        #expect(told.verdict == .forwarded)
        world.send(try world.frame(of: question(families.vip)), on: 0)
        let frame = try #require(world.takeFrames(1).first)
        #expect(steps(told, "end") == ["transmitted on dpdk1, \(frame.count) octets"])
        let own = families == .ipv4 ? "10.0.0.1" : "2001:db8::1"
        #expect(try world.explain(question(own)).verdict == .slowPath)
    }

    /// Random packets, to services and elsewhere: what was told before each of them comes to pass.
    @Test(arguments: [ForwardingMode.fnat, .nat, .dr, .tunnel], [1, 2, 3] as [UInt64])
    func `explain equals what happens`(mode: ForwardingMode, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let families: Families = mode == .fnat ? (seed == 3 ? .nat64 : .ipv6) : .ipv4
        let world = try dualWorld(.dual(families, mode, seed == 2 ? .udp : .tcp))
        defer { world.expectConservation() }
        let destinations = [families.vip, families.vip, families.vip, families.router]
        for _ in 0..<200 {
            let port = UInt16.random(in: 40000...40020, using: &random)
            let address = try #require(destinations.randomElement(using: &random))
            let from = Endpoint(try #require(IPAddress(families.client)), port)
            let target = try #require(IPAddress(address))
            guard from.address.family == target.family else { continue }
            let to = Endpoint(target, UInt16.random(in: 79...81, using: &random))
            let transport = try #require(Self.transports.randomElement(using: &random))
            let question = ExplanationRequest(
                source: from,
                destination: to,
                protocol: transport,
                flags: [["syn"], ["ack"], ["fin", "ack"], ["rst"]].randomElement(using: &random),
                interface: "dpdk0"
            )
            let told = try world.explain(question)
            let before = world.dropCounts
            world.links[0].deliver(try world.frame(of: question), queue: 0)
            world.turn(worker: 0)
            let frames = world.links[1].takeDeparted() + world.links[0].takeDeparted()
            let drops = world.dropCounts.filter { $0.value != before[$0.key] }
            switch told.verdict {
            case .forwarded:
                let frame = try #require(frames.first, "seed \(seed): \(told)")
                #expect(steps(told, "end") == ["transmitted on dpdk1, \(frame.count) octets"])
                let mac = frame.prefix(6).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                #expect(steps(told, "next hop") == ["\(MACAddress(rawValue: mac))"])
            case .dropped:
                #expect(drops.keys.map(\.name) == [told.dropReason], "seed \(seed): \(told)")
            case .slowPath, .redirected: #expect(frames.isEmpty && drops.isEmpty)
            }
            world.settle()
            _ = (world.takePackets(0), world.takePackets(1))
        }
    }
}

extension World {
    /// Asks the workers and tries the packet, as the daemon does.
    func explain(_ request: ExplanationRequest) throws -> Explanation {
        let flow = try provisioner.flow(of: request)
        let cells = engine.interchange.inspections
        for cell in cells { #expect(cell.ask(flow)) }
        turn()
        return try provisioner.explain(request, answers: cells.map(\.answer), at: now)
    }

    var dropCounts: [DropReason: Int] {
        Dictionary(uniqueKeysWithValues: DropReason.allCases.map { ($0, drops($0)) })
    }

    /// The packet that `request` is about, in a frame.
    func frame(of request: ExplanationRequest) throws -> [UInt8] {
        var frame = RehearsalFrame(try provisioner.flow(of: request), to: Self.portMACs[0])
        let bits: [String: UInt8] = ["fin": 1, "syn": 2, "rst": 4, "ack": 16]
        frame.tcpFlags = (request.flags ?? []).reduce(0) { $0 | (bits[$1] ?? 0) }
        return frame.octets
    }
}
