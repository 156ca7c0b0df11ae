// SPDX-License-Identifier: Apache-2.0
import Addressing
import Dataplane
import Model
import Networking
import Packet
import PacketTesting
import Testing

@Suite struct SlowPathScenarios {
    private func ask(_ target: String, from host: String = "10.0.0.10") -> [UInt8] {
        Frame.arp(from: host, at: .client(10), to: target)
    }

    @Test(arguments: ["10.0.0.1", "10.0.0.100"])
    func `ARP is answered for interface and virtual addresses`(address: String) throws {
        let world = try quickstartWorld()
        world.send(ask(address), on: 0)
        let reply = try #require(world.takeARP(0).first)
        #expect(reply.arp?.operation == 2)
        #expect(reply.arp?.sender.description == address)
        #expect(reply.arp?.senderMAC == World.portMACs[0])
        #expect(reply.destinationMAC == .client(10))
        world.expectConservation()
    }

    @Test(arguments: ["10.0.0.77", "10.0.1.1", "10.0.0.10"])
    func `ARP for others, and for addresses of another link, is not answered`(
        address: String
    ) throws {
        let world = try quickstartWorld()
        world.send(ask(address), on: 0)
        #expect(world.takeARP(0).isEmpty)
        world.expectConservation()
    }

    @Test func `ARP of IEEE 802 networks is understood, and answered as that of Ethernet`() throws {
        let world = try quickstartWorld()
        var request = ask("10.0.0.1")
        request[15] = 6
        world.send(request, on: 0)
        #expect(world.drops(.badARP) == 0 && world.takeARP(0).first?.arp?.operation == 2)
        request[15] = 7
        world.send(request, on: 0)
        #expect(world.drops(.badARP) == 1 && world.takeARP(0).isEmpty)
        world.expectConservation()
    }

    /// An echo request with options, a whole number of words.
    private func echo(_ options: [UInt8]) -> [UInt8] {
        var frame = Frame.echo(from: "10.0.0.10", to: "10.0.0.1")
        frame.insert(contentsOf: options, at: 34)
        frame[14] = 0x40 | UInt8(5 + options.count / 4)
        frame[17] += UInt8(options.count)
        frame.replaceSubrange(24..<26, with: [0, 0])
        let sum = Checksum.of(Array(frame[14..<34 + options.count]))
        frame.replaceSubrange(24..<26, with: [UInt8(sum >> 8), UInt8(sum & 0xFF)])
        return frame
    }

    /// RFC 1122 section 3.2.2.6.
    @Test(
        arguments: [
            // Room for another hop; no room; behind a no-operation; with what no reply has.
            ([7, 11, 8, 1, 1, 1, 1, 0, 0, 0, 0, 0], [7, 11, 12, 1, 1, 1, 1, 10, 0, 0, 1, 0]),
            ([7, 7, 8, 1, 1, 1, 1, 0], [7, 7, 8, 1, 1, 1, 1, 0]),
            ([1, 7, 7, 4, 0, 0, 0, 0], [7, 7, 8, 10, 0, 0, 1, 0]),
            ([148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0], [7, 7, 8, 10, 0, 0, 1, 0]),
            ([68, 8, 9, 0x10, 1, 2, 3, 4], [68, 8, 9, 0x20, 1, 2, 3, 4]),
            ([68, 12, 5, 3, 10, 0, 0, 2, 0, 0, 0, 0], [68, 12, 5, 3, 10, 0, 0, 2, 0, 0, 0, 0]),
            ([7, 2, 4, 0], []), ([7, 99, 4, 0], []),
        ] as [([UInt8], [UInt8])]
    )
    func `an echo reply has the recorded route and the times of its request, with our own`(
        _ options: ([UInt8], [UInt8])
    ) throws {
        let world = try quickstartWorld()
        defer { world.expectConservation() }
        world.send(echo(options.0), on: 0)
        let reply = try #require(world.takeFrames(0).last)
        let length = Int(reply[14] & 0xF) * 4
        #expect(Array(reply[34..<14 + length]) == options.1)
        #expect(reply[14 + length] == 0 && Checksum.of(Array(reply[14..<14 + length])) == 0)
    }

