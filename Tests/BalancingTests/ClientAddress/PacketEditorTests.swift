// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

@Suite struct PacketEditorTests {
    private static let data: [UInt8] = [1, 2, 3, 4, 5]

    @Test(arguments: [false, true], [(128, 0), (0, 128), (12, 0), (0, 12)])
    func `octets are inserted into headroom, else into tailroom`(
        isIPv6: Bool,
        room: (Int, Int)
    ) throws {
        let frame = toBackend(isIPv6: isIPv6, isUDP: true) { frame in
            frame.data = Self.data
            frame.padding = [0xEE, 0xEF]
        }
        let at = frame.transportOffset
        let (result, octets, isIntact) = try edited(
            frame,
            headroom: room.0,
            tailroom: room.1
        ) { editor in
            let isDone = editor.insert(12, at: at)
            for index in 0..<12 { editor.bytes.set(UInt8(index), at: at + index) }
            return [isDone ? 1 : 0, editor.transportOffset, editor.packetLength]
        }
        #expect(result == [1, at + 12, frame.octets.count - 16 + 12])
        #expect(isIntact)
        #expect(octets[at..<(at + 12)].elementsEqual(0..<12))
        #expect(octets[(at + 12)...].elementsEqual(frame.octets[at...]))
        #expect(octets[..<14].elementsEqual(frame.octets[..<14]))
        if !isIPv6 { #expect(Checksum.of(Array(octets[14..<34])) == 0) }
    }

    @Test func `without room nothing changes`() throws {
        let frame = toBackend { $0.data = Self.data }
        let (isDone, octets, isIntact) = try edited(frame, headroom: 7, tailroom: 7) { editor in
            editor.insert(8, at: 54)
        }
        #expect(!isDone && isIntact && octets == frame.octets)
    }

    @Test(arguments: [33, 60, 1000, -1])
    func `nothing is inserted into the fixed header or behind the packet`(offset: Int) throws {
        let frame = toBackend {
            $0.data = Self.data
            $0.padding = [0, 0, 0]
        }
        let (isDone, octets, _) = try edited(frame) { $0.insert(4, at: offset) }
        #expect(!isDone && octets == frame.octets)
    }

    @Test(arguments: [(0, 100), (33, 1), (54, 6), (59, 1), (54, -1)])
    func `only octets of the packet are removed`(offset: Int, count: Int) throws {
        let frame = toBackend {
            $0.data = Self.data
            $0.padding = [0, 0, 0]
        }
        let (isDone, octets, _) = try edited(frame) { $0.remove(count, at: offset) }
        #expect(!isDone && octets == frame.octets)
    }

    @Test(arguments: [false, true], [1, 2, 3] as [UInt64])
    func `insert and remove is identity`(isUDP: Bool, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let frame = randomPacket(isUDP: isUDP, using: &random)
            let count = Int.random(in: 0...64, using: &random)
            let fixed = frame.isIPv6 ? 54 : 34
            let end = frame.octets.count - frame.padding.count
            let offset = Int.random(in: fixed...end, using: &random)
            let isHead = Bool.random(using: &random)
            let (offsets, octets, isIntact) = try edited(
                frame,
                headroom: isHead ? 64 : 0,
                tailroom: isHead ? 0 : 64
            ) { editor in
                let inserted = editor.insert(count, at: offset)
                let removed = editor.remove(count, at: offset)
                return (inserted && removed, editor.transportOffset)
            }
            #expect(offsets.0 && isIntact, "seed \(seed)")
            #expect(octets == frame.octets, "seed \(seed), \(count) at \(offset)")
            if offset != frame.transportOffset { #expect(offsets.1 == frame.transportOffset) }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `no octets trap, and nothing outside the buffer is touched`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for round in 0..<6_000 {
            let isUDP = round & 1 == 0
            let valid = randomPacket(isUDP: isUDP, using: &random)
            let octets =
                round % 3 == 0
                ? random.octets(.random(in: 0...120, using: &random))
                : random.mutation(of: valid.octets)
            let buffer = RoomyBuffer(
                octets,
                headroom: .random(in: 0...60, using: &random),
                tailroom: .random(in: 0...60, using: &random)
            )
            let editor = unsafe PacketEditor(
                buffer.buffer,
                networkOffset: round % 7 == 0 ? Int.random(in: -9...99, using: &random) : 14,
                transportOffset: round % 7 == 1
                    ? Int.random(in: -9...199, using: &random) : valid.transportOffset,
                family: valid.isIPv6 ? .ipv6 : .ipv4,
                protocol: isUDP ? .udp : .tcp
            )
            guard let editor else { continue }
            Self.tryEverything(editor, &random)
            let isIntact = buffer.isIntact
            #expect(isIntact, "seed \(seed), round \(round)")
        }
    }

    private static func tryEverything(_ start: PacketEditor, _ random: inout SeededGenerator) {
        var editor = start
        let shift = SequenceShift(delta: .random(in: 0...(.max), using: &random))
        let client = Bool.random(using: &random) ? client4 : client6
        for _ in 0..<4 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0: _ = editor.insertAddressOption(client, mtu: 1500)
            case 1: editor.removeTimestampsFromSYN()
            case 2: editor.lowerMSS(by: 20)
            case 3: editor.clampMSS(to: 1000)
            case 4: editor.shiftTowardBackend(shift)
            case 5: editor.shiftTowardClient(shift)
            case 6: _ = editor.insertUDPAddress(client, .header, mtu: 1500)
            case 7: _ = editor.insertUDPAddress(client, .option, mtu: 1500)
            case 8:
                let content = ProxyHeader.Content.proxied(source: client, destination: service4)
                _ = editor.replaceData(
                    removing: .random(in: 0...4, using: &random),
                    inserting: ProxyHeader(.v1, content),
                    mtu: 1500
                )
            default:
                let mode = BackendAddressMode.allCases.randomElement(using: &random) ?? .none
                var state = ClientAddressState(mode)
                _ = editor.carry(client, to: service4, &state, mtu: 1500)
                editor.restore(&state, client: client.address)
            }
        }
    }
}
