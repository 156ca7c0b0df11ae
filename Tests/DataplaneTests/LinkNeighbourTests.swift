// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketTesting
import Testing
import Timing

@testable import Dataplane

@Suite struct LinkNeighbourTests {
    /// What a switch says of itself, in full.
    static let message: [UInt8] = [
        LinkDiscoveryField(.chassis, [4, 2, 0, 0, 0, 0, 9]),
        LinkDiscoveryField(.port, [5] + Array("Ethernet1/7".utf8)),
        LinkDiscoveryField(.timeToLive, [0, 120]),
        LinkDiscoveryField(.portDescription, text: "to rack 4"),
        LinkDiscoveryField(.systemName, text: "leaf\u{1B}[31m1"),
        LinkDiscoveryField(.systemDescription, text: "a switch"),
        LinkDiscoveryField(.capabilities, [0, 0x14, 0, 0x04]),
        LinkDiscoveryField(.managementAddress, [5, 1, 10, 0, 0, 9, 2, 0, 0, 0, 1, 0]),
        LinkDiscoveryField(
            .managementAddress,
            [17, 2, 0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [9, 2, 0, 0, 0, 1, 0]
        ),
        LinkDiscoveryField(.organisation, [0, 0x80, 0xC2, 1, 0, 42]),
        LinkDiscoveryField(.end),
    ]
    .flatMap(\.octets)

    @Test func `every field is read, and text is fit for a terminal`() throws {
        let neighbour = try #require(LinkNeighbour(message: Self.message[...]))
        #expect(neighbour.chassis.text == "02:00:00:00:00:09")
        #expect(neighbour.port.text == "Ethernet1/7" && neighbour.timeToLive == 120)
        #expect(neighbour.portDescription == "to rack 4")
        #expect(neighbour.systemName == "leaf\u{FFFD}[31m1")
        #expect(neighbour.systemDescription == "a switch")
        #expect(neighbour.capabilities.names == ["bridge", "router"])
        #expect(neighbour.enabledCapabilities.names == ["bridge"])
        #expect(neighbour.managementAddresses.map(\.description) == ["10.0.0.9", "2001:db8::9"])
        let field = try #require(neighbour.organisationFields.first)
        #expect(field.organisation == 0x0080C2 && field.subtype == 1 && field.octets == [0, 42])
    }

    @Test func `padding behind the end means nothing, and an end is not needed`() throws {
        let padded = Self.message + [UInt8](repeating: 0, count: 40)
        let open = Self.message.dropLast(2)
        let read = LinkNeighbour(message: Self.message[...])
        #expect(read != nil && LinkNeighbour(message: padded[...]) == read)
        #expect(LinkNeighbour(message: open) == read)
    }

    @Test(
        arguments: [
            [], [2, 7, 4, 2, 0, 0, 0, 0, 9],
            // Another order, an empty chassis, a chassis twice, a field that is cut.
            [4, 2, 5, 65, 2, 7, 4, 2, 0, 0, 0, 0, 9, 6, 2, 0, 120, 0, 0],
            [2, 1, 4, 4, 2, 5, 65, 6, 2, 0, 120, 0, 0],
            [2, 2, 7, 65, 4, 2, 5, 65, 6, 2, 0, 120, 2, 2, 7, 65, 0, 0],
            [2, 2, 7, 65, 4, 2, 5, 65, 6, 2, 0, 120, 10, 9, 65],
            [2, 2, 7, 65, 4, 2, 5, 65, 6, 1, 120, 0, 0],
        ] as [[UInt8]]
    )
    func `a message that breaks the rules is discarded`(octets: [UInt8]) {
        #expect(LinkNeighbour(message: octets[...]) == nil)
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `no octets trap the reader`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            var octets = Self.message
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let index = Int.random(in: octets.indices, using: &random)
                octets[index] = UInt8.random(in: 0...255, using: &random)
            }
            let length = Int.random(in: 0...octets.count, using: &random)
            _ = LinkNeighbour(message: octets.prefix(length))
            _ = LinkNeighbour(message: random.octets(length)[...])
        }
    }

    @Test func `neighbours on a port are bounded in number and time`() throws {
        var port = LinkDiscoveryPort()
        let start = Instant(nanoseconds: 1_000_000_000)
        var neighbour = try #require(LinkNeighbour(message: Self.message[...]))
        for number in 0..<LinkDiscoveryPort.capacity {
            neighbour.port.octets = [UInt8(number)]
            #expect(port.learn(neighbour, at: start) == .new)
        }
        let late = start.advanced(by: .seconds(60))
        #expect(port.learn(neighbour, at: late) == .known)
        neighbour.port.octets = [200]
        #expect(port.learn(neighbour, at: late) == .full)
        port.expire(at: start.advanced(by: .seconds(120)))
        #expect(port.entries.count == 1, "the one that was heard again")
        neighbour.port.octets = [UInt8(LinkDiscoveryPort.capacity - 1)]
        neighbour.timeToLive = 0
        #expect(port.learn(neighbour, at: late) == .left && port.entries.isEmpty)
    }
}
