// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

@Suite struct QUICScenarios {
    private static let key = "8f95f09245765f80256934e50c66207f"

    private func options(key: String? = nil, addresses: Bool = false) throws -> QUICOptions {
        let secret = try key.map { try required(QUICKey(hexadecimal: $0)) }
        let configuration = QUICOptions.Configuration(
            id: 2,
            serverIDLength: 3,
            nonceLength: 4,
            key: secret
        )
        return QUICOptions(
            namesAddresses: addresses,
            configurations: addresses ? [] : [configuration]
        )
    }

    private func world(
        _ family: Family,
        _ options: QUICOptions,
        workers: Int = 1,
        _ edit: (inout Service) -> Void = { _ in }
    ) throws -> World {
        try family.world(
            try family.state { service in
                service.quic = options
                for place in service.backends.indices where !options.configurations.isEmpty {
                    service.backends[place].quicServerID = [1, 2, UInt8(place)]
                }
                edit(&service)
            },
            workers: workers
        )
    }

    private func datagram(_ family: Family, from port: UInt16, _ data: [UInt8]) -> IPPacket {
        IPPacket(from: family.client, to: family.vip, 17, IPPacket.udp(port, 80, data)).withChecksum
    }

    /// An Initial of version 1, whose id the client made up.
    private func initial(_ id: [UInt8]) -> [UInt8] {
        [0xC0, 0, 0, 0, 1, UInt8(id.count)] + id + [0, 0] + Array(repeating: 9, count: 30)
    }

    private func short(_ id: [UInt8]) -> [UInt8] { [0x40] + id + Array(repeating: 9, count: 30) }

    /// Ids as the backend at `place` makes them.
    private func routable(place: Int, key: String?) throws -> [UInt8] {
        var random = SeededGenerator(seed: UInt64(place + 5))
        let format = try required(
            QUICRoutableFormat(
                rotation: 2,
                serverIDLength: 3,
                nonceLength: 4,
                key: key.flatMap { [UInt8](hexadecimal: $0) }
            )
        )
        let codec = try required(QUICRoutableCodec(format))
        let server = try required(QUICServerID([1, 2, UInt8(place)]))
        let nonce = (0..<4).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let id = codec.connectionID(of: server, nonce: nonce, using: &random)
        return try required(id).octets
    }

    private func named(_ family: Family, place: Int) throws -> [UInt8] {
        var random = SeededGenerator(seed: UInt64(place))
        let address = try required(IPAddress(family.backend(2 + place)))
        let backend = try required(QUICBackendID(address, addressLength: 2, port: 8080))
        return try required(backend.connectionID(count: 10, using: &random)).octets
    }

    private func destinations(_ world: World) -> [String] {
        world.takeFragments(1).map(\.destination.description)
    }

    /// Six migrations to each backend, against the turn of `rr`.
    private func migrate(
        _ family: Family,
        _ world: World,
        workers: Int = 1,
        _ id: (Int) throws -> [UInt8]
    ) throws {
        for number in 0..<12 {
            let place = number / 6
            let packet = datagram(family, from: UInt16(41000 + number), short(try id(place)))
            world.send([packet], on: 0, queue: number % workers)
            #expect(destinations(world) == [family.backend(2 + place)])
        }
        #expect(world.connectionCount == 12)
        world.expectConservation()
    }

    @Test(arguments: Family.allCases)
    func `a client that migrates stays at the backend whose address is in the id`(
        family: Family
    ) throws {
        let world = try world(family, try options(addresses: true))
        try migrate(family, world) { try named(family, place: $0) }
    }

    @Test(arguments: Family.allCases, [QUICScenarios.key, nil])
    func `a client that migrates stays at the backend whose number is in the id`(
        family: Family,
        key: String?
    ) throws {
        let world = try world(family, try options(key: key), workers: 2)
        try migrate(family, world, workers: 2) { try routable(place: $0, key: key) }
    }

    @Test func `a draining backend keeps those who name it, and gets nobody else`() throws {
        let world = try world(.ipv4, try options(key: Self.key)) { $0.backends[0].weight = 0 }
        let id = try routable(place: 0, key: Self.key)
        world.send([datagram(.ipv4, from: 41000, short(id))], on: 0)
        #expect(destinations(world) == [Family.ipv4.backend(2)])
        world.send([datagram(.ipv4, from: 41001, initial([1, 2, 3, 4, 5, 6, 7, 8]))], on: 0)
        #expect(destinations(world) == [Family.ipv4.backend(3)])
    }

    @Test func `what names no backend is scheduled`() throws {
        let world = try world(.ipv4, try options(key: Self.key))
        // Made up by a client; another configuration; a number that no backend has; no QUIC at all.
        let known = try routable(place: 1, key: Self.key)
        let packets = [
            initial(known), short([0xE7] + known.dropFirst()),
            short(try routable(place: 7, key: Self.key)),
            [],
        ]
        for (number, data) in packets.enumerated() {
            world.send([datagram(.ipv4, from: UInt16(41000 + number), data)], on: 0)
        }
        let backends = [2, 3, 2, 3].map { Family.ipv4.backend($0) }
        #expect(destinations(world) == backends)
        world.expectConservation()
    }

    @Test func `a new key works from the next packet on`() throws {
        let world = try world(.ipv4, try options(key: Self.key))
        let other = String(Self.key.reversed())
        let id = try routable(place: 1, key: other)
        try world.change { state in
            state.services[0].quic?.configurations[0].key = QUICKey(hexadecimal: other)
        }
        for port in 41000..<41004 as Range<UInt16> {
            world.send([datagram(.ipv4, from: port, short(id))], on: 0)
        }
        #expect(destinations(world) == Array(repeating: Family.ipv4.backend(3), count: 4))
    }

    @Test func `the hash target qid keeps an id at its backend wherever the client is`() throws {
        let world = try Family.ipv4.world(
            try Family.ipv4.state {
                $0.scheduler = .conhash
                $0.schedulerOptions.hashTarget = .qid
            }
        )
        var seen: Set<String> = []
        for number in 0..<16 as Range<UInt8> {
            let id: [UInt8] = [number, 2, 3, 4, 5, 6, 7, 8]
            let port = UInt16(42000) + UInt16(number) * 2
            world.send([datagram(.ipv4, from: port, short(id))], on: 0)
            world.send([datagram(.ipv4, from: port + 1, short(id))], on: 0)
            let chosen = destinations(world)
            #expect(chosen.count == 2 && Set(chosen).count == 1)
            seen.formUnion(chosen)
        }
        #expect(seen.count == 2, "different ids go to different backends")
    }
}
