// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

@Suite struct SchedulerScenarios {
    private static let all = SchedulerKind.allCases

    private func datagram(_ client: Int, _ port: Int = 5000) -> [UInt8] {
        Frame.udp(from: "10.0.0.\(client):\(port)", to: "10.0.0.100:80")
    }

    /// The backend's last octet for each flow, in order.
    ///
    /// An answer makes a connection active.
    private func chosen(
        _ world: World,
        _ flows: [(client: Int, port: Int)],
        answering: Bool = false
    ) -> [Int] {
        flows.flatMap { client, port in
            world.send(datagram(client, port), on: 0)
            let requests = world.take(1)
            for case (let backend?, let local?) in requests.map({ ($0.destination, $0.source) })
            where answering {
                let answer = Frame.udp(from: backend.description, to: local.description) {
                    $0.destinationMAC = World.portMACs[1]
                }
                world.send(answer, on: 1)
            }
            return
                requests
                .compactMap { $0.destination?.address.ipv4.map { Int($0.rawValue & 0xFF) } }
        }
    }

    private func flows(_ count: Int, from port: Int = 5000) -> [(client: Int, port: Int)] {
        (0..<count).map { (10 + $0 % 30, port + $0 / 30) }
    }

    @Test(
        arguments: [
            (.rr, [100, 100]), (.wrr, [150, 50]), (.lc, [100, 100]), (.wlc, [150, 50]),
            (.fo, [200, 0]),
        ] as [(SchedulerKind, [Int])]
    )
    func `two hundred connections go where weights 3 to 1 send them`(
        scheduler: SchedulerKind,
        expected: [Int]
    ) throws {
        let world = try quickstartWorld(.web(.udp, scheduler: scheduler, weights: [3, 1, 0]))
        let backends = chosen(world, flows(200))
        let counts = [2, 3].map { backend in backends.count { $0 == backend } }
        #expect(zip(counts, expected).allSatisfy { abs($0 - $1) <= 4 }, "\(counts)")
        #expect(!backends.contains(4) && backends.count == 200)
        world.expectConservation()
    }

    @Test(arguments: [SchedulerKind.mh, .conhash, .sh])
    func `connections of one client go to one backend, and clients spread`(
        scheduler: SchedulerKind
    ) throws {
        let world = try quickstartWorld(.web(.udp, scheduler: scheduler, weights: [1, 1]))
        let first = chosen(world, flows(30))
        #expect(Set(first) == [2, 3])
        #expect(chosen(world, flows(30, from: 6000)) == first)
        world.expectConservation()
    }

    @Test(arguments: [(SchedulerKind.mh, SchedulerOptions.Flag.mhPort), (.sh, .shPort)])
    func `with the port flag connections of one client spread`(
        scheduler: SchedulerKind,
        flag: SchedulerOptions.Flag
    ) throws {
        let options = SchedulerOptions(flags: [flag])
        let world = try quickstartWorld(.web(.udp, scheduler: scheduler, options: options))
        #expect(Set(chosen(world, (0..<30).map { (10, 5000 + $0) })) == [2, 3])
        world.expectConservation()
    }

    @Test func `dh sends every connection for one service address to one backend`() throws {
        let world = try quickstartWorld(.web(.udp, scheduler: .dh))
        #expect(Set(chosen(world, flows(30))).count == 1)
        world.expectConservation()
    }

    @Test func `nq gives every backend a connection before one has two`() throws {
        let world = try quickstartWorld(.web(.udp, scheduler: .nq, weights: [9, 1, 1, 1]))
        #expect(Set(chosen(world, flows(4), answering: true)) == [2, 3, 4, 5])
        #expect(chosen(world, flows(5, from: 6000), answering: true) == [2, 2, 2, 2, 2])
        world.expectConservation()
    }

    @Test func `sed fills a strong backend first, then by weight`() throws {
        let world = try quickstartWorld(.web(.udp, scheduler: .sed, weights: [3, 1]))
        let backends = chosen(world, flows(40), answering: true)
        #expect(Array(backends.prefix(2)) == [2, 2])
        #expect(backends.count { $0 == 3 } == 10)
        world.expectConservation()
    }

