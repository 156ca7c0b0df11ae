// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

@Suite struct WorkerScenarios {
    @Test(arguments: [2, 3, 5])
    func `a reply at any queue finds the worker that owns its connection`(workers: Int) throws {
        let world = try quickstartWorld(.web(.udp), workers: workers)
        for queue in 0..<workers {
            let client = "10.0.0.10:\(5000 + queue)"
            world.send(Frame.udp(from: client, to: "10.0.0.100:80"), on: 0, queue: queue)
            let request = try #require(world.take(1).first)
            let local = try #require(request.source)
            #expect(world.engine.steering.ipv4.owner(of: local.port, flowHash: 0) == queue)
            for replyQueue in 0..<workers {
                world.send(
                    Frame.udp(
                        from: try #require(request.destination?.description),
                        to: local.description,
                        data: [UInt8(replyQueue)]
                    ) { $0.destinationMAC = World.portMACs[1] },
                    on: 1,
                    queue: replyQueue
                )
                let reply = try #require(world.take(0).first)
                #expect(reply.destination == Endpoint(client) && reply.hasValidChecksums)
                #expect(reply.data == [UInt8(replyQueue)])
            }
        }
        #expect(world.total(.redirectedOut) == workers * (workers - 1))
        #expect(world.total(.redirectedIn) == world.total(.redirectedOut))
        world.expectConservation()
    }

    @Test func `a full connection table refuses new connections and keeps the others`() throws {
        let world = try quickstartWorld(.web(.udp), connections: 16)
        for port in 0..<20 {
            world.send(Frame.udp(from: "10.0.0.10:\(5000 + port)", to: "10.0.0.100:80"), on: 0)
        }
        #expect(world.connectionCount == 16 && world.drops(.connectionTableFull) == 4)
        _ = world.take(1)
        world.send(Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80"), on: 0)
        #expect(world.take(1).count == 1)
        world.expectConservation()
    }

    @Test func `ports of refused connections come back`() throws {
        let world = try quickstartWorld(.web(.udp, weights: [1]), connections: 16)
        for port in 0..<100 {
            world.send(Frame.udp(from: "10.0.0.10:\(5000 + port)", to: "10.0.0.100:80"), on: 0)
        }
        let locals = world.provisioner.totals().localAddresses
        #expect(locals.first?.used == 16)
        world.advance(.seconds(310))
        #expect(world.provisioner.totals().localAddresses.first?.used == 0)
        world.expectConservation()
    }

    @Test func `frames that the link does not take are dropped by name`() throws {
        let world = try quickstartWorld(.web(.udp))
        world.send(Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80"), on: 0)
        world.links[1].transmitAllowance = 3
        for _ in 0..<10 {
            world.links[0].deliver(Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80"))
        }
        world.settle()
        #expect(world.drops(.transmitRingFull) == 7)
        world.expectConservation()
    }

    @Test(arguments: [
        ("a frame for another MAC address", DropReason.notForUs), ("IPv6", .unsupportedProtocol),
        ("a fragment", .unexpectedFragment), ("another VLAN", .unknownVLAN),
        ("an unknown EtherType", .unsupportedEtherType), ("OSPF", .unsupportedProtocol),
        ("a bad header checksum", .badHeaderChecksum), ("a short UDP length", .badTransportLength),
        ("a multicast source", .badSourceAddress), ("another host", .notForUs),
        ("a truncated packet", .badTotalLength), ("a stray reply", .connectionGone),
    ])
    func `what cannot be balanced is dropped under its reason`(
        what: String,
        reason: DropReason
    ) throws {
        let world = try quickstartWorld(.web(.udp))
        var frame = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { frame in
            switch what {
            case "a frame for another MAC address": frame.destinationMAC = .client(1)
            case "a fragment": frame.fragment = 0x2000
            case "another VLAN": frame.vlan = 7
            case "a multicast source": frame.source = IPv4Address(224, 0, 0, 5)
            case "another host": frame.destination = IPv4Address(10, 9, 9, 9)
            case "OSPF": frame.transport = .other(protocol: 89, data: [1, 2, 3, 4])
            case "a stray reply": frame.destination = IPv4Address(10, 0, 1, 200)
            default: break
            }
        }
        switch what {
        case "IPv6": frame.replaceSubrange(12..<15, with: [0x86, 0xDD, 0x60])
        case "an unknown EtherType": frame.replaceSubrange(12..<14, with: [0x12, 0x34])
        case "a bad header checksum": frame[24] ^= 1
        case "a short UDP length": frame.replaceSubrange(38..<40, with: [0, 7])
        case "a truncated packet": frame.removeLast(3)
        default: break
        }
        if what == "IPv6" { frame += Array(repeating: 0, count: 40) }
        if what == "IPv6" { frame.replaceSubrange(18..<20, with: [0, 8]) }
        world.send(frame, on: 0)
        #expect(world.drops(reason) == 1, "\(what)")
        #expect(world.take(1).isEmpty)
        world.expectConservation()
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `packets of any octets are survived and accounted for`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let world = try quickstartWorld(.web(.udp), workers: 2)
        let templates = [
            Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80"),
            Frame.tcp(from: "10.0.0.10:5000", to: "10.0.0.100:80", Frame.syn),
            Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { $0.vlan = 5 },
            Frame.echo(from: "10.0.0.10", to: "10.0.0.100"),
            Frame.arp(from: "10.0.0.10", at: .client(10), to: "10.0.0.100"),
        ]
        for _ in 0..<2_500 {
            var frame = templates.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                let index = Int.random(in: 0..<frame.count, using: &random)
                frame[index] = UInt8.random(in: 0...255, using: &random)
            }
            if Int.random(in: 0..<4, using: &random) == 0 {
                frame = Array(frame.prefix(Int.random(in: 14...frame.count, using: &random)))
            }
            let queue = Int.random(in: 0...1, using: &random)
            world.links[Int.random(in: 0...1, using: &random)].deliver(frame, queue: queue)
            if Int.random(in: 0..<32, using: &random) == 0 { world.settle() }
        }
        world.settle()
        world.advance(.seconds(5))
        world.expectConservation()
    }
}
