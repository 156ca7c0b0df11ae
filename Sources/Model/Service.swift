// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Packets that belong together, and the backends that answer them.
///
/// A value, and in memory one reference: states of ten thousand services are copied and compared all
/// the time. Copies share their attributes until one of them is changed, and those that share them
/// are known to be equal without a look.
package struct Service: ConfigurationObject {
    fileprivate struct Attributes: Equatable, Codable, Sendable {
        var key: Key
        var name: String
        var mode: ForwardingMode
        var scheduler: SchedulerKind
        var schedulerOptions: SchedulerOptions
        var slowStart: Duration?
        var tunnel: Tunnel?
        var localAddresses: [IPAddress]
        var connectionTimeout: Duration?
        var clientAddress: ClientAddressMode?
        var quic: QUICOptions?
        var persistence: Persistence?
        var isOnePacket: Bool
        var portsPerSource: Int?
        var protection: Protection
        var access: AccessLists
        var backends: [Backend]
        var owner: Owner
    }

    private final class Shared: Sendable {
        let attributes: Attributes

        init(_ attributes: Attributes) { self.attributes = attributes }
    }

    private var shared: Shared

    private var attributes: Attributes {
        get { shared.attributes }
        set { shared = Shared(newValue) }
    }

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
        access: AccessLists = AccessLists(),
        backends: [Backend] = [],
        owner: Owner = .runtime
    ) {
        shared = Shared(
            Attributes(
                key: key,
                name: name,
                mode: mode,
                scheduler: scheduler,
                schedulerOptions: schedulerOptions,
                slowStart: slowStart,
                tunnel: tunnel,
                localAddresses: localAddresses,
                connectionTimeout: connectionTimeout,
                clientAddress: clientAddress,
                quic: quic,
                persistence: persistence,
                isOnePacket: isOnePacket,
                portsPerSource: portsPerSource,
                protection: protection,
                access: access,
                backends: backends,
                owner: owner
            )
        )
    }

    // MARK: - Attributes

    package var key: Key {
        get { shared.attributes.key }
        set { attributes.key = newValue }
    }
    /// Unique; what people call it, and label `service` of metrics.
    package var name: String {
        get { shared.attributes.name }
        set { attributes.name = newValue }
    }
    package var mode: ForwardingMode {
        get { shared.attributes.mode }
        set { attributes.mode = newValue }
    }
    package var scheduler: SchedulerKind {
        get { shared.attributes.scheduler }
        set { attributes.scheduler = newValue }
    }
    package var schedulerOptions: SchedulerOptions {
        get { shared.attributes.schedulerOptions }
        set { attributes.schedulerOptions = newValue }
    }
    /// How long a backend that is new, or back from weight 0, takes to come up to its weight; nil: no
    /// time.
    package var slowStart: Duration? {
        get { shared.attributes.slowStart }
        set { attributes.slowStart = newValue }
    }
    /// Mode `tunnel` only; nil: IP in IP.
    package var tunnel: Tunnel? {
        get { shared.attributes.tunnel }
        set { attributes.tunnel = newValue }
    }
    /// Source addresses toward the backends (FNAT) or the Internet (SNAT); own addresses of the
    /// balancer.
    package var localAddresses: [IPAddress] {
        get { shared.attributes.localAddresses }
        set { attributes.localAddresses = newValue }
    }
    /// How long an established TCP or any UDP connection may be silent; nil: the protocol's.
    package var connectionTimeout: Duration? {
        get { shared.attributes.connectionTimeout }
        set { attributes.connectionTimeout = newValue }
    }
    /// How backends learn the client's address; nil: as the protocol does by default.
    package var clientAddress: ClientAddressMode? {
        get { shared.attributes.clientAddress }
        set { attributes.clientAddress = newValue }
    }
    /// nil: packets go by address and port alone.
    package var quic: QUICOptions? {
        get { shared.attributes.quic }
        set { attributes.quic = newValue }
    }
    /// nil: every connection is scheduled by itself.
    package var persistence: Persistence? {
        get { shared.attributes.persistence }
        set { attributes.persistence = newValue }
    }
    /// Every packet is scheduled by itself, and no connection remains (UDP).
    package var isOnePacket: Bool {
        get { shared.attributes.isOnePacket }
        set { attributes.isOnePacket = newValue }
    }
    /// SNAT: ports that one source may hold; nil: a share, see `effectivePortsPerSource`.
    package var portsPerSource: Int? {
        get { shared.attributes.portsPerSource }
        set { attributes.portsPerSource = newValue }
    }
    package var protection: Protection {
        get { shared.attributes.protection }
        set { attributes.protection = newValue }
    }
    package var access: AccessLists {
        get { shared.attributes.access }
        set { attributes.access = newValue }
    }
    /// No two share an endpoint; order matters to `rr`.
    package var backends: [Backend] {
        get { shared.attributes.backends }
        set { attributes.backends = newValue }
    }
    package var owner: Owner {
        get { shared.attributes.owner }
        set { attributes.owner = newValue }
    }
}

/// Parts of attributes that are looked at in every service at once, without a copy of the whole.
extension Service {
    /// See `Key.prefix`.
    package var prefix: IPPrefix? { shared.attributes.key.prefix }
    /// See `Protection.patience`.
    package var patience: Duration? { shared.attributes.protection.patience }
    /// See `Protection.limitsPackets`.
    package var limitsPackets: Bool { shared.attributes.protection.limitsPackets }
}

extension Service: Equatable {
    package static func == (left: Service, right: Service) -> Bool {
        left.shared === right.shared || left.shared.attributes == right.shared.attributes
    }
}

extension Service: Codable {
    package init(from decoder: any Decoder) throws {
        shared = Shared(try Attributes(from: decoder))
    }

    package func encode(to encoder: any Encoder) throws {
        try shared.attributes.encode(to: encoder)
    }
}

extension Service: CustomReflectable {
    package var customMirror: Mirror { Mirror(reflecting: shared.attributes) }
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
    /// How it is asked whether it serves; nil: as its service says.
    package var healthCheck: BackendCheck?

    package init(
        endpoint: Endpoint,
        weight: Int = 1,
        maxConnections: Int? = nil,
        minConnections: Int? = nil,
        quicServerID: [UInt8]? = nil,
        healthCheck: BackendCheck? = nil
    ) {
        self.endpoint = endpoint
        self.weight = weight
        self.maxConnections = maxConnections
        self.minConnections = minConnections
        self.quicServerID = quicServerID
        self.healthCheck = healthCheck
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
