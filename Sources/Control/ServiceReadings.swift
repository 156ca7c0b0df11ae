// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Model

/// Services as they run, with what they have counted: the answer of `GET /v1/services`.
package struct ServiceReadings: Equatable, Codable, Sendable {
    /// Of the daemon.
    package var version: String
    /// The generation that runs: what an edit that follows from this answer says.
    package var generation: UInt64
    package var timeouts = Timeouts()
    /// Own addresses of interfaces that are local addresses of some service, too.
    package var addresses: [InterfaceAddress] = []
    package var localAddresses: [LocalAddressReading] = []
    package var services: [ServiceReading] = []

    package init(version: String, generation: UInt64) {
        self.version = version
        self.generation = generation
    }

    /// How long connections may be silent, in seconds.
    package struct Timeouts: Equatable, Codable, Sendable {
        package var tcp = 0
        package var tcpFin = 0
        package var udp = 0

        package init() {}
    }
}

/// A service and what it has counted.
package struct ServiceReading: Equatable, Codable, Sendable {
    package var service: Service
    /// Of all backends, those included that are gone; since the counters were zeroed.
    package var traffic = TrafficReading()
    /// In the order of the service's backends; of SNAT its public addresses stand in their place.
    package var backends: [BackendReading] = []

    package init(_ service: Service) { self.service = service }
}

/// What a backend has counted.
package struct BackendReading: Equatable, Codable, Sendable {
    package var endpoint: Endpoint
    package var role: BackendStatus.Role
    /// Whether it is taken out for not answering, and whether it has as many connections as it may
    /// have; its weight does not count here.
    package var isInhibited = false
    package var isFull = false
    package var activeConnections: UInt64 = 0
    package var inactiveConnections: UInt64 = 0
    /// Clients that persistence sends there.
    package var persistentClients = 0
    /// Since the counters were zeroed.
    package var traffic = TrafficReading()

    package init(endpoint: Endpoint, role: BackendStatus.Role) {
        self.endpoint = endpoint
        self.role = role
    }
}

/// What went by a service or a backend; octets are those of IP packets.
package struct TrafficReading: Equatable, Codable, Sendable {
    package var connections: UInt64 = 0
    package var packetsIn: UInt64 = 0
    package var packetsOut: UInt64 = 0
    package var bytesIn: UInt64 = 0
    package var bytesOut: UInt64 = 0

    package init() {}
}

/// The ports of a local address, over all services that have it.
package struct LocalAddressReading: Equatable, Codable, Sendable {
    package var address: IPAddress
    package var portsInUse: UInt64
    /// New connections that found no free port.
    package var exhausted: UInt64

    package init(address: IPAddress, portsInUse: UInt64, exhausted: UInt64) {
        self.address = address
        self.portsInUse = portsInUse
        self.exhausted = exhausted
    }
}
