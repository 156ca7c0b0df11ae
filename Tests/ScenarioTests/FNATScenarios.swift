// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// A world with a client at 10.0.0.10 and backends from 10.0.1.2 on.
func quickstartWorld(
    _ state: DesiredState = .web(),
    workers: Int = 1,
    connections: Int = 4096,
    buffers: Int = 8192,
    offloads: PortTraits.Offloads = [],
    slowPathLimits: SlowPathLimits = SlowPathLimits(),
    scaling: ReceiveSideScaling? = nil
) throws -> World {
    let world = try World(
        state,
        workers: workers,
        connections: connections,
        buffers: buffers,
        offloads: offloads,
        slowPathLimits: slowPathLimits,
        scaling: scaling
    )
    for last in 10...40 {
        world.hosts[0][IPv4Address(10, 0, 0, UInt8(last))] = .client(last)
    }
    for last in 2...9 { world.hosts[1][IPv4Address(10, 0, 1, UInt8(last))] = .backend(last) }
    world.settle()
    _ = (world.takeARP(0), world.takeARP(1))
    return world
}

extension MACAddress {
    static func client(_ number: Int) -> MACAddress {
        MACAddress(rawValue: 0x0200_0000_AA00 + UInt64(number))
    }
    static func backend(_ number: Int) -> MACAddress {
        MACAddress(rawValue: 0x0200_0000_BB00 + UInt64(number))
    }
}

@Suite struct FNATScenarios {
    @Test func `a TCP connection is opened, used and closed through the balancer`() throws {
        let world = try quickstartWorld()
        defer { world.expectConservation() }
        let (client, vip) = ("10.0.0.10:40000", "10.0.0.100:80")

        world.send(Frame.tcp(from: client, to: vip, Frame.syn), on: 0)
        let syn = try #require(world.take(1).first)
        #expect(syn.destination == Endpoint("10.0.1.2:8080"))
        #expect(syn.source?.address == IPAddress("10.0.1.200"))
        #expect(syn.tcpFlags == Frame.syn && syn.hasValidChecksums)
        #expect(syn.sourceMAC == World.portMACs[1] && syn.destinationMAC == .backend(2))
        #expect(syn.timeToLive == 64)

        let local = try #require(syn.source?.description)
        let answer = Frame.tcp(from: "10.0.1.2:8080", to: local, Frame.synAck) {
            $0.destinationMAC = World.portMACs[1]
        }
        world.send(answer, on: 1)
        let synAck = try #require(world.take(0).first)
        #expect(synAck.source == Endpoint(vip) && synAck.destination == Endpoint(client))
        #expect(synAck.tcpFlags == Frame.synAck && synAck.hasValidChecksums)
        #expect(synAck.destinationMAC == .client(10))

        world.send(Frame.tcp(from: client, to: vip, Frame.ack), on: 0)
        let service = try #require(world.provisioner.state.services.first)
        #expect(try world.backend(.active, "10.0.1.2:8080", of: service) == 1)
        world.send(Frame.tcp(from: client, to: vip, Frame.push, data: [1, 2, 3]), on: 0)
        #expect(world.take(1).last?.data == [1, 2, 3])

        world.send(Frame.tcp(from: client, to: vip, Frame.finAck), on: 0)
        #expect(try world.backend(.active, "10.0.1.2:8080", of: service) == 0)
        #expect(try world.backend(.inactive, "10.0.1.2:8080", of: service) == 1)
        world.send(
            Frame.tcp(from: "10.0.1.2:8080", to: local, Frame.finAck) {
                $0.destinationMAC = World.portMACs[1]
            },
            on: 1
        )
        #expect(world.connectionCount == 1)
        world.advance(.seconds(8))
        #expect(world.connectionCount == 0)
        #expect(try world.backend(.inactive, "10.0.1.2:8080", of: service) == 0)
        #expect(try world.backend(.connections, "10.0.1.2:8080", of: service) == 1)
    }

