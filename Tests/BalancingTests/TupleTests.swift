// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketTesting
import Testing

@testable import Balancing

@Suite struct TupleTests {
    @Test func `a tuple keeps what it was made of`() {
        let tuple = IPv4Tuple(
            source: IPv4Address(10, 0, 0, 10),
            sourcePort: 5000,
            destination: IPv4Address(10, 0, 0, 100),
            destinationPort: 80
        )
        #expect(tuple.source.address.description == "10.0.0.10" && tuple.sourcePort == 5000)
        #expect(
            tuple.destination.address.description == "10.0.0.100" && tuple.destinationPort == 80
        )
        #expect(tuple.reversed.source == tuple.destination)
        #expect(tuple.reversed.sourcePort == 80 && tuple.reversed.destinationPort == 5000)
        #expect(tuple.reversed.reversed == tuple)
    }

    @Test func `its octets are those of the wire`() {
        let frame = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80")
        let buffer = LooseBuffer(frame)
        let read = unsafe TransportPacket<IPv4Tuple>(
            network: buffer.frame + 14,
            transport: buffer.frame + 34,
            protocol: .udp,
            totalLength: 32
        )
        .tuple
        #expect(read.source.address.description == "10.0.0.10" && read.destinationPort == 80)
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `folding keeps the ones' complement sum`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for value in [0, 0xFFFF, 0x1_0000, .max] + (0..<2_000).map({ _ in random.next() }) {
            let folded = foldChecksum(value)
            #expect(folded <= 0xFFFF && UInt64(folded) % 0xFFFF == value % 0xFFFF)
            #expect((folded == 0) == (value == 0), "only zero is zero")
        }
    }

    @Test func `the hash depends on every part and on the key`() {
        let tuple = IPv4Tuple(addresses: 0x0A00_0001_0A00_0002, ports: 0x1388_0050)
        let key = HashKey(seed: 1)
        var hashes: Set<UInt64> = [tuple.hash(.tcp, key: key)]
        for bit in 0..<64 {
            let other = IPv4Tuple(addresses: tuple.addresses ^ 1 << UInt64(bit), ports: tuple.ports)
            hashes.insert(other.hash(.tcp, key: key))
        }
        for bit in 0..<32 {
            let other = IPv4Tuple(addresses: tuple.addresses, ports: tuple.ports ^ 1 << UInt32(bit))
            hashes.insert(other.hash(.tcp, key: key))
        }
        hashes.insert(tuple.hash(.udp, key: key))
        hashes.insert(tuple.hash(.tcp, key: HashKey(seed: 2)))
        #expect(hashes.count == 1 + 64 + 32 + 2)
    }
}
