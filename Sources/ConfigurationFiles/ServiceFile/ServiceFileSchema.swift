// SPDX-License-Identifier: Apache-2.0
import Foundation
import Model

/// What may stand in a service file: one table for the decoder, the JSON Schema and the manual.
package enum ServiceFileSchema {
    package struct Field: Sendable {
        package var key: String
        package var kind: Kind
        package var isRequired: Bool
        /// As people read it; nil when there is none.
        package var defaultText: String?
        package var summary: String
    }

    package indirect enum Kind: Sendable {
        case text
        /// `true` or `false`.
        case flag
        case address
        /// `10.0.0.1`, `10.0.0.5-254` or `10.0.0.5-10.0.1.9`: every address from the first to the last.
        case addressRange
        /// An address or a network: `10.0.0.1`, `203.0.113.0/24`.
        case network
        /// `10.1.0.0/16`, `10.1.0.1-10.1.0.9` or one address.
        case range
        /// The same, or the name of a set.
        case source
        /// The same as a range, and `nomatch` behind it.
        case entry
        /// `80`, `8000-8999` or `all`.
        case ports
        /// `10.0.0.1/24`.
        case prefix
        /// A prefix or `default`.
        case destination
        /// `02:00:00:00:00:01`.
        case macAddress
        case integer(ClosedRange<Int>)
        case choice([String])
        /// `500ms`, `90s`, `1m30s`, `2h`.
        case duration
        /// `5s..1h`.
        case durationRange
        /// `200-299,301`.
        case statuses
        case either(Kind, Kind)
        case list(Kind)
        case object(Object)

        /// What a value is one of, where it is a word.
        var words: [String]? {
            switch self {
            case .choice(let words), .either(.choice(let words), _): words
            default: nil
            }
        }
    }

    package struct Object: Sendable {
        package var name: String
        package var fields: [Field]

        package var keys: [String] { fields.map(\.key) }
    }

    package static let ports = 1...65535
    /// Addresses that one list may have, ranges counted in full.
    package static let mostAddresses = 4096

    // MARK: - The table

    package static let backend = Object(
        name: "backend",
        fields: [
            field("address", .address, required: true, "address of the real server"),
            field(
                "port",
                .integer(ports),
                default: "the service's",
                "port of the real server; icmp has none"
            ),
            field(
                "weight",
                .integer(Backend.weights),
                default: "1",
                "share of new connections; 0 drains the backend"
            ),
            field(
                "serverID",
                .text,
                default: "none",
                "hexadecimal; what it writes into connection ids of quicLB"
            ),
        ] + backendLimits + backendHealth
    )

    package static let quicConfiguration = Object(
        name: "configuration",
        fields: [
            field(
                "configID",
                .integer(QUICOptions.Configuration.ids),
                required: true,
                "the first three bits of the ids"
            ),
            field(
                "serverIDLength",
                .integer(QUICOptions.Configuration.serverIDLengths),
                required: true,
                "octets of the backends' serverID"
            ),
            field(
                "nonceLength",
                .integer(QUICOptions.Configuration.nonceLengths),
                required: true,
                "octets after it; both are 19 at most"
            ),
            field("key", .text, default: "none: in the clear", "32 hexadecimal digits; secret"),
            field("keyFile", .text, default: "none", "path of a file with the key in its place"),
        ]
    )

    package static let quic = Object(
        name: "quic",
        fields: [
            field(
                "serverID",
                .choice(["dpvs"]),
                default: "none",
                "dpvs: ids hold the backend's address in the clear"
            ),
            field(
                "quicLB",
                .list(.object(quicConfiguration)),
                default: "none",
                "ids hold the backend's serverID, encrypted"
            ),
        ]
    )

    package static let match = Object(
        name: "match",
        fields: [
            field("source", .range, default: "any", "where packets come from"),
            field("destination", .range, default: "any", "where they go to: not to us"),
            field("sourcePorts", .ports, default: "all", "ports that they come from"),
            field("ports", .ports, default: "all", "ports that they go to"),
            field("inputInterface", .text, default: "any", "device by which they come"),
            field("outputInterface", .text, default: "any", "device by which their route leaves"),
        ]
    )

    package static let persistence = Object(
        name: "persistence",
        fields: [
            field(
                "timeout",
                .duration,
                default: "360s",
                "how long a client is remembered after its last connection, at most 31d"
            ),
            field("mask", .integer(1...32), default: "32", "bits of IPv4 clients that count"),
            field("maskV6", .integer(1...128), default: "128", "bits of IPv6 clients that count"),
        ]
    )

    package static let tunnel = Object(
        name: "tunnel",
        fields: [
            field(
                "type",
                .choice(Tunnel.Kind.allCases.map(\.rawValue)),
                default: "ipip",
                "what goes in front of a packet"
            ),
            field("port", .integer(ports), default: "6080", "UDP port of gue and fou"),
            field(
                "source",
                .network,
                default: "the interface's",
                "own outer address, or a network of which each flow takes one"
            ),
            field(
                "checksum",
                .flag,
                default: "false",
                "UDP checksum of gue and fou over the whole packet; false: none (RFC 6935)"
            ),
        ]
    )

    package static let service = Object(
        name: "service",
        fields: [
            field(
                "name",
                .text,
                default: "PROTOCOL-ADDRESS-PORT",
                "what people and metrics call it; unique"
            ),
            field(
                "address",
                .network,
                default: "match or fwmark",
                "virtual address that clients ask, or a network of them"
            ),
            field(
                "port",
                .ports,
                default: "required with address",
                "ports that clients ask; icmp has none"
            ),
            field(
                "match",
                .object(match),
                default: "address or fwmark",
                "packets to others that belong to the service: services.md"
            ),
            field(
                "fwmark",
                .integer(1...Int(UInt32.max)),
                default: "address or match",
                "kept and shown, never matches: nobody marks packets here"
            ),
            field(
                "protocol",
                .choice(TransportProtocol.allCases.map(\.rawValue)),
                default: "tcp",
                "transport protocol; icmp: echo and other queries, of ICMPv6 to IPv6 addresses"
            ),
            field(
                "mode",
                .choice(ForwardingMode.allCases.map(\.rawValue)),
                default: "fnat",
                "how packets reach the backends: see modes.md"
            ),
            field("tunnel", .object(tunnel), default: "ipip", "how mode tunnel wraps packets"),
            field(
                "scheduler",
                .choice(SchedulerKind.allCases.map(\.rawValue)),
                default: "rr",
                "how a backend is chosen for a new connection: scheduling.md"
            ),
            field(
                "schedulerFlags",
                .list(.choice(SchedulerOptions.Flag.allCases.map(\.rawValue))),
                default: "none",
                "variants of mh, sh and conhash"
            ),
            field(
                "hashTarget",
                .choice(SchedulerOptions.HashTarget.allCases.map(\.rawValue)),
                default: "sip",
                "what conhash hashes: the source address, or the QUIC connection id"
            ),
            field(
                "maglevTableSize",
                .integer(SchedulerOptions.tableSizes),
                default: "4093 for up to 10 backends, 65537 for up to 655, 131071 for more",
                "slots of mh, a prime at least a hundred times the number of backends"
            ),
            field(
                "slowStart",
                .duration,
                default: "at once",
                "time in which a backend that joins others comes up to its weight"
            ),
            field(
                "localAddresses",
                .list(.addressRange),
                default: "none; fnat and snat need some",
                "own addresses from which backends or the Internet are asked, 64511 ports each"
            ),
            field(
                "maxPortsPerSource",
                .integer(1...0xFFFF_FFFF),
                default: "an eighth of all",
                "snat: ports that one source holds at most"
            ),
            field(
                "connectionTimeout",
                .duration,
                default: "the protocol's",
                "silence that ends an established TCP or any UDP connection; not for sctp and icmp"
            ),
            field(
                "clientAddress",
                .choice(ClientAddressMode.allCases.map(\.rawValue)),
                default: "toa over TCP, none over UDP",
                "how backends learn the client's address"
            ),
            field(
                "quic",
                .object(quic),
                default: "none",
                "how QUIC connection ids name the backends: quic-connection-ids.md"
            ),
            field(
                "persistence",
                .object(persistence),
                default: "none",
                "connections of one client go to one backend: scheduling.md"
            ),
            field(
                "onePacket",
                .flag,
                default: "false",
                "every packet is scheduled by itself: UDP with dr or tunnel"
            ),
        ] + serviceProtection + serviceAccess + serviceHealth + [
            field("backends", .list(.object(backend)), default: "none", "the real servers")
        ]
    )

    package static let file = Object(
        name: "file",
        fields: [
            field("interfaces", .list(.object(interface)), default: "none", "VLANs of devices"),
            field("addresses", .list(.object(address)), default: "none", "own addresses"),
            field("routes", .list(.object(route)), default: "none", "where packets go"),
            field(
                "neighbours",
                .list(.object(neighbour)),
                default: "none",
                "hosts on a link that need not be asked for"
            ),
            field(
                "sets",
                .list(.object(set)),
                default: "none",
                "addresses under a name: access-lists.md"
            ),
            field(
                "deny",
                .list(.source),
                default: "none",
                "senders whose packets are dropped before all else: access-lists.md"
            ),
            field("services", .list(.object(service)), default: "none", "what is balanced"),
        ]
    )

    /// In the order in which the manual tells of them.
    package static let objects = [
        file, interface, vlan, linkTunnel, address, route, neighbour, set, service, match,
        persistence,
        rateLimit,
        destCheck, healthCheck, tunnel, backend, quic, quicConfiguration,
    ]

    static func field(
        _ key: String,
        _ kind: Kind,
        required: Bool = false,
        default text: String? = nil,
        _ summary: String
    ) -> Field {
        Field(key: key, kind: kind, isRequired: required, defaultText: text, summary: summary)
    }

    // MARK: - Words

    /// What stands in the manual and in complaints.
    package static func accepted(_ kind: Kind) -> String {
        switch kind {
        case .text: "a text"
        case .flag: "true or false"
        case .address: "an IP address"
        case .addressRange: "an IP address, or a range such as 192.168.100.5-254"
        case .network: "an IP address, or a network such as 203.0.113.0/24"
        case .range: "a network, two addresses such as 10.1.0.1-10.1.0.9, or one"
        case .source:
            "the name of a set, an address, a network, or a range such as 10.1.0.1-10.1.0.9"
        case .entry:
            "an address, a network or a range such as 10.1.0.1-10.1.0.9, with or without nomatch"
        case .ports: "1...65535, ports such as 8000-8999, or all"
        case .prefix: "an address with a length, such as 10.0.0.1/24"
        case .destination: "default, or a network such as 10.0.0.0/8"
        case .macAddress: "a MAC address such as 02:00:00:00:00:01"
        case .integer(let range): "\(range.lowerBound)...\(range.upperBound)"
        case .choice(let words): "one of " + words.joined(separator: ", ")
        case .duration: "a duration such as 500ms, 90s or 1m30s"
        case .durationRange: "two durations such as 5s..1h"
        case .statuses: "100...599, or ranges such as 200-299,301"
        case .either(.text, let kind): "a text, or \(accepted(kind))"
        case .either(let first, let second): "\(accepted(first)), or \(accepted(second))"
        case .list(.object(let object)): "a list of \(object.name)s"
        case .list(let kind): "a list, each \(accepted(kind))"
        case .object(let object): "a mapping with \(object.keys.joined(separator: ", "))"
        }
    }

    // MARK: - JSON Schema

    /// The published schema, JSON Schema draft 2020-12.
    package static func jsonSchema() throws -> String {
        var root = schema(of: file)
        root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        root["title"] = "dpvs service file"
        root["patternProperties"] = ["^x-": [String: String]()]
        let data = try JSONSerialization.data(
            withJSONObject: root,
            options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        )
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    private static func schema(of object: Object) -> [String: Any] {
        var properties: [String: Any] = [:]
        for field in object.fields {
            var property = schema(of: field.kind)
            property["description"] = field.summary
            properties[field.key] = property
        }
        let required = object.fields.filter(\.isRequired).map(\.key)
        var schema: [String: Any] = [
            "type": "object", "properties": properties, "additionalProperties": false,
        ]
        if !required.isEmpty { schema["required"] = required }
        return schema
    }

    private static func schema(of kind: Kind) -> [String: Any] {
        switch kind {
        case .text: ["type": "string", "minLength": 1]
        case .flag: ["type": "boolean"]
        case .addressRange:
            ["type": "string", "pattern": "^[0-9a-fA-F:.]+(-[0-9a-fA-F:.]+)?$"]
        case .network: ["type": "string", "pattern": "^[0-9a-fA-F:.]+(/[0-9]+)?$"]
        case .range: ["type": "string", "pattern": "^[0-9a-fA-F:.]+([/-][0-9a-fA-F:.]+)?$"]
        case .source: ["type": "string", "pattern": "^[-0-9a-zA-Z:._/]+$"]
        case .entry:
            ["type": "string", "pattern": "^[0-9a-fA-F:.]+([/-][0-9a-fA-F:.]+)?( +nomatch)?$"]
        case .ports:
            [
                "anyOf": [
                    ["type": "integer", "minimum": 1, "maximum": 65535] as [String: Any],
                    ["type": "string", "pattern": "^(all|[0-9]+-[0-9]+)$"],
                ]
            ]
        case .address: ["type": "string", "anyOf": [["format": "ipv4"], ["format": "ipv6"]]]
        case .prefix: ["type": "string", "pattern": "^[0-9a-fA-F:.]+/[0-9]+$"]
        case .destination: ["type": "string", "pattern": "^(default|[0-9a-fA-F:.]+/[0-9]+)$"]
        case .macAddress:
            ["type": "string", "pattern": "^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$"]
        case .integer(let range):
            ["type": "integer", "minimum": range.lowerBound, "maximum": range.upperBound]
        case .choice(let words): ["enum": words]
        case .duration: ["type": "string", "pattern": "^([0-9]+(d|h|m|s|ms))+$"]
        case .durationRange:
            ["type": "string", "pattern": "^([0-9]+(d|h|m|s|ms))+\\.\\.([0-9]+(d|h|m|s|ms))+$"]
        case .statuses:
            [
                "anyOf": [
                    ["type": "integer", "minimum": 100, "maximum": 599] as [String: Any],
                    ["type": "string", "pattern": "^[1-5][0-9]{2}(-[1-5][0-9]{2})?(,.*)?$"],
                ]
            ]
        case .either(let first, let second): ["anyOf": [schema(of: first), schema(of: second)]]
        case .list(let kind): ["type": "array", "items": schema(of: kind)]
        case .object(let object): schema(of: object)
        }
    }
}