    @Test func `a time of ours is one since no midnight`() throws {
        let world = try quickstartWorld()
        world.send(echo([68, 12, 5, 1] + Array(repeating: 0, count: 8)), on: 0)
        let reply = try #require(world.takeFrames(0).last)
        #expect(Array(reply[34..<42]) == [68, 12, 13, 1, 10, 0, 0, 1] && reply[42] & 0x80 != 0)
        world.expectConservation()
    }

    @Test func `new own addresses are announced on their link`() throws {
        let world = try World(.web())
        world.settle()
        let announced = world.takeARP(0).compactMap(\.arp).filter { $0.sender == $0.target }
        let addresses = Set(announced.map(\.sender.description))
        #expect(addresses.isSuperset(of: ["10.0.0.1", "10.0.0.100"]))
        world.advance(.seconds(3))
        _ = world.takeARP(0)
        world.slowPath.linkCameUp(0)
        world.settle()
        #expect(world.takeARP(0).contains { $0.arp?.sender.description == "10.0.0.100" })
        world.expectConservation()
    }

    /// RFC 5227 section 2.4.
    @Test func `an own address that another node claims is defended, once in ten seconds`() throws {
        let world = try quickstartWorld()
        defer { world.expectConservation() }
        world.advance(.seconds(3))
        _ = world.takeARP(0)
        func claim(_ address: String = "10.0.0.100") -> [String] {
            world.send(Frame.arp(from: address, at: .client(66), to: address), on: 0)
            world.advance(.seconds(2))
            return world.takeARP(0).compactMap(\.arp)
                .filter { $0.sender == $0.target && $0.senderMAC == World.portMACs[0] }
                .map(\.sender.description)
        }
        #expect(claim() == ["10.0.0.100"])
        #expect(world.slowPath.addressConflicts.map(\.claimant) == [.client(66)])
        #expect(claim() == [], "two that both insist fill no link")
        #expect(claim("10.0.0.1") == ["10.0.0.1"])
        #expect(claim("10.0.0.77") == [] && claim("10.0.1.1") == [])
        #expect(world.total(.addressConflicts) == 3)
        world.advance(.seconds(10))
        #expect(claim() == ["10.0.0.100"])
        world.advance(.seconds(70))
        #expect(world.slowPath.addressConflicts.isEmpty)
    }

    @Test func `an address that is given up is not defended any more`() throws {
        let world = try quickstartWorld()
        defer { world.expectConservation() }
        world.advance(.seconds(3))
        world.send(Frame.arp(from: "10.0.0.100", at: .client(66), to: "10.0.0.100"), on: 0)
        try world.change { $0.services = [] }
        _ = world.takeARP(0)
        world.advance(.seconds(3))
        #expect(world.takeARP(0).isEmpty)
    }

