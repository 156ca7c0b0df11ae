// SPDX-License-Identifier: Apache-2.0
import Addressing
import Dataplane
import Model
import Networking
import Packet
import PacketTesting
import Testing

/// What goes to the kernel behind a port's companion, and what comes from there.
@Suite struct ExceptionScenarios {
    /// The quickstart with companions at both ports.
    private func world(
        _ state: DesiredState = .web(),
        companions: [Int] = [0, 1],
        workers: Int = 1
    ) throws -> World {
        let world = try World(state, workers: workers, companions: companions)
        world.hosts[0][IPv4Address(10, 0, 0, 10)] = .client(10)
        world.hosts[1][IPv4Address(10, 0, 1, 2)] = .backend(2)
        world.hosts[1][IPv4Address(10, 0, 1, 3)] = .backend(3)
        world.settle()
        world.advance(.seconds(3))
        for port in 0..<2 {
            _ = world.take(port)
            _ = world.takeARP(port)
            _ = world.takeKernel(port)
        }
        return world
    }

    private func frame(_ protocol: UInt8, to destination: String, mac: UInt64? = nil) -> [UInt8] {
        Frame(.other(protocol: `protocol`, data: Array(repeating: 0, count: 40))) { frame in
            frame.source = IPv4Address(10, 0, 0, 10)
            frame.destination = IPv4Address(destination) ?? .any
            if let mac { frame.destinationMAC = MACAddress(rawValue: mac) }
        }
        .octets
    }

    // MARK: - Up

    @Test(arguments: [
        (UInt8(89), ExceptionClass.routing), (112, .routing), (2, .routing), (103, .routing),
        (47, .rest),
    ])
    func `protocols that are not balanced go up in their class`(
        number: UInt8,
        kind: ExceptionClass
    ) throws {
        let world = try world()
        let frames = [
            frame(number, to: "10.0.0.1"), frame(number, to: "224.0.0.5", mac: 0x0100_5E00_0005),
        ]
        for frame in frames { world.send(frame, on: 0) }
        #expect(world.takeKernel(0) == frames, "as they came")
        #expect(world.exceptions(.passed, kind) == 2)
        world.expectConservation()
    }

    @Test func `TCP and UDP to an interface address without a service are the kernel's`() throws {
        let world = try world()
        let frames = [
            Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.1:22", Frame.syn),
            Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.1:8080", Frame.ack),
            Frame.tcp(from: "10.0.0.10:179", to: "10.0.0.1:5000", Frame.syn),
            Frame.udp(from: "10.0.0.10:4000", to: "10.0.0.1:53"),
        ]
        for frame in frames { world.send(frame, on: 0) }
        // Routing protocols come first only where there is a choice.
        #expect(world.takeKernel(0) == frames)
        #expect(world.take(0).isEmpty, "nobody is refused here")
        #expect(world.exceptions(.passed, .management) == 2)
        #expect(world.exceptions(.passed, .routing) == 1)
        #expect(world.exceptions(.passed, .rest) == 1)
        world.expectConservation()
    }

    @Test func `a virtual address refuses by itself, until the kernel has it, too`() throws {
        let world = try world()
        let segment = Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:22", Frame.syn)
        world.send(segment, on: 0)
        #expect(world.take(0).first?.tcpFlags == Frame.rstAck)
        #expect(world.takeKernel(0).isEmpty && world.drops(.noService) == 1)
        try world.change { state in
            state.addresses.append(
                InterfaceAddress(
                    interface: "dpdk0",
                    prefix: .literal("10.0.0.100/32"),
                    owner: .kernel,
                    isInKernel: true
                )
            )
        }
        world.send(segment, on: 0)
        #expect(world.takeKernel(0) == [segment])
        world.send(Frame.tcp(from: "10.0.0.10:4001", to: "10.0.0.100:80", Frame.syn), on: 0)
        #expect(world.takeKernel(0).isEmpty && world.take(1).count == 1, "the service is ours")
        world.expectConservation()
    }