    @Test(arguments: all)
    func `weight 0 drains: connections stay, new ones go elsewhere`(
        scheduler: SchedulerKind
    ) throws {
        let world = try quickstartWorld(.web(.udp, scheduler: scheduler))
        let before = chosen(world, flows(40))
        let drained = try #require(before.first)
        try world.change { $0.services[0].backends[drained - 2].weight = 0 }
        #expect(chosen(world, flows(40)) == before, "the same flows")
        #expect(Set(chosen(world, flows(40, from: 7000))) == [5 - drained])
        try world.change { state in
            for index in 0..<2 { state.services[0].backends[index].weight = 0 }
        }
        #expect(chosen(world, flows(5, from: 8000)) == [] && world.drops(.noBackend) == 5)
        #expect(chosen(world, flows(40)) == before)
        world.expectConservation()
    }

    @Test(arguments: all)
    func `a reloaded weight and a changed scheduler keep connections`(
        scheduler: SchedulerKind
    ) throws {
        let world = try quickstartWorld(.web(.udp, scheduler: scheduler, weights: [1, 1, 1]))
        let before = chosen(world, flows(40))
        for weights in [[5, 1, 1], [5, 1, 9], [1, 1, 1]] {
            try world.change { state in
                for index in 0..<3 { state.services[0].backends[index].weight = weights[index] }
            }
            #expect(chosen(world, flows(40)) == before)
        }
        try world.change { $0.services[0].scheduler = scheduler == .rr ? .mh : .rr }
        #expect(chosen(world, flows(40)) == before)
        world.expectConservation()
    }

    @Test func `under mh clients keep their backend when another one has gone`() throws {
        let weights = [1, 1, 1, 1, 1]
        let world = try quickstartWorld(.web(.udp, scheduler: .mh, weights: weights))
        let before = chosen(world, flows(30))
        #expect(Set(before).count == 5)
        try world.change { $0.services[0].backends.remove(at: 2) }
        let after = chosen(world, flows(30, from: 6000))
        let kept = zip(before, after).filter { $0.0 != 4 }.count { $0 == $1 }
        let others = before.count { $0 != 4 }
        #expect(others - kept <= 2, "\(before) \(after)")
        #expect(!after.contains(4))
        try world.change { $0.services[0].backends.reverse() }
        #expect(chosen(world, flows(30, from: 7000)) == after, "the order does not matter")
        world.expectConservation()
    }

    @Test func `wlc gives a backend that lost its connections the next ones`() throws {
        let world = try quickstartWorld(.web(.udp, scheduler: .wlc, weights: [1]))
        _ = chosen(world, flows(10))
        try world.change {
            $0.services[0].backends
                .append(
                    Backend(endpoint: Endpoint(.v4(IPv4Address(10, 0, 1, 3)), 8080))
                )
        }
        #expect(chosen(world, flows(10, from: 6000)) == Array(repeating: 3, count: 10))
        world.expectConservation()
    }

    @Test(arguments: [SchedulerKind.rr, .wrr, .mh])
    func `in slow start the share of a new backend grows`(scheduler: SchedulerKind) throws {
        var state = DesiredState.web(.udp, scheduler: scheduler, weights: [1])
        state.services[0].slowStart = .seconds(20)
        if scheduler == .mh { state.services[0].schedulerOptions.flags = [.mhPort] }
        let world = try quickstartWorld(state)
        #expect(!world.provisioner.isSlowStarting, "the first backends start at once")
        try world.change {
            $0.services[0].backends
                .append(
                    Backend(endpoint: Endpoint(.v4(IPv4Address(10, 0, 1, 3)), 8080))
                )
        }
        var shares: [Double] = []
        for round in 0..<3 {
            let backends = chosen(world, flows(300, from: 6000 + round * 100))
            shares.append(Double(backends.count { $0 == 3 }) / 300)
            world.advance(.seconds(10))
            try world.apply(world.provisioner.state)
        }
        // A tenth against one, a half against one, one against one.
        for (share, wanted) in zip(shares, [1.0 / 11, 1.0 / 3, 1.0 / 2]) {
            #expect(abs(share - wanted) < 0.08, "\(shares)")
        }
        #expect(!world.provisioner.isSlowStarting)
        world.expectConservation()
    }

    @Test func `a canary with one weight in a hundred gets one connection in a hundred`() throws {
        let world = try quickstartWorld(.web(.udp, scheduler: .wrr, weights: [99, 1]))
        #expect(chosen(world, flows(300)).count { $0 == 3 } == 3)
        world.expectConservation()
    }

    @Test func `workers that start together begin at different backends`() throws {
        let world = try quickstartWorld(.web(.udp, weights: [1, 1]), workers: 2)
        for queue in 0..<2 { world.send(datagram(10 + queue), on: 0, queue: queue) }
        let backends = world.take(1).compactMap(\.destination?.description)
        #expect(Set(backends).count == 2)
        world.expectConservation()
    }
}
