// SPDX-License-Identifier: Apache-2.0
import Addressing
import CPacket
import Filtering
import Linux

/// What a lookup in a set of networks costs, and what it takes to make one.
package struct SetCost: Sendable {
    package var entries: Int
    package var isIPv6: Bool
    /// Per lookup; of addresses that are spread over the whole set and nowhere else.
    package var cycles: Double
    /// Octets an entry.
    package var memory: Double
    /// Milliseconds from entries in no order to the memory of the packet path.
    package var milliseconds: Double
    /// Of all lookups that found their address.
    package var found: Double

    private static let lookups = 1 << 22

    /// `entries` networks at random, IPv4 of 24 bits and IPv6 of 48 bits.
    package static func measure(entries: Int, isIPv6: Bool) -> SetCost {
        var random = SystemRandomNumberGenerator()
        let networks = (0..<entries).map { _ in UInt32.random(in: 0..<1 << 24, using: &random) }
        let begin = Host.monotonicNanoseconds
        let filter = AddressFilter(coverage(of: networks, isIPv6: isIPv6))
        let built = Host.monotonicNanoseconds - begin
        defer { filter.destroy() }
        // Half of the addresses are in some network, so that no branch knows the answer.
        let asked = (0..<1 << 16)
            .map { index in
                let other = UInt32.random(in: 0..<1 << 24, using: &random)
                let network = index % 2 == 0 ? networks.randomElement() ?? other : other
                return address(in: network, isIPv6: isIPv6)
            }
        var found = 0
        let start = CPacket_cycles()
        for turn in 0..<lookups where filter.contains(asked[turn & (asked.count - 1)]) {
            found += 1
        }
        let cycles = Double(CPacket_cycles() - start) / Double(lookups)
        return SetCost(
            entries: entries,
            isIPv6: isIPv6,
            cycles: cycles,
            memory: Double(filter.size) / Double(max(1, entries)),
            milliseconds: Double(built) / 1e6,
            found: Double(found) / Double(lookups)
        )
    }

    private static func coverage(of networks: [UInt32], isIPv6: Bool) -> AddressCoverage {
        guard isIPv6 else {
            let pieces = networks.map { AddressCoverage.Piece($0 << 8...$0 << 8 | 0xFF) }
            return AddressCoverage(ipv4: pieces, ipv6: [])
        }
        let hosts = UInt128.max >> 48
        let pieces = networks.map { network in
            let first = wide(network)
            return AddressCoverage.Piece(first...first | hosts)
        }
        return AddressCoverage(ipv4: [], ipv6: pieces)
    }

    /// 2001::/16 with the network behind it.
    private static func wide(_ network: UInt32) -> UInt128 {
        UInt128(0x2001) << 112 | UInt128(network) << 80
    }

    private static func address(in network: UInt32, isIPv6: Bool) -> WireAddress {
        guard isIPv6 else { return WireAddress(ipv4: (network << 8 | 77).bigEndian) }
        let number = wide(network) | 77
        let high = UInt64(truncatingIfNeeded: number >> 64)
        return WireAddress(.v6(IPv6Address(high: high, low: UInt64(truncatingIfNeeded: number))))
    }
}