    @Test func `an address that only files have refuses by itself, as soon as that is known`()
        throws
    {
        let world = try world()
        let segment = Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.1:22", Frame.syn)
        func know(_ isInKernel: Bool?) throws {
            try world.change { $0.addresses[0].isInKernel = isInKernel }
        }
        func expectRefusal(_ isRefused: Bool) {
            world.send(segment, on: 0)
            #expect(world.take(0).map(\.tcpFlags) == (isRefused ? [Frame.rstAck] : []))
            #expect(world.takeKernel(0) == (isRefused ? [] : [segment]))
        }
        expectRefusal(false)
        try know(false)
        expectRefusal(true)
        world.send(Frame.udp(from: "10.0.0.10:4000", to: "10.0.0.1:53"), on: 0)
        #expect(world.take(0).map(\.icmp?.type) == [3], "port unreachable")
        world.send(Frame.echo(from: "10.0.0.10", to: "10.0.0.1"), on: 0)
        #expect(world.take(0).map(\.icmp?.type) == [0])
        world.send(frame(89, to: "10.0.0.1"), on: 0)
        #expect(world.takeKernel(0).count == 1, "what is not balanced goes up as before")
        try know(true)
        expectRefusal(false)
        try know(nil)
        expectRefusal(false)
        world.expectConservation()
    }

    @Test func `a virtual address of files goes up when the kernel has it, too`() throws {
        let world = try world()
        let segment = Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:22", Frame.syn)
        var virtual = InterfaceAddress(interface: "dpdk0", prefix: .literal("10.0.0.100/32"))
        for (isInKernel, goesUp) in [(nil, false), (false, false), (true, true)] {
            virtual.isInKernel = isInKernel
            try world.change { state in
                state.addresses.removeAll { $0.key == virtual.key }
                state.addresses.append(virtual)
            }
            world.send(segment, on: 0)
            #expect(world.takeKernel(0) == (goesUp ? [segment] : []))
            _ = world.take(0)
        }
        world.expectConservation()
    }

