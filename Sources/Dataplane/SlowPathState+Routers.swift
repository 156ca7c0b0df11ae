// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import Networking
import Packet
import Timing

/// A node that offers itself as the way to everywhere.
public struct AdvertisedRouter: Hashable, Sendable {
    /// Link-local.
    public var address: IPAddress
    public var interface: InterfaceID

    public init(_ address: IPAddress, on interface: InterfaceID) {
        self.address = address
        self.interface = interface
    }
}

/// Default routers by their own word (RFC 4861 section 6.3.4), while they are believed.
///
/// Only the lifetime counts: prefixes are not autoconfigured, because a balancer's addresses are
/// named in its configuration, and hop limit, MTU and timers are settings of ours.
struct Routers {
    /// More than two are rare; nobody fills our memory with them.
    private static var limit: Int { 16 }
    /// `MAX_RTR_SOLICITATIONS` and `RTR_SOLICITATION_INTERVAL` of RFC 4861 section 10.
    static var solicitations: Int { 3 }
    static var solicitationInterval: Duration { .seconds(4) }

    private var deadlines: [AdvertisedRouter: Instant] = [:]
    /// By interface: solicitations that are left, and when the next is due.
    var unanswered: [InterfaceID: (left: Int, due: Instant)] = [:]

    /// In a fixed order: the first one is used.
    var all: [AdvertisedRouter] {
        deadlines.keys.sorted { ($0.interface, $0.address) < ($1.interface, $1.address) }
    }

    /// Takes a router in, or out when its lifetime is zero.
    mutating func heard(_ router: AdvertisedRouter, lifetime: Duration, at now: Instant) {
        unanswered[router.interface] = nil
        if lifetime == .zero {
            deadlines[router] = nil
        } else if deadlines[router] != nil || deadlines.count < Self.limit {
            deadlines[router] = now.advanced(by: lifetime)
        }
    }

    mutating func remove<Held>(_ key: NeighbourTable<Held>.Key) {
        deadlines[AdvertisedRouter(key.address, on: key.interface)] = nil
    }

    mutating func removeAll() {
        deadlines = [:]
        unanswered = [:]
    }

    mutating func tick(at now: Instant) { deadlines = deadlines.filter { $0.value > now } }
}

extension SlowPathState {
    /// Section 6.1.2; false when the message is not valid.
    mutating func routerAdvertised(_ message: NeighbourDiscovery, on interface: InterfaceID) -> Bool
    {
        guard message.source.isLinkLocal else { return false }
        guard limits.acceptsRouterAdvertisements else { return true }
        routers.heard(
            AdvertisedRouter(.v6(message.source), on: interface),
            lifetime: .seconds(Int(message.routerLifetime)),
            at: now
        )
        if let mac = message.sourceMAC { note(message.source, at: mac, on: interface) }
        return true
    }

    /// Begins to ask for routers on a link, when they are wanted.
    mutating func solicitRouters(on interface: InterfaceID) {
        guard limits.acceptsRouterAdvertisements else { return }
        routers.unanswered[interface] = (Routers.solicitations, now)
    }

    /// Follows a changed setting.
    mutating func acceptRouters(_ accepts: Bool) {
        guard accepts != limits.acceptsRouterAdvertisements else { return }
        limits.acceptsRouterAdvertisements = accepts
        if accepts {
            for interface in interfaces { solicitRouters(on: interface) }
        } else {
            routers.removeAll()
        }
    }

    /// Forgets routers whose time is over, and asks again where none has answered (section 6.3.7).
    mutating func settleRouters() {
        routers.tick(at: now)
        for (interface, question) in routers.unanswered where question.due <= now {
            sendRouterSolicitation(on: interface)
            let left = question.left - 1
            routers.unanswered[interface] =
                left > 0 ? (left, now.advanced(by: Routers.solicitationInterval)) : nil
        }
    }

    private mutating func sendRouterSolicitation(on interface: InterfaceID) {
        let source = linkLocalSource(on: interface)
        let headers = Headers(
            source: .v6(source ?? .any),
            destination: .v6(.allRouters),
            mac: IPv6Address.allRouters.groupMAC,
            interface: interface,
            protocol: .icmpv6,
            hopLimit: NeighbourDiscovery.hopLimit
        )
        let mac = source == nil ? nil : device(of: interface).traits.macAddress
        send(headers, payload: mac == nil ? 8 : 16, checksum: 2) { bytes, base in
            bytes.set(NeighbourDiscovery.routerSolicitation, at: base)
            if let mac { bytes.setOption(NeighbourDiscovery.sourceLinkLayer, mac, at: base + 8) }
        }
    }

    /// The link's own address, once it is proven to be ours.
    func linkLocalSource(on interface: InterfaceID) -> IPv6Address? {
        own.usable(on: interface).compactMap(\.address.ipv6).filter(\.isLinkLocal).min()
    }
}
