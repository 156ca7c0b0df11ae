// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketTesting
import Testing

@testable import Filtering

@Suite struct AddressFilterTests {
    private typealias Piece = AddressCoverage.Piece

    /// The smallest network of the pieces that holds the number says it; an excluded one of two
    /// that are equal.
    private func isIn<Number>(_ number: Number, _ pieces: [Piece<Number>]) -> Bool {
        let networks = pieces.flatMap { piece in
            AddressCoverage.networks(of: piece.range).map { ($0, piece.isExcluded) }
        }
        let holding = networks.filter { $0.0.contains(number) }
        let smallest = holding.map { $0.0.upperBound - $0.0.lowerBound }.min()
        let decisive = holding.filter { $0.0.upperBound - $0.0.lowerBound == smallest }
        return !decisive.isEmpty && !decisive.contains(where: \.1)
    }

    @Test(arguments: 0..<40)
    func `any set says what a search through its networks says`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let space: UInt32 = 1 << UInt32.random(in: 4...12, using: &random)
        let offset = UInt32.random(in: 0...1, using: &random) == 0 ? 0 : UInt32.max - space + 1
        let pieces = (0..<Int.random(in: 0...30, using: &random))
            .map { _ in
                let first = UInt32.random(in: 0..<space, using: &random)
                let last = UInt32.random(in: first..<space, using: &random)
                let isExcluded = seed % 2 == 0 && Bool.random(using: &random)
                return Piece(first + offset...last + offset, isExcluded: isExcluded)
            }
        let wide = pieces.map {
            let range = $0.range
            let high = UInt128(0x2001_0DB8) << 96
            return Piece(
                high | UInt128(range.lowerBound)...high | UInt128(range.upperBound),
                isExcluded: $0.isExcluded
            )
        }
        let filter = AddressFilter(AddressCoverage(ipv4: pieces, ipv6: wide))
        defer { filter.destroy() }
        for number in 0..<space {
            let number = number + offset
            let address = IPAddress.v4(IPv4Address(rawValue: number))
            let expected = isIn(number, pieces)
            #expect(filter.contains(WireAddress(address)) == expected, "\(address) \(pieces)")
            let other = IPAddress.v6(IPv6Address(high: 0x2001_0DB8 << 32, low: UInt64(number)))
            #expect(filter.contains(WireAddress(other)) == expected)
        }
    }

    @Test func `a large set finds what is in it and nothing else`() {
        var random = SeededGenerator(seed: 7)
        let networks = (0..<100_000)
            .map { _ in UInt32.random(in: 0...UInt32.max / 256, using: &random) }
        let pieces = networks.map { Piece($0 << 8...$0 << 8 | 255) }
        let filter = AddressFilter(AddressCoverage(ipv4: pieces, ipv6: []))
        defer { filter.destroy() }
        let known = Set(networks)
        for _ in 0..<200_000 {
            let number = UInt32.random(in: 0...UInt32.max, using: &random)
            let address = WireAddress(.v4(IPv4Address(rawValue: number)))
            #expect(filter.contains(address) == known.contains(number >> 8))
        }
        for network in networks.prefix(1000) {
            let address = WireAddress(.v4(IPv4Address(rawValue: network << 8 | 77)))
            #expect(filter.contains(address))
        }
    }

    @Test func `the whole of a family, and nothing, are sets`() {
        let all = AddressFilter(AddressCoverage(ipv4: [Piece(0...UInt32.max)], ipv6: []))
        defer { all.destroy() }
        #expect(all.contains(WireAddress(ipv4: 0)) && all.contains(WireAddress(ipv4: .max)))
        #expect(!all.contains(WireAddress(.v6(IPv6Address(high: 1, low: 2)))))
        let none = AddressFilter(AddressCoverage())
        defer { none.destroy() }
        #expect(!none.contains(WireAddress(ipv4: 0)) && none.size < 200)
        let except = AddressCoverage(
            ipv4: [Piece(0...UInt32.max), Piece(.max ... .max, isExcluded: true)],
            ipv6: []
        )
        #expect(except.ipv4 == [0...UInt32.max - 1])
    }
}