    @Test func `without a companion all is as it was`() throws {
        let world = try world(companions: [])
        world.send(Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.1:22", Frame.syn), on: 0)
        #expect(world.take(0).first?.tcpFlags == Frame.rstAck)
        world.send(frame(89, to: "10.0.0.1"), on: 0)
        world.send(frame(89, to: "224.0.0.5", mac: 0x0100_5E00_0005), on: 0)
        #expect(world.drops(.unsupportedProtocol) == 1 && world.drops(.notForUs) == 1)
        world.expectConservation()
    }

    @Test(arguments: [
        (UInt16(0x88B6), true), (0x88CC, false), (0x88A8, false), (0x8100, false), (0x0027, true),
    ])
    func `frames of unknown types go up; LLDP and tags do not`(type: UInt16, goesUp: Bool) throws {
        let world = try world()
        var bytes = frame(89, to: "10.0.0.1")
        bytes[12] = UInt8(type >> 8)
        bytes[13] = UInt8(type & 0xFF)
        world.send(bytes, on: 0)
        #expect(world.takeKernel(0) == (goesUp ? [bytes] : []))
        world.expectConservation()
    }

    @Test func `the kernel sees ARP replies and requests for others, not those for us`() throws {
        let world = try world()
        let reply = Frame.arp(
            isReply: true,
            from: "10.0.0.10",
            at: .client(10),
            to: "10.0.0.1",
            at: World.portMACs[0]
        )
        let other = Frame.arp(from: "10.0.0.10", at: .client(10), to: "10.0.0.77")
        let ours = Frame.arp(from: "10.0.0.10", at: .client(10), to: "10.0.0.1")
        world.send(reply, other, ours, on: 0)
        #expect(world.takeKernel(0) == [reply, other])
        #expect(world.takeARP(0).count == 1, "one answer, of the dataplane")
        #expect(world.exceptions(.passed, .neighbour) == 2)
        world.expectConservation()
    }

    @Test func `echo requests are answered here, replies and errors are the kernel's`() throws {
        let world = try world()
        world.send(Frame.echo(from: "10.0.0.10", to: "10.0.0.1"), on: 0)
        #expect(world.take(0).first?.icmp?.type == 0 && world.takeKernel(0).isEmpty)
        let reply = Frame(.icmp(type: 0, code: 0, rest: 1, data: [1, 2])) { frame in
            frame.destination = IPv4Address(10, 0, 0, 1)
        }
        .octets
        world.send(reply, on: 0)
        #expect(world.takeKernel(0) == [reply])
        #expect(world.exceptions(.passed, .management) == 1)
        world.expectConservation()
    }

    @Test func `a route of scope kni_host leads to the companion of its interface`() throws {
        var state = DesiredState.web()
        state.routes.append(
            Route(
                destination: .literal("192.168.100.28/32"),
                interface: "dpdk1",
                scope: .kniHost
            )
        )
        let world = try world(state)
        let segment = Frame.tcp(from: "10.0.0.10:4000", to: "192.168.100.28:4321", Frame.ack)
        world.send(segment, on: 0)
        #expect(world.takeKernel(1) == [segment] && world.takeKernel(0).isEmpty)
        let passing = Frame.tcp(from: "10.0.0.10:4000", to: "192.168.100.29:4321", Frame.ack)
        world.send(passing, on: 0)
        #expect(world.drops(.notForUs) == 1)
        world.expectConservation()
    }

    @Test func `a companion without a link layer takes and gives packets of IP`() throws {
        let world = try world()
        let kernel = MemoryLink(world.links[0].traits, pool: world.pool)
        world.slowPath.setCompanion(Companion(kernel.port(), carriage: .packets), of: 0)
        let segment = Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.1:22", Frame.syn)
        world.send(segment, on: 0)
        #expect(kernel.takeDeparted() == [Array(segment.dropFirst(14))])
        let request = Frame.arp(from: "10.0.0.10", at: .client(10), to: "10.0.0.77")
        world.send(request, on: 0)
        #expect(kernel.takeDeparted().isEmpty && world.drops(.notForUs) == 1, "ARP is no IP")
        kernel.deliver(Array(segment.dropFirst(14)))
        kernel.deliver(Array(repeating: 0x10, count: 40))
        world.settle()
        let sent = Array(repeating: 0, count: 12) + segment.dropFirst(12)
        #expect(world.take(0).map(\.octets) == [sent])
        #expect(world.drops(.unsupportedEtherType) == 1, "neither IPv4 nor IPv6")
        world.expectConservation()
    }

    // MARK: - Down

    @Test func `what the kernel sends leaves by its port, as it is`() throws {
        let world = try world()
        var request = Frame.arp(from: "10.0.1.1", at: World.portMACs[1], to: "10.0.1.2")
        request.replaceSubrange(6..<12, with: World.portMACs[1].octets)
        let echo = Frame.echo(from: "10.0.0.1", to: "10.0.0.10")
        world.sendFromKernel(request, on: 1)
        world.sendFromKernel(echo, on: 0)
        #expect(world.takeFrames(0) == [echo])
        #expect(world.takeARP(1).count == 1)
        #expect(world.takeKernel(1).count == 1, "the answer of 10.0.1.2")
        #expect(world.exceptions(.sent, .rest, 0) == 1)
        #expect(world.exceptions(.sent, .neighbour, 1) == 1)
        world.expectConservation()
    }

    // MARK: - Policing

    @Test(arguments: [1, 3])
    func `a flood of one class is held to its rate and leaves the others alone`(
        workers: Int
    ) throws {
        var state = DesiredState.web()
        state.settings.items["exception_defs.rest_rate"] = .integer(1000)
        let world = try world(state, workers: workers)
        let flood = Frame.udp(from: "10.0.0.10:4000", to: "10.0.0.1:53")
        for _ in 0..<20 {
            for queue in 0..<workers {
                world.links[0].deliver(Array(repeating: flood, count: 250), queue: queue)
            }
            world.links[0].deliver(frame(112, to: "224.0.0.18", mac: 0x0100_5E00_0012))
            world.advance(.milliseconds(100))
        }
        #expect(world.exceptions(.passed, .routing) == 20, "every advertisement")
        let passed = world.exceptions(.passed, .rest)
        #expect((2000...2200).contains(passed), "two seconds and the burst: \(passed)")
        #expect(world.exceptions(.policed, .rest) == 5000 * workers - passed)
        #expect(world.drops(.exceptionPoliced) == 5000 * workers - passed)
        #expect(world.drops(.slowPathRingFull) == 0)
        world.expectConservation()
    }

    @Test func `rates change while packets flow`() throws {
        let world = try world()
        func pass(_ count: Int) -> Int {
            let before = world.exceptions(.passed, .rest)
            let flood = Frame.udp(from: "10.0.0.10:4000", to: "10.0.0.1:53")
            world.links[0].deliver(Array(repeating: flood, count: count))
            world.settle()
            world.advance(.seconds(1))
            return world.exceptions(.passed, .rest) - before
        }
        #expect((200...203).contains(pass(1000)), "a tenth of 2000 at once")
        try world.change { $0.settings.items["exception_defs.rest_rate"] = .integer(100) }
        #expect((10...12).contains(pass(1000)))
        try world.change { $0.settings.items["exception_defs.rest_rate"] = .integer(0) }
        #expect(pass(1000) == 1000, "no limit")
        world.expectConservation()
    }

    @Test func `what a full companion does not take is dropped by name`() throws {
        let world = try world()
        world.companions[0]?.transmitAllowance = 3
        for _ in 0..<5 { world.send(frame(89, to: "10.0.0.1"), on: 0) }
        #expect(world.takeKernel(0).count == 3)
        #expect(world.exceptions(.full, .routing) == 2 && world.drops(.companionFull) == 2)
        world.expectConservation()
    }
}
