// SPDX-License-Identifier: Apache-2.0
public import Addressing
import Networking

/// Services of whole networks and of ranges of ports.
///
/// The longest prefix that holds the address leads to its ranges, the narrowest first, and these to
/// the ranges of the next prefix around it. The first that fits counts, so the order of the
/// configuration does not matter.
///
///     address --longest prefix--> | /24 80 | /24 8000-8999 | /24 all | --around--> | /16 443 | ...
///
/// A handle to immutable memory that its maker destroys; the records belong to others.
@safe
public struct ServiceRanges: BitwiseCopyable, @unchecked Sendable {
    /// What belongs to one service.
    public struct Rule {
        /// A network, or one address.
        public var prefix: IPPrefix
        /// Of two rules of one prefix and protocol these are apart, or one holds the other.
        public var ports: ClosedRange<UInt16>
        public var `protocol`: FlowProtocol
        public var record: ServiceRecord

        public init(
            prefix: IPPrefix,
            ports: ClosedRange<UInt16>,
            protocol: FlowProtocol,
            record: ServiceRecord
        ) {
            self.prefix = prefix
            self.ports = ports
            self.protocol = `protocol`
            self.record = record
        }
    }

    private struct Entry: BitwiseCopyable {
        var first: UInt16
        var last: UInt16
        var `protocol`: FlowProtocol
        /// Where the search goes on; `end`: nowhere.
        var next: UInt32
        var record: ServiceRecord
    }

    private static var end: UInt32 { .max }

    /// The target's index is where the entries of a prefix begin.
    private let groups: RouteTable<UInt128>
    private let entries: UnsafeMutablePointer<Entry>
    private let count: Int

    init(_ rules: [Rule]) {
        let byPrefix = Dictionary(grouping: rules, by: \.prefix.network)
        var entries: [Entry] = []
        var starts: [IPPrefix: Int] = [:]
        // IPv4 is mapped into IPv6, but no network of IPv6 holds it: of equal prefixes the later counts.
        let mapped = WireAddress(.v4(.any)).number
        var routes = [RouteTable<UInt128>.Entry(network: mapped, length: 96, target: .none)]
        // In this order each prefix comes after all that are around it.
        for (prefix, rules) in byPrefix.sorted(by: { $0.key < $1.key }) {
            let around = (0..<prefix.length).reversed()
                .lazy.compactMap { starts[Self.shortened(prefix, to: $0)] }.first
            let start = entries.count
            starts[prefix] = start
            for rule in rules.sorted(by: Self.isNarrower) {
                entries.append(
                    Entry(
                        first: rule.ports.lowerBound,
                        last: rule.ports.upperBound,
                        protocol: rule.protocol,
                        next: UInt32(entries.count + 1),
                        record: rule.record
                    )
                )
            }
            entries[entries.count - 1].next = around.map { UInt32($0) } ?? Self.end
            let isIPv6 = prefix.address.family == .ipv6
            routes.append(
                .init(
                    network: WireAddress(prefix.address).number,
                    length: isIPv6 ? prefix.length : 96 + prefix.length,
                    target: RouteTarget(.link, index: start)
                )
            )
        }
        groups = RouteTable(routes)
        count = entries.count
        unsafe self.entries = .allocate(capacity: max(1, entries.count))
        for (index, entry) in entries.enumerated() {
            unsafe (self.entries + index).initialize(to: entry)
        }
    }

    func destroy() {
        groups.destroy()
        unsafe entries.deallocate()
    }

    var isEmpty: Bool { count == 0 }

    @inline(never)
    func service(for flow: Flow) -> ServiceRecord? {
        let port = flow.destinationPort
        var place = start(for: flow.destination)
        while place != Self.end {
            let entry = unsafe entries + Int(place)
            if unsafe entry.pointee.protocol == flow.protocol, unsafe entry.pointee.first <= port,
                unsafe port <= entry.pointee.last
            {
                return unsafe entry.pointee.record
            }
            place = unsafe entry.pointee.next
        }
        return nil
    }

    /// Whether a service of `protocol` has some port of `address`.
    func hasService(at address: WireAddress, _ protocol: FlowProtocol) -> Bool {
        var place = start(for: address)
        while place != Self.end {
            let entry = unsafe entries + Int(place)
            if unsafe entry.pointee.protocol == `protocol` { return true }
            place = unsafe entry.pointee.next
        }
        return false
    }

    /// The first entry of the longest prefix around `address`.
    private func start(for address: WireAddress) -> UInt32 {
        let target = groups.target(for: address.number)
        return target.kind == .none ? Self.end : UInt32(target.index)
    }

    private static func shortened(_ prefix: IPPrefix, to length: Int) -> IPPrefix {
        IPPrefix(prefix.address, length: length)?.network ?? prefix
    }

    private static func isNarrower(_ left: Rule, _ right: Rule) -> Bool {
        (left.ports.count, left.ports.lowerBound) < (right.ports.count, right.ports.lowerBound)
    }
}
