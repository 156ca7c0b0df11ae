// SPDX-License-Identifier: Apache-2.0

/// What shields a service and its backends, and how connections end that nobody wants any more.
package struct Protection: Equatable, Codable, Sendable {
    /// Connections of the service at once, over all workers; nil: as many as there is room for.
    package var maxConnections: Int?
    package var rateLimit: RateLimit
    /// How many of a hundred packets go on, in either direction; nil: all.
    package var packetShare: Int?
    /// Whether connections of a backend end as soon as its weight is 0 or it is gone.
    package var expiresQuiescent: Bool
    /// How long such connections may go on; nil: until they end by themselves.
    package var drainTimeout: Duration?
    /// How backends are watched by what becomes of connections; nil: they are not.
    package var destCheck: DestCheck?
    /// How backends are asked whether they serve; nil: they are not, but for those that say so.
    package var healthCheck: HealthCheck?
    /// What comes when every backend fails its check.
    package var healthPanic: HealthPanic

    package static let packetShares = 1...100
    package static let connectionCounts = 1...Int(UInt32.max)

    package init(
        maxConnections: Int? = nil,
        rateLimit: RateLimit = RateLimit(),
        packetShare: Int? = nil,
        expiresQuiescent: Bool = false,
        drainTimeout: Duration? = nil,
        destCheck: DestCheck? = nil,
        healthCheck: HealthCheck? = nil,
        healthPanic: HealthPanic = .serveAll
    ) {
        self.maxConnections = maxConnections
        self.rateLimit = rateLimit
        self.packetShare = packetShare
        self.expiresQuiescent = expiresQuiescent
        self.drainTimeout = drainTimeout
        self.destCheck = destCheck
        self.healthCheck = healthCheck
        self.healthPanic = healthPanic
    }

    /// Whether packets of established connections may be dropped.
    package var limitsPackets: Bool {
        rateLimit.packets != nil || rateLimit.bits != nil || (packetShare ?? 100) < 100
    }

    /// How long connections of a backend without weight may go on; nil: as long as they want.
    package var patience: Duration? { expiresQuiescent ? .zero : drainTimeout }
}

/// What a service may take in a second, over all workers; nil: anything.
package struct RateLimit: Equatable, Codable, Sendable {
    /// New connections.
    package var connections: Int?
    /// Packets of clients.
    package var packets: Int?
    /// Bits of their IP packets, headers included.
    package var bits: Int?

    package static let connectionRates = 1...100_000_000
    package static let packetRates = 1...1_000_000_000
    package static let bitRates = 1000...1_000_000_000_000

    package init(connections: Int? = nil, packets: Int? = nil, bits: Int? = nil) {
        self.connections = connections
        self.packets = packets
        self.bits = bits
    }
}
