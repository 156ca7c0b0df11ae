// SPDX-License-Identifier: Apache-2.0
import Addressing

extension Service {
    package static let schema = ObjectSchema<Self>(
        "service",
        plural: "services",
        \.services,
        key: ["key"],
        title: \.title,
        addition: { service in
            " with \(counted(service.backends.count, "backend"))"
        },
        fields: balancingFields + addressFields + protectionFields,
        part: backendPart,
        standsOnOthers: true
    )

    /// `service web (tcp 10.0.0.100:80)`: what it is found by, and what people call it.
    package var title: String { "service \(name) (\(key))" }

    private static let balancingFields: [Field<Self>] = [
        Field("name", "name", \.name, accepted: "a name that no other service has"),
        Field("mode", "mode", \.mode),
        Field("tunnel", "tunnel", \.tunnel, accepted: "kind, port and source"),
        Field("scheduler", "scheduler", \.scheduler),
        Field("scheduler flags", "schedulerOptions", \.schedulerOptions.flags, accepted: flags) {
            let flags = $0.schedulerOptions.flags
            return flags.isEmpty ? "(none)" : flags.map(\.rawValue).sorted().joined(separator: " ")
        },
        Field("hash target", "schedulerOptions", \.schedulerOptions.hashTarget, accepted: targets) {
            $0.schedulerOptions.hashTarget?.rawValue ?? "(none)"
        },
        Field(
            "maglev table size",
            "schedulerOptions",
            \.schedulerOptions.maglevTableSize,
            accepted: "a prime in \(SchedulerOptions.tableSizes.accepted)"
        ),
        Field("slow start", "slowStart", \.slowStart, accepted: "a duration"),
    ]

    private static let flags =
        "some of " + SchedulerOptions.Flag.allCases.map(\.rawValue).joined(separator: ", ")
    private static let targets =
        "one of " + SchedulerOptions.HashTarget.allCases.map(\.rawValue).joined(separator: ", ")

    private static let addressFields: [Field<Self>] = [
        Field("local addresses", "localAddresses", \.localAddresses, accepted: "own addresses") {
            let addresses = $0.localAddresses
            return addresses.isEmpty
                ? "(none)" : addresses.map(\.description).joined(separator: " ")
        },
        Field(
            "connection timeout",
            "connectionTimeout",
            \.connectionTimeout,
            accepted: "a duration"
        ),
        Field("client address", "clientAddress", \.clientAddress, accepted: clientAddresses) {
            $0.effectiveClientAddress.rawValue
        },
        // Keys are not told, only that they changed.
        Field("quic", "quic", \.quic, accepted: "serverID, quicLB", secret: "keys") {
            $0.quic?.words ?? "(none)"
        },
        Field("persistence", "persistence", \.persistence, accepted: "a timeout and masks"),
        Field("one packet", "isOnePacket", \.isOnePacket, accepted: "true, false"),
        Field(
            "ports per source",
            "portsPerSource",
            \.portsPerSource,
            accepted: "a number of ports"
        ),
    ]

    private static let clientAddresses =
        "one of " + ClientAddressMode.allCases.map(\.rawValue).joined(separator: ", ")

    private static let protectionFields: [Field<Self>] = [
        Field(
            "max connections",
            "protection",
            \.protection.maxConnections,
            accepted: Protection.connectionCounts.accepted
        ),
        Field(
            "connections a second",
            "protection",
            \.protection.rateLimit.connections,
            accepted: RateLimit.connectionRates.accepted
        ),
        Field(
            "packets a second",
            "protection",
            \.protection.rateLimit.packets,
            accepted: RateLimit.packetRates.accepted
        ),
        Field(
            "bits a second",
            "protection",
            \.protection.rateLimit.bits,
            accepted: RateLimit.bitRates.accepted
        ),
        Field(
            "packet share",
            "protection",
            \.protection.packetShare,
            accepted: "\(Protection.packetShares.accepted) of a hundred packets"
        ),
        Field(
            "expire quiescent",
            "protection",
            \.protection.expiresQuiescent,
            accepted: "true, false"
        ),
        Field(
            "drain timeout",
            "protection",
            \.protection.drainTimeout,
            accepted: "a duration"
        ),
        Field(
            "dest check",
            "protection",
            \.protection.destCheck,
            accepted: "failures, successes and times"
        ),
        Field(
            "allow",
            "access",
            \.access.allow,
            accepted: sources,
            text: { words($0.access.allow) }
        ),
        Field("deny", "access", \.access.deny, accepted: sources, text: { words($0.access.deny) }),
        Field(
            "health check",
            "protection",
            \.protection.healthCheck,
            accepted: "a question, times and counts"
        ),
        Field("panic", "protection", \.protection.healthPanic),
    ]

    private static let sources = "names of sets, addresses, networks and ranges"

    private static func words(_ sources: [AddressSource]) -> String {
        sources.isEmpty ? "(none)" : sources.map(\.description).joined(separator: " ")
    }

    private static let backendPart = Part<Self>(
        "backend",
        plural: "backends",
        "backends",
        \.backends,
        by: \.endpoint,
        introduction: { "weight \($0.weight)" },
        fields: [
            Field("weight", "weight", \.weight, accepted: Backend.weights.accepted),
            Field(
                "max connections",
                "maxConnections",
                \.maxConnections,
                accepted: Protection.connectionCounts.accepted
            ),
            Field(
                "min connections",
                "minConnections",
                \.minConnections,
                accepted: "at most max connections"
            ),
            Field(
                "server id",
                "quicServerID",
                \.quicServerID,
                accepted: "octets, as many as the service's quicLB says"
            ),
            Field(
                "health check",
                "healthCheck",
                \.healthCheck,
                accepted: "off, or a question, times and counts",
                absent: "the service's"
            ),
        ]
    )
}

extension QUICOptions {
    /// Without keys.
    fileprivate var words: String {
        let ids = configurations.map {
            "\($0.id): \($0.serverIDLength)+\($0.nonceLength)\($0.key == nil ? "" : " encrypted")"
        }
        return ((namesAddresses ? ["addresses"] : []) + ids).joined(separator: ", ")
    }
}

extension Tunnel: CustomStringConvertible {
    /// `gue port 6080 from 10.0.0.1/32 with checksum`.
    package var description: String {
        kind.rawValue + (port.map { " port \($0)" } ?? "") + (source.map { " from \($0)" } ?? "")
            + (hasChecksum ? " with checksum" : "")
    }
}
