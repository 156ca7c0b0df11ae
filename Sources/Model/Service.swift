// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Packets that belong together, and the backends that answer them.
package struct Service: ConfigurationObject {
    package var key: Key
    /// Unique; what people call it, and label `service` of metrics.
    package var name: String
    package var mode: ForwardingMode
    package var scheduler: SchedulerKind
    package var schedulerOptions: SchedulerOptions
    /// How long a backend that is new, or back from weight 0, takes to come up to its weight; nil: no
    /// time.
    package var slowStart: Duration?
    /// Mode `tunnel` only; nil: IP in IP.
    package var tunnel: Tunnel?
    /// Source addresses toward the backends (FNAT) or the Internet (SNAT); own addresses of the
    /// balancer.
    package var localAddresses: [IPAddress]
    /// How long an established TCP or any UDP connection may be silent; nil: the protocol's.
    package var connectionTimeout: Duration?
    /// How backends learn the client's address; nil: as the protocol does by default.
    package var clientAddress: ClientAddressMode?
    /// nil: packets go by address and port alone.
    package var quic: QUICOptions?
    /// nil: every connection is scheduled by itself.
    package var persistence: Persistence?
    /// Every packet is scheduled by itself, and no connection remains (UDP).
    package var isOnePacket: Bool
    /// SNAT: ports that one source may hold; nil: a share, see `effectivePortsPerSource`.
    package var portsPerSource: Int?
    package var protection: Protection
    /// No two share an endpoint; order matters to `rr`.
    package var backends: [Backend]
    package var owner: Owner

    package init(
        key: Key,
        name: String,
        mode: ForwardingMode = .fnat,
        tunnel: Tunnel? = nil,
        scheduler: SchedulerKind = .rr,
        schedulerOptions: SchedulerOptions = SchedulerOptions(),
        slowStart: Duration? = nil,
        localAddresses: [IPAddress] = [],
        connectionTimeout: Duration? = nil,
        clientAddress: ClientAddressMode? = nil,
        quic: QUICOptions? = nil,
        persistence: Persistence? = nil,
        isOnePacket: Bool = false,
        portsPerSource: Int? = nil,
        protection: Protection = Protection(),
        backends: [Backend] = [],
        owner: Owner = .runtime
    ) {
        self.key = key
        self.name = name
        self.mode = mode
        self.tunnel = tunnel
        self.scheduler = scheduler
        self.schedulerOptions = schedulerOptions
        self.slowStart = slowStart
        self.localAddresses = localAddresses
        self.connectionTimeout = connectionTimeout
        self.clientAddress = clientAddress
        self.quic = quic
        self.persistence = persistence
        self.isOnePacket = isOnePacket
        self.portsPerSource = portsPerSource
        self.protection = protection
        self.backends = backends
        self.owner = owner
    }
}

/// A real server.
package struct Backend: Equatable, Codable, Sendable {
    package static let weights = 0...65535

    package var endpoint: Endpoint
    /// Share of new connections, in `weights`; 0 drains: no new ones, the others finish.
    package var weight: Int
    /// Connections at once, over all workers; nil: as many as come.
    package var maxConnections: Int?
    /// A backend that had that many takes new ones again below this number; nil: below the maximum.
    package var minConnections: Int?
    /// What it writes into the connection ids of QUIC-LB.
    package var quicServerID: [UInt8]?

    package init(
        endpoint: Endpoint,
        weight: Int = 1,
        maxConnections: Int? = nil,
        minConnections: Int? = nil,
        quicServerID: [UInt8]? = nil
    ) {
        self.endpoint = endpoint
        self.weight = weight
        self.maxConnections = maxConnections
        self.minConnections = minConnections
        self.quicServerID = quicServerID
    }
}

/// The protocols that are balanced.
package enum TransportProtocol: String, Codable, Sendable, CaseIterable {
    case tcp, udp, sctp
    /// Echo requests, of ICMPv6 to an IPv6 address; there are no ports.
    case icmp

    /// As IP packets to `address` name it.
    package func ipProtocol(for address: IPAddress) -> IPProtocol {
        switch self {
        case .tcp: .tcp
        case .udp: .udp
        case .sctp: .sctp
        case .icmp: address.family == .ipv6 ? .icmpv6 : .icmp
        }
    }

    package var hasPorts: Bool { self != .icmp }
}

/// How packets reach a backend.
package enum ForwardingMode: String, Codable, Sendable, CaseIterable {
    /// Both addresses are rewritten: replies come back by the local address.
    case fnat
    /// Only the neighbour is chosen: backends hold the virtual address and answer clients directly.
    case dr
    /// Another IP header goes in front: as `dr`, over routers.
    case tunnel
    /// The destination is rewritten: backends answer through the balancer as their gateway.
    case nat
    /// The source is rewritten: private hosts reach the Internet.
    case snat
}

/// Who put an object there; only they take it away.
package enum Owner: Hashable, Codable, Sendable, CustomStringConvertible {
    /// A configuration file, by its path.
    case file(String)
    /// A command or an API request.
    case runtime
    /// The kernel mirror.
    case kernel

    package var description: String {
        switch self {
        case .file(let path): path
        case .runtime: "runtime"
        case .kernel: "kernel"
        }
    }
}