    @Test func `a backend that nobody knows yet is asked for and gets the packet that waited`()
        throws
    {
        let world = try World(.web())
        world.hosts[0][IPv4Address(10, 0, 0, 10)] = .client(10)
        world.settle()
        world.send(Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn), on: 0)
        #expect(world.take(1).isEmpty)
        #expect(world.takeARP(1).contains { $0.arp?.target.description == "10.0.1.2" })
        #expect(world.total(.held) == 1)
        world.hosts[1][IPv4Address(10, 0, 1, 2)] = .backend(2)
        world.advance(.seconds(2))
        #expect(world.take(1).first?.destinationMAC == .backend(2))
        #expect(world.total(.held) == 0)
        world.expectConservation()
    }

    @Test func `packets for a backend that never answers are dropped by name`() throws {
        let world = try World(.web())
        world.settle()
        world.send(Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn), on: 0)
        world.advance(.seconds(5))
        #expect(world.drops(.neighbourUnresolved) == 1 && world.total(.held) == 0)
        world.expectConservation()
    }

    @Test func `the queue for one neighbour has an end`() throws {
        var limits = SlowPathLimits()
        limits.neighbours.queueLength = 4
        let world = try World(.web(weights: [1]), slowPathLimits: limits)
        world.settle()
        for port in 1...10 {
            world.send(
                Frame.tcp(from: "10.0.0.10:\(port)", to: "10.0.0.100:80", Frame.syn),
                on: 0
            )
        }
        #expect(world.total(.held) == 4 && world.drops(.neighbourQueueFull) == 6)
        world.expectConservation()
    }

    @Test func `connections follow a backend to a new MAC address at once`() throws {
        let world = try quickstartWorld(.web(.udp, weights: [1]))
        let datagram = Frame.udp(from: "10.0.0.10:4000", to: "10.0.0.100:80")
        world.send(datagram, on: 0)
        #expect(world.take(1).first?.destinationMAC == .backend(2))
        world.send(
            Frame.arp(from: "10.0.1.2", at: .backend(9), to: "10.0.1.2"),
            on: 1
        )
        world.send(datagram, on: 0)
        #expect(world.take(1).first?.destinationMAC == .backend(9))
        world.expectConservation()
    }

    @Test func `an ARP reply about a neighbour that nobody wanted is not believed`() throws {
        let world = try quickstartWorld()
        let before = world.slowPath.neighbourCount(in: .reachable)
        for last in 200...250 {
            world.send(
                Frame.arp(
                    isReply: true,
                    from: "10.0.0.\(last)",
                    at: .client(last),
                    to: "10.0.0.1",
                    at: World.portMACs[0]
                ),
                on: 0
            )
        }
        #expect(world.slowPath.neighbourCount(in: .reachable) == before)
        world.expectConservation()
    }

    @Test func `traffic keeps flowing while a neighbour is confirmed again`() throws {
        let world = try quickstartWorld(.web(.udp, weights: [1]))
        let datagram = Frame.udp(from: "10.0.0.10:4000", to: "10.0.0.100:80")
        for _ in 0..<30 {
            world.send(datagram, on: 0)
            world.advance(.seconds(10))
        }
        #expect(world.take(1).count == 30)
        #expect(!world.takeARP(1).isEmpty, "the backend was asked again")
        world.expectConservation()
    }

    @Test func `routes go through gateways, and a backend behind one is reached by its MAC`() throws
    {
        var state = DesiredState.web(weights: [1])
        state.services[0].backends[0].endpoint = Endpoint(.v4(IPv4Address(172, 16, 0, 9)), 8080)
        state.routes = [
            Route(destination: .literal("172.16.0.0/16"), gateway: .v4(IPv4Address(10, 0, 1, 5))),
            Route(destination: .literal("0.0.0.0/0"), gateway: .v4(IPv4Address(10, 0, 0, 20))),
        ]
        let world = try quickstartWorld(state)
        world.send(Frame.tcp(from: "8.8.8.8:4000", to: "10.0.0.100:80", Frame.syn), on: 0)
        let syn = try #require(world.take(1).first)
        #expect(syn.destination == Endpoint("172.16.0.9:8080") && syn.destinationMAC == .backend(5))
        let reply = Frame.tcp(
            from: "172.16.0.9:8080",
            to: try #require(syn.source?.description),
            Frame.synAck
        ) { $0.destinationMAC = World.portMACs[1] }
        world.send(reply, on: 1)
        #expect(world.take(0).first?.destinationMAC == .client(20))
        world.expectConservation()
    }

    // MARK: - ICMP

    @Test(arguments: ["10.0.0.1", "10.0.0.100"])
    func `echo requests to own addresses are answered`(address: String) throws {
        let world = try quickstartWorld()
        world.send(Frame.echo(from: "10.0.0.10", to: address, data: [9, 8, 7]), on: 0)
        let reply = try #require(world.take(0).first)
        #expect(reply.icmp == .init(type: 0, code: 0, rest: 0x0001_0002))
        #expect(reply.data == [9, 8, 7] && reply.hasValidChecksums)
        #expect(reply.source?.address == IPAddress(address))
        world.expectConservation()
    }

    @Test func `UDP to an own address without a service gets port unreachable`() throws {
        let world = try quickstartWorld()
        world.send(Frame.udp(from: "10.0.0.10:4000", to: "10.0.0.100:53"), on: 0)
        let error = try #require(world.take(0).first)
        #expect(error.icmp?.type == 3 && error.icmp?.code == 3 && error.hasValidChecksums)
        #expect(error.data.count >= 28, "the header and eight octets are quoted")
        #expect(world.drops(.noService) == 1)
        world.expectConservation()
    }

    @Test func `TCP to an own address without a service is reset`() throws {
        let world = try quickstartWorld()
        world.send(Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:81", Frame.syn), on: 0)
        let reset = try #require(world.take(0).first)
        #expect(reset.tcpFlags == Frame.rstAck && reset.acknowledgment == 1001)
        #expect(reset.hasValidChecksums)
        world.send(Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:81", Frame.rst), on: 0)
        #expect(world.take(0).isEmpty, "a reset is not answered")
        world.expectConservation()
    }

    @Test func `an ACK that fits no connection is reset, or dropped when defence is on`() throws {
        let world = try quickstartWorld()
        let ack = Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.ack)
        world.send(ack, on: 0)
        #expect(world.take(0).first?.tcpFlags == Frame.rst)
        try world.change { $0.settings.items["ipvs_defs.tcp.defence_tcp_drop"] = .flag(true) }
        world.send(ack, on: 0)
        #expect(world.take(0).isEmpty)
        #expect(world.drops(.tcpNotSYN) == 2)
        world.expectConservation()
    }

    @Test(arguments: [false, true])
    func `defence_tcp_drop is about virtual addresses, and not about SYN`(isOn: Bool) throws {
        var state = DesiredState.web()
        state.settings.items["ipvs_defs.tcp.defence_tcp_drop"] = .flag(isOn)
        let world = try quickstartWorld(state)
        defer { world.expectConservation() }
        func isAnswered(_ destination: String, _ flags: UInt8) -> Bool {
            world.send(Frame.tcp(from: "10.0.0.10:4000", to: destination, flags), on: 0)
            return !world.take(0).isEmpty
        }
        #expect(isAnswered("10.0.0.100:80", Frame.ack) == !isOn)
        #expect(isAnswered("10.0.0.100:81", Frame.ack) == !isOn)
        #expect(isAnswered("10.0.0.100:81", Frame.syn), "somebody asks for a port")
        #expect(isAnswered("10.0.0.1:81", Frame.ack), "no service has this address")
        #expect(isAnswered("10.0.1.200:81", Frame.ack), "nor this one, a local address")
    }

    @Test(arguments: [false, true])
    func `defence_udp_drop is about addresses with services of TCP and none of UDP`(
        isOn: Bool
    ) throws {
        var state = DesiredState.web()
        state.settings.items["ipvs_defs.udp.defence_udp_drop"] = .flag(isOn)
        let world = try quickstartWorld(state)
        defer { world.expectConservation() }
        func isAnswered(_ destination: String) -> Bool {
            world.send(Frame.udp(from: "10.0.0.10:4000", to: destination), on: 0)
            return !world.take(0).isEmpty
        }
        #expect(isAnswered("10.0.0.100:80") == !isOn)
        #expect(isAnswered("10.0.0.100:53") == !isOn)
        #expect(isAnswered("10.0.0.1:53"))
        let address = try #require(IPPrefix("10.0.0.100/32"))
        try world.change { state in
            var other = DesiredState.web(.udp).services[0]
            other.key = Service.Key(.destination(address, PortRange(53)), .udp)
            other.name = "names"
            state.services.append(other)
        }
        #expect(isAnswered("10.0.0.100:80"), "it has one of UDP now, on other ports")
    }

    @Test func `a connection whose SYN went nowhere lasts for conn_init_timeout`() throws {
        var state = DesiredState.web()
        state.settings.items["ipvs_defs.conn.xmit_ttl"] = .flag(true)
        state.settings.items["ipvs_defs.conn.conn_init_timeout"] = .integer(5)
        let world = try quickstartWorld(state)
        defer { world.expectConservation() }
        let talk = try #require(TCPTalk(world, from: "10.0.0.11:4000", isAnswered: false))
        world.send(
            Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn) {
                $0.timeToLive = 1
            },
            on: 0
        )
        #expect(world.take(0).first?.icmp?.type == 11 && world.connectionCount == 2)
        world.advance(.milliseconds(4900))
        #expect(world.connectionCount == 2)
        world.advance(.milliseconds(300))
        #expect(world.connectionCount == 1)
        world.advance(.seconds(20))
        talk.answer(Frame.synAck)
        #expect(world.take(0).first?.tcpFlags == Frame.synAck, "half open it lasts for syn_recv")
    }

    @Test func `without a backend that takes connections the client is told`() throws {
        let world = try quickstartWorld(.web(weights: [0, 0]))
        world.send(Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn), on: 0)
        #expect(world.take(0).first?.tcpFlags == Frame.rstAck)
        #expect(world.drops(.noBackend) == 1)
        world.expectConservation()
    }

    @Test func `a packet that no link takes is reported with the MTU that would do`() throws {
        let world = try World(.web(.udp), mtus: [1500, 1000])
        world.hosts[0][IPv4Address(10, 0, 0, 10)] = .client(10)
        world.hosts[1][IPv4Address(10, 0, 1, 2)] = .backend(2)
        world.settle()
        let large = Array(repeating: UInt8(1), count: 1200)
        world.send(Frame.udp(from: "10.0.0.10:4000", to: "10.0.0.100:80", data: large), on: 0)
        let error = try #require(world.take(0).last)
        #expect(error.icmp == .init(type: 3, code: 4, rest: 1000))
        #expect(world.drops(.tooBig) == 1 && world.take(1).isEmpty)
        world.expectConservation()
    }

    @Test func `with xmit_ttl balancing is a hop, and the last hop is reported`() throws {
        var state = DesiredState.web(.udp)
        state.settings.items["ipvs_defs.conn.xmit_ttl"] = .flag(true)
        let world = try quickstartWorld(state)
        world.send(Frame.udp(from: "10.0.0.10:4000", to: "10.0.0.100:80"), on: 0)
        let sent = try #require(world.take(1).first)
        #expect(sent.timeToLive == 63 && sent.hasValidChecksums)
        world.send(
            Frame.udp(from: "10.0.0.10:4000", to: "10.0.0.100:80") { $0.timeToLive = 1 },
            on: 0
        )
        #expect(world.take(0).first?.icmp?.type == 11)
        #expect(world.drops(.ttlExceeded) == 1)
        world.expectConservation()
    }

    @Test func `errors are rationed`() throws {
        var limits = SlowPathLimits()
        limits.errorsPerSecond = 20
        let world = try World(.web(), slowPathLimits: limits)
        world.hosts[0][IPv4Address(10, 0, 0, 10)] = .client(10)
        world.settle()
        _ = world.take(0)
        for port in 1...500 {
            world.send(Frame.udp(from: "10.0.0.10:\(port)", to: "10.0.0.100:53"), on: 0)
        }
        let answers = world.take(0).count
        #expect(answers < 120 && world.drops(.icmpRateLimited) == 500 - answers)
        world.expectConservation()
    }
}
