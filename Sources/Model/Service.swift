// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// A virtual address, port and protocol, and the backends that answer behind it.
package struct Service: Equatable, Codable, Sendable {
    /// What a client addresses; no two services share it.
    package struct Key: Hashable, Codable, Sendable, Comparable, CustomStringConvertible {
        package var address: IPAddress
        package var port: UInt16
        package var `protocol`: TransportProtocol

        package init(address: IPAddress, port: UInt16, protocol: TransportProtocol) {
            self.address = address
            self.port = port
            self.protocol = `protocol`
        }

        /// `tcp 10.0.0.100:80`.
        package var description: String { "\(`protocol`.rawValue) \(Endpoint(address, port))" }

        package static func < (left: Self, right: Self) -> Bool {
            (left.address, left.port, left.protocol.rawValue)
                < (right.address, right.port, right.protocol.rawValue)
        }
    }

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
    /// Source addresses toward the backends (FNAT); own addresses of the balancer.
    package var localAddresses: [IPAddress]
    /// How long an established TCP or any UDP connection may be silent; nil: the protocol's.
    package var connectionTimeout: Duration?
    /// How backends learn the client's address; nil: as the protocol does by default.
    package var clientAddress: ClientAddressMode?
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

    package init(
        endpoint: Endpoint,
        weight: Int = 1,
        maxConnections: Int? = nil,
        minConnections: Int? = nil
    ) {
        self.endpoint = endpoint
        self.weight = weight
        self.maxConnections = maxConnections
        self.minConnections = minConnections
    }
}

/// The protocols that are balanced.
package enum TransportProtocol: String, Codable, Sendable, CaseIterable {
    case tcp, udp

    package var ipProtocol: IPProtocol {
        switch self {
        case .tcp: .tcp
        case .udp: .udp
        }
    }
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
