// SPDX-License-Identifier: Apache-2.0
import Addressing
import Containers
import Filtering
import Model

/// What a list or a set is known by.
enum SetKey: Hashable, Sendable {
    case named(String)
    /// Addresses that stand in a list of a service itself.
    case allow(Service.Key)
    case deny(Service.Key)
    /// The same of the list for all packets.
    case screen
}

/// A set of addresses as the packet path has it; snapshots share it as long as it is the same.
final class CompiledSet: Sendable, Equatable {
    let entries: [AddressSet.Entry]
    let filter: Owned<AddressFilter>

    init(_ entries: [AddressSet.Entry]) {
        self.entries = entries
        filter = Owned(AddressFilter(AddressCoverage(entries))) { $0.destroy() }
    }

    static func == (left: CompiledSet, right: CompiledSet) -> Bool {
        left === right || left.entries == right.entries
    }
}

extension AddressCoverage {
    init(_ entries: [AddressSet.Entry]) {
        var ipv4: [Piece<UInt32>] = []
        var ipv6: [Piece<UInt128>] = []
        for entry in entries {
            switch (entry.range.first, entry.range.last) {
            case (.v4(let first), .v4(let last)):
                let range = first.rawValue...last.rawValue
                ipv4.append(.init(range, isExcluded: entry.isExcluded))
            case (.v6(let first), .v6(let last)):
                let range = first.number...last.number
                ipv6.append(.init(range, isExcluded: entry.isExcluded))
            default: continue
            }
        }
        self.init(ipv4: ipv4, ipv6: ipv6)
    }
}

extension IPv6Address {
    fileprivate var number: UInt128 { UInt128(high) << 64 | UInt128(low) }
}
