// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import BPF
import CRealIP

/// The list of believed addresses as the kernel has it.
package struct BelievedMap {
    /// As the map's declaration says.
    package static let capacity = 4096

    private let map: BPFMap
    package private(set) var prefixes: Set<IPPrefix> = []

    package init(_ map: BPFMap) {
        self.map = map
    }

    /// Makes the list `wanted`, by its difference to what is there: an address that stays is believed all the
    /// time.
    package mutating func set(_ wanted: Set<IPPrefix>) throws(BPFError) {
        for prefix in prefixes.subtracting(wanted) {
            try map.remove(CRealIP_prefix(prefix))
            prefixes.remove(prefix)
        }
        for prefix in wanted.subtracting(prefixes).sorted() {
            try map.update(CRealIP_prefix(prefix), to: 1 as UInt8)
            prefixes.insert(prefix)
        }
    }
}

extension CRealIP_address {
    package init(_ address: IPAddress) {
        switch address {
        case .v4(let address):
            self.init(words: (0, 0, UInt32(0xFFFF).bigEndian, address.rawValue.bigEndian))
        case .v6(let address):
            self.init(
                words: (
                    UInt32(truncatingIfNeeded: address.high >> 32).bigEndian,
                    UInt32(truncatingIfNeeded: address.high).bigEndian,
                    UInt32(truncatingIfNeeded: address.low >> 32).bigEndian,
                    UInt32(truncatingIfNeeded: address.low).bigEndian
                )
            )
        }
    }

    /// IPv4 when it is mapped.
    package var address: IPAddress {
        let (a, b, c, d) = words
        if a == 0, b == 0, c == UInt32(0xFFFF).bigEndian {
            return .v4(IPv4Address(rawValue: UInt32(bigEndian: d)))
        }
        let high = UInt64(UInt32(bigEndian: a)) << 32 | UInt64(UInt32(bigEndian: b))
        let low = UInt64(UInt32(bigEndian: c)) << 32 | UInt64(UInt32(bigEndian: d))
        return .v6(IPv6Address(high: high, low: low))
    }
}

extension CRealIP_prefix {
    init(_ prefix: IPPrefix) {
        // IPv4 is mapped, and what is mapped has 96 bits in front.
        let front = prefix.address.family == .ipv4 ? 96 : 0
        self.init(
            length: UInt32(front + prefix.length),
            address: CRealIP_address(prefix.network.address)
        )
    }
}
