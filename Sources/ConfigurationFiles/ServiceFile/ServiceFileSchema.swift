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
        case address
        /// `10.0.0.1/24`.
        case prefix
        /// An address, or a prefix.
        case source
        /// A prefix or `default`.
        case destination
        case integer(ClosedRange<Int>)
        case choice([String])
        /// `500ms`, `90s`, `1m30s`, `2h`.
        case duration
        /// `5s..1h`.
        case durationRange
        /// `true` or `false`.
        case flag
        case either(Kind, Kind)
        case list(Kind)
        case object(Object)
    }

    package struct Object: Sendable {
        package var name: String
        package var fields: [Field]

        package var keys: [String] { fields.map(\.key) }
    }

    package static let ports = 1...65535

    // MARK: - The table

    package static let backend = Object(
        name: "backend",
        fields: [
            field("address", .address, required: true, "address of the real server"),
            field("port", .integer(ports), default: "the service's", "port of the real server"),
            field(
                "weight",
                .integer(Backend.weights),
                default: "1",
                "share of new connections; 0 drains the backend"
            ),
        ] + backendLimits
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
                .source,
                default: "the interface's",
                "own outer address, or a network of which each flow takes one"
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
            field("address", .address, required: true, "virtual address that clients ask"),
            field("port", .integer(ports), required: true, "port that clients ask"),
            field(
                "protocol",
                .choice(TransportProtocol.allCases.map(\.rawValue)),
                default: "tcp",
                "transport protocol"
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
                "variants of mh and sh"
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
                default: "\(SchedulerOptions.defaultTableSize)",
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
                .list(.address),
                default: "none",
                "fnat: own addresses from which backends are asked, 64511 ports each a backend"
            ),
            field(
                "connectionTimeout",
                .duration,
                default: "the protocol's",
                "silence that ends an established TCP or any UDP connection"
            ),
            field(
                "clientAddress",
                .choice(ClientAddressMode.allCases.map(\.rawValue)),
                default: "toa over TCP, none over UDP",
                "how backends learn the client's address"
            ),
        ] + serviceProtection + [
            field("backends", .list(.object(backend)), default: "none", "the real servers")
        ]
    )

    package static let address = Object(
        name: "address",
        fields: [
            field("interface", .text, required: true, "device of dpvs.conf that carries it"),
            field("address", .prefix, required: true, "own address with its network's length"),
        ]
    )

    package static let route = Object(
        name: "route",
        fields: [
            field(
                "to",
                .destination,
                required: true,
                "network, or default: all of the gateway's family"
            ),
            field("via", .address, default: "on the link", "gateway, of the network's family"),
            field(
                "interface",
                .text,
                default: "the gateway's",
                "device of dpvs.conf; a link-local gateway needs it"
            ),
            field(
                "mtu",
                .integer(68...9000),
                default: "the device's",
                "largest packet, in octets; 1280 or more for IPv6"
            ),
        ]
    )

    package static let file = Object(
        name: "file",
        fields: [
            field("addresses", .list(.object(address)), default: "none", "own addresses"),
            field("routes", .list(.object(route)), default: "none", "where packets go"),
            field("services", .list(.object(service)), default: "none", "what is balanced"),
        ]
    )

    /// In the order in which the manual tells of them.
    package static let objects = [
        file, address, route, service, rateLimit, destCheck, tunnel, backend,
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
        case .address: "an IP address"
        case .prefix: "an address with a length, such as 10.0.0.1/24"
        case .source: "an address such as 10.0.0.1, or a network such as 10.0.0.0/24"
        case .destination: "default, or a network such as 10.0.0.0/8"
        case .integer(let range): "\(range.lowerBound)...\(range.upperBound)"
        case .choice(let words): "one of " + words.joined(separator: ", ")
        case .duration: "a duration such as 500ms, 90s or 1m30s"
        case .durationRange: "two durations such as 5s..1h"
        case .flag: "true or false"
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
        case .address: ["type": "string", "anyOf": [["format": "ipv4"], ["format": "ipv6"]]]
        case .prefix: ["type": "string", "pattern": "^[0-9a-fA-F:.]+/[0-9]+$"]
        case .source: ["type": "string", "pattern": "^[0-9a-fA-F:.]+(/[0-9]+)?$"]
        case .destination: ["type": "string", "pattern": "^(default|[0-9a-fA-F:.]+/[0-9]+)$"]
        case .integer(let range):
            ["type": "integer", "minimum": range.lowerBound, "maximum": range.upperBound]
        case .choice(let words): ["enum": words]
        case .duration: ["type": "string", "pattern": "^([0-9]+(d|h|m|s|ms))+$"]
        case .durationRange:
            ["type": "string", "pattern": "^([0-9]+(d|h|m|s|ms))+\\.\\.([0-9]+(d|h|m|s|ms))+$"]
        case .flag: ["type": "boolean"]
        case .either(let first, let second): ["anyOf": [schema(of: first), schema(of: second)]]
        case .list(let kind): ["type": "array", "items": schema(of: kind)]
        case .object(let object): schema(of: object)
        }
    }
}
