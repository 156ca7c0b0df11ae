// SPDX-License-Identifier: Apache-2.0
import PacketTesting
import Testing

@testable import Balancing

@Suite struct QUICRoutableCodecTests {
    /// A row of the draft's tables.
    struct Vector: Sendable, CustomTestStringConvertible {
        var rotation: UInt8 = 0
        var server: String
        var nonce: String
        var key: String? = "8f95f09245765f80256934e50c66207f"
        var id: String

        var testDescription: String { id }
    }

    private static func octets(_ text: String) -> [UInt8] {
        let digits = text.utf8.map { UInt8($0 > 0x60 ? $0 - 0x57 : $0 - 0x30) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// draft-ietf-quic-load-balancers-21, appendix B (the last row's configuration is 0, as its first
    /// octet says) and the example of section 5.4.2.
    @Test(arguments: [
        Vector(server: "c4605e", nonce: "4504cc4f", key: nil, id: "07c4605e4504cc4f"),
        Vector(server: "ed793a", nonce: "ee080dbf", id: "0720b1d07b359d3c"),
        Vector(
            rotation: 1,
            server: "ed793a51d49b8f5fab65",
            nonce: "ee080dbf48",
            id: "2fcc381bc74cb4fbad2823a3d1f8fed2"
        ),
        Vector(
            rotation: 2,
            server: "ed793a51d49b8f5f",
            nonce: "ee080dbf48c0d1e5",
            id: "504dd2d05a7b0de9b2b9907afb5ecf8cc3"
        ),
        Vector(
            server: "ed793a51d49b8f5fab",
            nonce: "ee080dbf48c0d1e55d",
            id: "125779c9cc86beb3a3a4a3ca96fce4bfe0cdbc"
        ),
        Vector(
            server: "31441a",
            nonce: "9c69c275",
            key: "fdf726a9893ec05c0632d3956680baf0",
            id: "0767947d29be054a"
        ),
    ])
    func `the draft's vectors come out, there and back`(vector: Vector) throws {
        var random = SeededGenerator(seed: 1)
        let nonce = Self.octets(vector.nonce)
        let server = try #require(QUICServerID(Self.octets(vector.server)))
        let format = try #require(
            QUICRoutableFormat(
                rotation: vector.rotation,
                serverIDLength: server.count,
                nonceLength: nonce.count,
                key: vector.key.map(Self.octets)
            )
        )
        let codec = try required(QUICRoutableCodec(format))
        let id = codec.connectionID(of: server, nonce: nonce, using: &random)
        #expect(id?.octets == Self.octets(vector.id))
        let found = codec.serverID(of: try #require(id))
        #expect(found == server)
    }

    @Test(arguments: 1...15)
    func `every length comes back`(serverLength: Int) throws {
        var random = SeededGenerator(seed: UInt64(serverLength))
        for nonceLength in 4...19 - serverLength {
            for key in [nil, random.octets(16)] {
                let format = try #require(
                    QUICRoutableFormat(
                        rotation: 6,
                        serverIDLength: serverLength,
                        nonceLength: nonceLength,
                        key: key
                    )
                )
                let codec = try required(QUICRoutableCodec(format))
                let server = try #require(QUICServerID(random.octets(serverLength)))
                let made = codec.connectionID(
                    of: server,
                    nonce: random.octets(nonceLength),
                    tellsLength: false,
                    using: &random
                )
                let id = try #require(made)
                #expect(id.count == 1 + serverLength + nonceLength && id.octets[0] >> 5 == 6)
                let found = codec.serverID(of: id)
                #expect(found == server, "nonce \(nonceLength)")
                // What follows in a short header does not matter.
                let padding = random.octets(20 - id.count)
                let followed = try #require(QUICConnectionID(id.octets + padding))
                let foundAgain = codec.serverID(of: followed)
                #expect(foundAgain == server, "nonce \(nonceLength)")
                let cut = try #require(QUICConnectionID(id.octets.dropLast()))
                let none = codec.serverID(of: cut)
                #expect(none == nil)
            }
        }
    }

    @Test(
        arguments: [
            (7, 3, 4, nil), (0, 0, 4, nil), (0, 16, 4, nil), (0, 3, 3, nil), (0, 10, 10, nil),
            (0, 1, 19, nil), (0, 3, 4, 15), (0, 3, 4, 17),
        ] as [(UInt8, Int, Int, Int?)]
    )
    func `formats that the draft forbids are none`(
        rotation: UInt8,
        serverLength: Int,
        nonceLength: Int,
        keyLength: Int?
    ) {
        let format = QUICRoutableFormat(
            rotation: rotation,
            serverIDLength: serverLength,
            nonceLength: nonceLength,
            key: keyLength.map { Array(repeating: 0, count: $0) }
        )
        #expect(format == nil)
    }
}

@Suite struct QUICRouterTests {
    private func format(_ rotation: UInt8, key: [UInt8]? = nil) throws -> QUICRoutableFormat {
        try #require(
            QUICRoutableFormat(rotation: rotation, serverIDLength: 2, nonceLength: 6, key: key)
        )
    }

    private func server(_ number: UInt16) throws -> QUICServerID {
        try #require(QUICServerID([UInt8(number >> 8), UInt8(number & 0xFF)]))
    }

    @Test func `ids find their backend under each configuration`() throws {
        var random = SeededGenerator(seed: 5)
        var configurations: [QUICRouter.Configuration] = []
        for rotation in UInt8(0)..<7 {
            let key = rotation == 3 ? nil : random.octets(16)
            var backends: [QUICServerID: UInt32] = [:]
            for number in UInt16(0)..<20 {
                backends[try server(number * 31)] = UInt32(rotation) * 100 + UInt32(number)
            }
            configurations.append(.init(try format(rotation, key: key), backends: backends))
        }
        let router = try required(QUICRouter(configurations))
        for configuration in configurations {
            let codec = try required(QUICRoutableCodec(configuration.format))
            for (server, backend) in configuration.backends {
                let made = codec.connectionID(
                    of: server,
                    nonce: random.octets(6),
                    using: &random
                )
                let found = router.backend(of: try #require(made))
                #expect(found == backend)
            }
        }
    }

    @Test func `what is not configured has no route`() throws {
        var random = SeededGenerator(seed: 5)
        let router = try required(
            QUICRouter([.init(try format(2), backends: [try server(5): 50])])
        )
        let routable: [UInt8] = [0x40, 0, 5, 1, 2, 3, 4, 5, 6]
        let found = router.backend(of: try #require(QUICConnectionID(routable)))
        #expect(found == 50)
        let strangers: [[UInt8]] = [
            [], [0x40], Array(routable.dropLast()), [0x20] + routable.dropFirst(),
            [0x40, 0, 6, 1, 2, 3, 4, 5, 6], [0xE0] + routable.dropFirst(),
        ]
        for octets in strangers {
            let none = router.backend(of: try #require(QUICConnectionID(octets)))
            #expect(none == nil)
        }
        let unroutable = QUICConnectionID.unroutable(count: 9, using: &random)
        let none = router.backend(of: try #require(unroutable))
        #expect(none == nil)
    }

    @Test func `contradictions make no router`() throws {
        let twice = QUICRouter([
            .init(try format(1), backends: [:]), .init(try format(1), backends: [:]),
        ])
        let isRefused = twice == nil
        #expect(isRefused)
        let long = try #require(QUICServerID([1, 2, 3]))
        let isRefusedToo = QUICRouter([.init(try format(1), backends: [long: 1])]) == nil
        #expect(isRefusedToo)
    }
}