    @Test func `new connections take turns under rr`() throws {
        let world = try quickstartWorld()
        defer { world.expectConservation() }
        for port in 1..<7 {
            world.send(
                Frame.tcp(from: "10.0.0.10:\(4000 + port)", to: "10.0.0.100:80", Frame.syn),
                on: 0
            )
        }
        let chosen = world.take(1).compactMap(\.destination?.description)
        #expect(
            chosen == [
                "10.0.1.2:8080", "10.0.1.3:8080", "10.0.1.2:8080", "10.0.1.3:8080",
                "10.0.1.2:8080", "10.0.1.3:8080",
            ]
        )
    }

    @Test func `wrr shares by weight, evenly spread, and weight 0 gets nothing`() throws {
        let world = try quickstartWorld(.web(scheduler: .wrr, weights: [300, 100, 0]))
        for port in 0..<8 {
            world.send(
                Frame.tcp(from: "10.0.0.10:\(4000 + port)", to: "10.0.0.100:80", Frame.syn),
                on: 0
            )
        }
        let chosen = world.take(1).compactMap(\.destination?.address.description)
        #expect(chosen.filter { $0 == "10.0.1.2" }.count == 6)
        #expect(chosen.filter { $0 == "10.0.1.3" }.count == 2)
        #expect(Set(chosen[0..<4]).count == 2, "a turn of the light one in every four")
        world.expectConservation()
    }

    @Test func `UDP goes there and back, with and without a checksum`() throws {
        let world = try quickstartWorld(.web(.udp))
        defer { world.expectConservation() }
        for (number, hasChecksum) in [(1, true), (2, false)] {
            let client = "10.0.0.10:\(5000 + number)"
            world.send(
                Frame.udp(from: client, to: "10.0.0.100:80", hasChecksum: hasChecksum),
                on: 0
            )
            let request = try #require(world.take(1).first)
            #expect(request.hasValidChecksums && request.data == [1, 2, 3, 4])
            let backend = try #require(request.destination?.description)
            let local = try #require(request.source?.description)
            world.send(
                Frame.udp(from: backend, to: local, data: [9], hasChecksum: hasChecksum) {
                    $0.destinationMAC = World.portMACs[1]
                },
                on: 1
            )
            let reply = try #require(world.take(0).first)
            #expect(reply.source == Endpoint("10.0.0.100:80"))
            #expect(reply.destination == Endpoint(client))
            #expect(reply.hasValidChecksums && reply.data == [9])
        }
    }

    @Test func `an idle UDP flow ends after its time, and its port serves again`() throws {
        var state = DesiredState.web(.udp)
        state.services[0].connectionTimeout = .seconds(10)
        let world = try quickstartWorld(state)
        world.send(Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80"), on: 0)
        world.advance(.seconds(9))
        #expect(world.connectionCount == 1)
        world.send(Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80"), on: 0)
        world.advance(.seconds(9))
        #expect(world.connectionCount == 1, "a packet starts the time anew")
        world.advance(.seconds(2))
        #expect(world.connectionCount == 0)
        world.expectConservation()
    }

    @Test func `IP options and priority tags do not hinder balancing`() throws {
        let world = try quickstartWorld(.web(.udp))
        let options: [UInt8] = [1, 1, 1, 0]
        world.send(
            Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { $0.options = options },
            Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { $0.vlan = 0xE000 },
            on: 0
        )
        let arrived = world.take(1)
        #expect(arrived.count == 2)
        #expect(arrived.allSatisfy { $0.hasValidChecksums && $0.etherType == 0x0800 })
        #expect(Set(arrived.map(\.source)).count == 1, "both belong to one connection")
        world.expectConservation()
    }

    @Test func `a wrong checksum stays wrong, so that the backend refuses it`() throws {
        let world = try quickstartWorld()
        var syn = Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn)
        syn[50] ^= 0x5A
        world.send(syn, on: 0)
        #expect(world.take(1).first?.hasValidChecksums == false)
        world.expectConservation()
    }
}
