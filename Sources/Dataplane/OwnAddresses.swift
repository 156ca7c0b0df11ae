// SPDX-License-Identifier: Apache-2.0
import Addressing
import Networking
import Timing

/// All addresses of ours, and how far each of them is ours.
///
///      probed                  nobody claims it for a second
///     --------> tentative ------------------------------------> usable
///                   | claimed: RFC 4862 section 5.4.3, 5.4.4     ^
///                   v                                            | not probed
///               duplicate                                  ------'
///
/// A value: whoever changes it sends what has to be sent.
struct OwnAddresses {
    enum Standing: Equatable {
        /// Asked for; until then nobody is answered about it.
        case tentative(until: Instant)
        case usable
        /// Another node has it.
        case duplicate
    }

    struct Entry {
        var own: OwnAddress
        var standing: Standing
    }

    /// A link-local address means something on its link only (RFC 4007 section 6), and the same may
    /// be ours on two; any other address is ours once.
    private struct Key: Hashable {
        var address: IPAddress
        var interface: InterfaceID?

        init(_ address: IPAddress, _ interface: InterfaceID?) {
            self.address = address
            self.interface = address.ipv6?.isLinkLocal == true ? interface : nil
        }
    }

    /// `RetransTimer` of RFC 4861 section 10: how long a claim may take.
    private static var probeTime: Duration { .seconds(1) }

    private var entries: [Key: Entry] = [:]
    /// Networks that are ours as a whole, the longest prefix first.
    private var networks: [OwnAddress] = []

    var all: [Entry] { Array(entries.values) }

    /// What is ours under this address for a packet on `interface`; nil: nothing, or on another link.
    func onLink(_ address: IPAddress, on interface: InterfaceID) -> Entry? {
        guard let entry = entry(address, interface) else { return nil }
        return entry.own.interface.map { $0 == interface } ?? true ? entry : nil
    }

    /// Whether a packet that came by `interface` is for us: any own address will do (RFC 1122 section
    /// 3.3.4.2, the weak model), but link-local ones only on their link.
    func isUsable(_ address: IPAddress, on interface: InterfaceID) -> Bool {
        entry(address, interface)?.standing == .usable
    }

    private func entry(_ address: IPAddress, _ interface: InterfaceID) -> Entry? {
        if let entry = entries[Key(address, interface)] { return entry }
        return networks.first { $0.prefix.contains(address) }
            .map { Entry(own: $0, standing: .usable) }
    }

    /// Whether anybody said that the address be ours, usable or not.
    func contains(_ address: IPAddress, on interface: InterfaceID) -> Bool {
        entry(address, interface) != nil
    }

    func usable(on interface: InterfaceID) -> [OwnAddress] {
        entries.values
            .filter { $0.standing == .usable && ($0.own.interface ?? interface) == interface }
            .map(\.own)
    }

    var duplicates: [OwnAddress] {
        entries.values.filter { $0.standing == .duplicate }.map(\.own)
            .sorted { ($0.address, $0.interface ?? 0) < ($1.address, $1.interface ?? 0) }
    }

    /// The solicited-node groups that the addresses on `interface` are in.
    func groups(on interface: InterfaceID) -> Set<IPv6Address> {
        Set(
            entries.values
                .filter {
                    ($0.own.interface ?? interface) == interface && $0.standing != .duplicate
                }
                .compactMap { $0.own.address.ipv6?.solicitedNode }
        )
    }

    /// The same with all nodes' group, and with the number of addresses in each.
    func groupMembers(on interface: InterfaceID) -> [IPv6Address: Int] {
        let own = entries.values
            .filter { ($0.own.interface ?? interface) == interface && $0.standing != .duplicate }
            .compactMap { $0.own.address.ipv6 }
        var members = Dictionary(grouping: own, by: \.solicitedNode).mapValues(\.count)
        if !own.isEmpty { members[.allNodes] = own.count }
        return members
    }

    func isInGroup(_ group: IPv6Address, on interface: InterfaceID) -> Bool {
        group == .allNodes || group.isSolicitedNode && groups(on: interface).contains(group)
    }

    // MARK: - Changes

    /// Makes `addresses` ours and no other; those that stay keep their standing.
    ///
    /// - Returns: what was not ours on that link before.
    mutating func replace(with addresses: [OwnAddress], at now: Instant) -> [OwnAddress] {
        let before = entries
        entries = [:]
        networks = addresses.filter(\.isWholePrefix)
            .sorted { $0.prefix.length > $1.prefix.length }
        var new: [OwnAddress] = []
        for own in addresses where !own.isWholePrefix {
            let key = Key(own.address, own.interface)
            guard entries[key] == nil else { continue }
            if let known = before[key], known.own.interface == own.interface {
                entries[key] = Entry(own: own, standing: known.standing)
            } else {
                entries[key] = Entry(own: own, standing: initial(own, now))
                new.append(own)
            }
        }
        return new
    }

    /// Begins anew with the addresses of a link that were not proven yet, or not ours.
    mutating func probeAgain(on interface: InterfaceID, at now: Instant) -> [OwnAddress] {
        var again: [OwnAddress] = []
        for (key, entry) in entries
        where entry.own.interface == interface && entry.standing != .usable {
            let standing = initial(entry.own, now)
            entries[key]?.standing = standing
            again.append(entry.own)
        }
        return again
    }

    /// Somebody else has a tentative address.
    mutating func refute(_ address: IPAddress, on interface: InterfaceID) {
        entries[Key(address, interface)]?.standing = .duplicate
    }

    /// Lets time pass.
    ///
    /// - Returns: what has become usable.
    mutating func tick(at now: Instant) -> [OwnAddress] {
        var proven: [OwnAddress] = []
        for (key, entry) in entries {
            guard case .tentative(let until) = entry.standing, until <= now else { continue }
            entries[key]?.standing = .usable
            proven.append(entry.own)
        }
        return proven
    }

    private func initial(_ own: OwnAddress, _ now: Instant) -> Standing {
        own.isProbed ? .tentative(until: now.advanced(by: Self.probeTime)) : .usable
    }
}
