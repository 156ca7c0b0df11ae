// SPDX-License-Identifier: Apache-2.0

/// What went through a service or a backend; incoming is from the clients.
package struct TrafficStatistics: Sendable, Equatable {
    package var connections: UInt64 = 0
    package var incomingPackets: UInt64 = 0
    package var outgoingPackets: UInt64 = 0
    package var incomingBytes: UInt64 = 0
    package var outgoingBytes: UInt64 = 0

    package init() {}

    package static func += (left: inout Self, right: Self) {
        left.connections &+= right.connections
        left.incomingPackets &+= right.incomingPackets
        left.outgoingPackets &+= right.outgoingPackets
        left.incomingBytes &+= right.incomingBytes
        left.outgoingBytes &+= right.outgoingBytes
    }
}

/// A service and its backends.
package struct ServiceStatistics: Sendable {
    package var name: String
    /// `10.0.0.1`, `203.0.113.0/24`, or what packets must be like.
    package var address: String
    /// `80`, `8000-8999` or `all`.
    package var port: String
    /// `tcp` or `udp`, in any case; shown as node_exporter does: `TCP`.
    package var transport: String
    /// Its own, not the sum of `backends`: a backend that goes takes nothing away from it.
    package var traffic = TrafficStatistics()
    package var activeConnections: UInt64 = 0
    package var backends: [BackendStatistics] = []
    /// Connections of backends that are gone.
    package var leavingConnections: UInt64 = 0
    /// Connections that were refused, by the reason's name.
    package var refused: [(reason: String, count: UInt64)] = []

    package init(name: String, address: String, port: String, transport: String) {
        self.name = name
        self.address = address
        self.port = port
        self.transport = transport
    }
}

/// A backend of one service.
package struct BackendStatistics: Sendable {
    package var address: String
    package var port: UInt16
    package var weight: Int
    package var traffic = TrafficStatistics()
    package var activeConnections: UInt64 = 0
    package var inactiveConnections: UInt64 = 0
    /// Clients that are remembered for it; nil without persistence.
    package var persistentClients: Int?
    /// It has as many connections as it may have; nil where there is no limit.
    package var isOverloaded: Bool?
    /// It was seen not to answer; nil where nobody looks.
    package var isInhibited: Bool?

    /// What its health check has found; nil where nobody asks.
    package var check: CheckStatistics?

    /// What a draining backend still has; nil for others.
    package var remainingConnections: UInt64?

    package init(address: String, port: UInt16, weight: Int) {
        self.address = address
        self.port = port
        self.weight = weight
    }
}

/// What health checks have found of a backend.
package struct CheckStatistics: Sendable, Equatable {
    /// nil: there is no verdict yet.
    package var isHealthy: Bool?
    /// Probes so far: with a good answer, with a bad or none, and those that could not be made.
    package var good: UInt64 = 0
    package var bad: UInt64 = 0
    package var unable: UInt64 = 0
    /// Seconds that the latest probe took.
    package var duration: Double = 0

    package init() {}
}

/// How many health checks are going on.
package struct CheckLoadStatistics: Sendable, Equatable {
    /// Questions that are asked again and again.
    package var probes = 0
    /// Those that wait for an answer now.
    package var running = 0
    /// Those whose time has come and that wait for a place.
    package var waiting = 0

    package init() {}
}
