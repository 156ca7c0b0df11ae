// SPDX-License-Identifier: Apache-2.0
import Addressing

/// Finds the service that a packet addresses.
///
/// One address and port is found by one probe of a hash table as a rule. Only what is not there asks
/// on: networks and ranges of ports (`ServiceRanges`). Packets that are addressed to somebody else
/// ask `matches` once their route is known.
///
/// A handle to immutable memory that the snapshot's maker destroys; the records belong to others.
@safe
public struct ServiceTable: BitwiseCopyable, @unchecked Sendable {
    private struct Slot: BitwiseCopyable {
        var address: WireAddress
        /// Port and protocol; 0 is an empty slot.
        var tail: UInt32
        var record: ServiceRecord?

        init(address: WireAddress, tail: UInt32, record: ServiceRecord?) {
            self.address = address
            self.tail = tail
            self.record = record
        }

        /// Of a rule with one address and port.
        init(_ rule: ServiceRanges.Rule) {
            let port = rule.protocol.isQuery ? 0 : rule.ports.lowerBound.bigEndian
            self.init(
                address: WireAddress(rule.prefix.address),
                tail: ServiceTable.tail(port, rule.protocol),
                record: rule.record
            )
        }
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let mask: UInt64
    /// Tables that have the rest, from `ranges` on, in common; one thread makes and destroys them.
    private let users: UnsafeMutablePointer<Int>
    private let ranges: ServiceRanges
    /// Protocols of the exact addresses, a bit each.
    private let protocols: AddressTable
    public let matches: ServiceMatches

    /// Of `matches` the first that fits counts.
    ///
    /// `rules` are unambiguous: see `ServiceRanges`.
    public init(_ rules: [ServiceRanges.Rule], matches: [ServiceMatches.Rule] = []) {
        let exact = rules.filter(\.isExact)
        ranges = ServiceRanges(rules.filter { !$0.isExact })
        let byAddress = Dictionary(grouping: exact, by: \.prefix.address)
        protocols = AddressTable(
            byAddress.map { address, rules in
                (address, rules.reduce(0) { $0 | 1 << UInt32($1.protocol.rawValue) })
            }
        )
        self.matches = ServiceMatches(matches)
        var count = 16
        while count < exact.count * 2 { count *= 2 }
        mask = UInt64(count - 1)
        unsafe slots = .allocate(capacity: count)
        unsafe slots.initialize(repeating: Slot(address: .zero, tail: 0, record: nil), count: count)
        unsafe users = .allocate(capacity: 1)
        unsafe users.initialize(to: 1)
        for rule in exact { unsafe place(of: rule).initialize(to: Slot(rule)) }
    }

    /// The same with other records of services that it knows, each by one address and port; nil when
    /// there are others among `rules`.
    public func replacing(_ rules: [ServiceRanges.Rule]) -> ServiceTable? {
        guard rules.allSatisfy({ rule in rule.isExact && isKnown(rule) }) else {
            return nil
        }
        let copy = ServiceTable(copying: self)
        for rule in rules { unsafe copy.place(of: rule).pointee.record = rule.record }
        return copy
    }

    private func isKnown(_ rule: ServiceRanges.Rule) -> Bool {
        unsafe place(of: rule).pointee.tail != 0
    }

    private init(copying other: ServiceTable) {
        let count = Int(other.mask) + 1
        unsafe slots = .allocate(capacity: count)
        unsafe slots.initialize(from: other.slots, count: count)
        mask = other.mask
        unsafe users = other.users
        unsafe users.pointee += 1
        ranges = other.ranges
        protocols = other.protocols
        matches = other.matches
    }

    /// Where a service with one address and port stands, or is to stand.
    private func place(of rule: ServiceRanges.Rule) -> UnsafeMutablePointer<Slot> {
        let wanted = Slot(rule)
        var slot = Self.hash(wanted.address, wanted.tail) & mask
        while true {
            let found = unsafe slots + Int(slot)
            if unsafe found.pointee.tail == 0 { return unsafe found }
            if unsafe found.pointee.tail == wanted.tail,
                unsafe found.pointee.address == wanted.address
            {
                return unsafe found
            }
            slot = (slot &+ 1) & mask
        }
    }

    public func destroy() {
        unsafe slots.deallocate()
        unsafe users.pointee -= 1
        guard unsafe users.pointee == 0 else { return }
        unsafe users.deallocate()
        ranges.destroy()
        protocols.destroy()
        matches.destroy()
    }

    /// The service whose addresses and ports a packet asks.
    public func service(for flow: Flow) -> ServiceRecord? {
        // Services of queries have no port.
        let port = flow.protocol.isQuery ? 0 : UInt16(truncatingIfNeeded: flow.ports >> 16)
        let tail = Self.tail(port, flow.protocol)
        var slot = Self.hash(flow.destination, tail) & mask
        while true {
            let found = unsafe slots + Int(slot)
            if unsafe found.pointee.tail == tail, unsafe found.pointee.address == flow.destination {
                return unsafe found.pointee.record
            }
            if unsafe found.pointee.tail == 0 { break }
            slot = (slot &+ 1) & mask
        }
        return ranges.isEmpty ? nil : ranges.service(for: flow)
    }

    /// Whether a service of `protocol`, on whatever port, has `address`.
    func hasService(at address: WireAddress, _ protocol: FlowProtocol) -> Bool {
        let known = protocols.value(for: address) ?? 0
        return known & 1 << UInt32(`protocol`.rawValue) != 0
            || ranges.hasService(at: address, `protocol`)
    }

    fileprivate static func tail(_ port: UInt16, _ protocol: FlowProtocol) -> UInt32 {
        UInt32(port) | UInt32(`protocol`.rawValue) << 16 | 1 << 31
    }

    private static func hash(_ address: WireAddress, _ tail: UInt32) -> UInt64 {
        let mixed = (address.mixed ^ UInt64(tail)) &* 0x9E37_79B9_7F4A_7C15
        return mixed ^ mixed >> 32
    }
}

extension ServiceRanges.Rule {
    /// Whether it is about one address and port.
    fileprivate var isExact: Bool {
        prefix.isHost && (ports.count == 1 || `protocol`.isQuery)
    }
}
