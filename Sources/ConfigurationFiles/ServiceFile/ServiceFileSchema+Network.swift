// SPDX-License-Identifier: Apache-2.0
import Model

/// Interfaces, addresses, routes and neighbours: see doc/devices.md.
extension ServiceFileSchema {
    package static let vlan = Object(
        name: "vlan",
        fields: [
            field("link", .text, required: true, "device of dpvs.conf that carries it"),
            field(
                "id",
                .integer(VLANInterface.identifiers),
                required: true,
                "identifier in the tag (802.1Q); with innerID in the outer tag (802.1ad)"
            ),
            field(
                "innerID",
                .integer(VLANInterface.identifiers),
                default: "one tag only",
                "identifier in an inner tag (802.1Q): QinQ"
            ),
            field(
                "priority",
                .integer(0...7),
                default: "0",
                "priority in the tags of frames that are sent (802.1Q PCP)"
            ),
            field(
                "mtu",
                .integer(68...9000),
                default: "the device's",
                "longest packet, in octets, at most the device's"
            ),
        ]
    )

    package static let linkTunnel = Object(
        name: "interface tunnel",
        fields: [
            field(
                "kind",
                .choice(TunnelInterface.Kind.allCases.map(\.rawValue)),
                required: true,
                "how packets are wrapped"
            ),
            field("remote", .address, default: "any: nothing is sent", "the other end"),
            field("local", .address, default: "any own address", "own address of outer packets"),
            field("link", .text, default: "any", "the only interface that outer packets may use"),
            field(
                "key",
                .text,
                "key of GRE, a number or a dotted quad; ikey and okey: of one direction"
            ),
            field("ikey", .text, default: "key", "key that packets must have which arrive"),
            field("okey", .text, default: "key", "key of packets that are sent"),
            field("csum", .flag, default: "false", "checksum of GRE in both directions"),
            field("icsum", .flag, default: "csum", "what arrives must have one"),
            field("ocsum", .flag, default: "csum", "what is sent has one"),
            field("seq", .flag, default: "false", "sequence numbers of GRE in both directions"),
            field("iseq", .flag, default: "seq", "what arrives must have one, and no old one"),
            field("oseq", .flag, default: "seq", "what is sent has one"),
            field(
                "ttl",
                .integer(0...255),
                default: "0",
                "of outer packets; 0: the inner packet's"
            ),
            field("tos", .integer(0...255), default: "the inner packet's", "of outer packets"),
            field(
                "mtu",
                .integer(68...9000),
                default: "what the devices leave",
                "longest packet that goes through, in octets"
            ),
        ]
    )

    package static let interface = Object(
        name: "interface",
        fields: [
            field(
                "name",
                .text,
                default: "LINK.ID or LINK.ID.INNERID of a VLAN",
                "what addresses, routes and neighbours call it; unique"
            ),
            field("vlan", .object(vlan), "a VLAN of a device: devices.md"),
            field("tunnel", .object(linkTunnel), "or a tunnel: devices.md; it needs a name"),
            field(
                "kniName",
                .text,
                default: "the name with .kni",
                "name of the kernel companion, at most 15 characters: exception-path.md"
            ),
            field(
                "kniType",
                .choice(CompanionType.ofVLANs.map(\.rawValue)),
                default: "auto",
                "what the kernel companion is; auto: a tap where the device has one"
            ),
        ]
    )

    package static let address = Object(
        name: "address",
        fields: [
            field("interface", .text, required: true, "device or VLAN that carries it"),
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
                "device or VLAN; a link-local gateway needs it"
            ),
            field(
                "mtu",
                .integer(68...9000),
                default: "the device's",
                "largest packet, in octets; 1280 or more for IPv6"
            ),
            field(
                "scope",
                .choice(RouteScope.allCases.map(\.rawValue)),
                default: "global",
                "kni_host: the kernel takes it, by the companion of the interface"
            ),
        ]
    )

    package static let neighbour = Object(
        name: "neighbour",
        fields: [
            field("interface", .text, required: true, "device or VLAN on whose link it is"),
            field("address", .address, required: true, "address of the neighbour"),
            field("mac", .macAddress, required: true, "its link-layer address"),
        ]
    )
}
