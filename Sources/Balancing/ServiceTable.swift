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
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let mask: UInt64
    private let ranges: ServiceRanges
    /// Protocols of the exact addresses, a bit each.
    private let protocols: AddressTable
    public let matches: ServiceMatches

    /// Of `matches` the first that fits counts.
    ///
    /// `rules` are unambiguous: see `ServiceRanges`.
    public init(_ rules: [ServiceRanges.Rule], matches: [ServiceMatches.Rule] = []) {
        let isExact = { (rule: ServiceRanges.Rule) in
            rule.prefix.isHost && (rule.ports.count == 1 || rule.protocol.isQuery)
        }
        let exact = rules.filter(isExact)
        ranges = ServiceRanges(rules.filter { !isExact($0) })
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
        for rule in exact {
            let address = WireAddress(rule.prefix.address)
            let port = rule.protocol.isQuery ? 0 : rule.ports.lowerBound.bigEndian
            let tail = Self.tail(port, rule.protocol)
            var slot = Self.hash(address, tail) & mask
            while unsafe slots[Int(slot)].tail != 0 { slot = (slot &+ 1) & mask }
            unsafe slots[Int(slot)] = Slot(address: address, tail: tail, record: rule.record)
        }
    }

    public func destroy() {
        unsafe slots.deallocate()
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

    private static func tail(_ port: UInt16, _ protocol: FlowProtocol) -> UInt32 {
        UInt32(port) | UInt32(`protocol`.rawValue) << 16 | 1 << 31
    }

    private static func hash(_ address: WireAddress, _ tail: UInt32) -> UInt64 {
        let mixed = (address.mixed ^ UInt64(tail)) &* 0x9E37_79B9_7F4A_7C15
        return mixed ^ mixed >> 32
    }
}
