// SPDX-License-Identifier: Apache-2.0
import Addressing
import Networking
import Packet
import Timing

/// Something that the nodes of a link are told twice, a second apart: one frame may get lost.
struct Announcement {
    enum Matter: Equatable {
        /// An own address and where it is.
        case address(IPAddress)
        /// That we are in these groups now, or not any more.
        case groups([IPv6Address], MulticastListener.Change)
    }

    var matter: Matter
    var interface: InterfaceID
    var due: Instant
    var remaining = 2
}

extension SlowPathState {
    private static var announcementsPerTurn: Int { 64 }

    // MARK: - Ours and not ours

    mutating func install(_ addresses: [OwnAddress]) {
        let before = Dictionary(uniqueKeysWithValues: interfaces.map { ($0, own.groups(on: $0)) })
        interfaces =
            ports.indices.map { InterfaceID(port: $0) } + engine.interchange.interfaces.vlans
        let new = own.replace(with: addresses, at: now)
        announcements.removeAll {
            guard case .address(let address) = $0.matter else { return false }
            return !own.contains(address, on: $0.interface)
        }
        for interface in interfaces {
            let (earlier, after) = (before[interface] ?? [], own.groups(on: interface))
            announce(after.subtracting(earlier), .joined, on: interface)
            announce(earlier.subtracting(after), .left, on: interface)
        }
        for address in new { begin(address) }
        for interface in interfaces where before[interface] == nil {
            welcome(interface, sparing: new)
        }
    }

    /// An interface is new: addresses that are on every link are now on this one, too.
    private mutating func welcome(_ interface: InterfaceID, sparing new: [OwnAddress]) {
        let old = own.usable(on: interface).filter { $0.interface == nil && !new.contains($0) }
        for address in old {
            announce(address.address, on: interface)
        }
        solicitRouters(on: interface)
    }

    /// A port's link came up.
    mutating func linkCameUp(_ port: Int) {
        for interface in interfaces where engine.interchange.interfaces.port(of: interface) == port
        {
            announceAll(on: interface)
        }
    }

    /// Whoever is there now may not know us, and may claim what is not proven yet.
    private mutating func announceAll(on interface: InterfaceID) {
        announce(own.groups(on: interface), .joined, on: interface)
        for address in own.probeAgain(on: interface, at: now) { begin(address) }
        for address in own.usable(on: interface) { announce(address.address, on: interface) }
        solicitRouters(on: interface)
    }

    private mutating func begin(_ address: OwnAddress) {
        if address.isProbed, let target = address.address.ipv6, let interface = address.interface {
            probe(target, on: interface)
        } else {
            for interface in address.interface.map({ [$0] }) ?? interfaces
            where !engine.interchange.interfaces[interface].isTunnel {
                announce(address.address, on: interface)
            }
        }
    }

    /// Takes addresses into use that nobody has claimed in time.
    mutating func settleProbes() {
        conflicts.forget(before: now) { [own] in own.contains($0, on: $1) }
        for address in own.tick(at: now) {
            if let interface = address.interface { announce(address.address, on: interface) }
        }
        counters.set(own.duplicates.count, for: .duplicateAddresses)
    }

    // MARK: - Announcements

    private mutating func announce(_ address: IPAddress, on interface: InterfaceID) {
        announcements.append(
            Announcement(matter: .address(address), interface: interface, due: now)
        )
    }

    private mutating func announce(
        _ groups: Set<IPv6Address>,
        _ change: MulticastListener.Change,
        on interface: InterfaceID
    ) {
        guard !groups.isEmpty else { return }
        announcements.append(
            Announcement(matter: .groups(groups.sorted(), change), interface: interface, due: now)
        )
    }

    /// Sends what is due of it, a bounded number at a time.
    mutating func announceDue() {
        guard !announcements.isEmpty else { return }
        var sent = 0
        var later: [Announcement] = []
        for var announcement in announcements {
            guard announcement.due <= now, sent < Self.announcementsPerTurn else {
                later.append(announcement)
                continue
            }
            sent += 1
            say(announcement.matter, on: announcement.interface)
            announcement.remaining -= 1
            announcement.due = now.advanced(by: .seconds(1))
            if announcement.remaining > 0 { later.append(announcement) }
        }
        announcements = later
    }

    private mutating func say(_ matter: Announcement.Matter, on interface: InterfaceID) {
        switch matter {
        case .address(.v4(let address)): sayGratuitously(address, on: interface)
        case .address(.v6(let address)): advertise(address, to: nil, on: interface)
        case .groups(let groups, let change): report(groups, change, on: interface)
        }
    }

    // MARK: - Choosing one

    /// An own address from which a node on `interface` can be asked or answered: the best is in the same
    /// network, then of the same scope (RFC 6724 section 5, rule 2), then of that link alone.
    func source(toward target: IPAddress, on interface: InterfaceID) -> IPAddress? {
        func merit(_ own: OwnAddress) -> Int {
            let isSameNetwork = !own.prefix.isHost && own.prefix.contains(target)
            return (isSameNetwork ? 4 : 0)
                + (own.address.isLinkLocal == target.isLinkLocal ? 2 : 0)
                + (own.interface == interface ? 1 : 0)
        }
        let candidates = own.usable(on: interface).filter { $0.address.family == target.family }
        guard let best = candidates.map(merit).max() else { return nil }
        return candidates.filter { merit($0) == best }.map(\.address).min()
    }
}

extension IPAddress {
    /// fe80::/10; IPv4 has no scope that matters here.
    fileprivate var isLinkLocal: Bool { ipv6?.isLinkLocal ?? false }
}
