// SPDX-License-Identifier: Apache-2.0

extension VLANInterface {
    package static let schema = ObjectSchema<Self>(
        "interface",
        plural: "interfaces",
        \.vlans,
        key: ["name"],
        title: { "interface \($0.name)" },
        introduction: { "interface \($0.name) (\($0.way))" },
        fields: [
            Field("device", "link", \.link, accepted: "the name of a device or bond"),
            Field("vlan", "id", \.id, accepted: identifiers.accepted),
            Field("inner vlan", "innerID", \.innerID, accepted: identifiers.accepted),
            Field("priority", "priority", \.priority, accepted: "0...7"),
            Field("mtu", "mtu", \.mtu, accepted: "68...9000 octets", absent: "the device's"),
            Field("companion", "companionName", \.companionName, accepted: "a name") {
                $0.companion
            },
            Field("companion type", "companionType", \.companionType),
        ]
    )
}

extension TunnelInterface {
    package static let schema = ObjectSchema<Self>(
        "interface",
        plural: "tunnels",
        \.tunnels,
        key: ["name"],
        title: { "interface \($0.name)" },
        introduction: { "interface \($0.name) (\($0.way))" },
        fields: [
            Field("kind", "kind", \.kind),
            Field("remote", "remote", \.remote, accepted: "an address", absent: "any"),
            Field("local", "local", \.local, accepted: "an own address", absent: "any"),
            Field("link", "link", \.link, accepted: "the name of an interface", absent: "any"),
            Field("arriving", "input", \.input, accepted: wordsAccepted) { text($0.input) },
            Field("sent", "output", \.output, accepted: wordsAccepted) { text($0.output) },
            Field("ttl", "timeToLive", \.timeToLive, accepted: "0...255"),
            Field("tos", "service", \.service, accepted: "0...255", absent: "inherit"),
            Field("mtu", "mtu", \.mtu, accepted: "68...9000 octets", absent: "by itself"),
            Field("companion", "companionName", \.companionName, accepted: "a name") {
                $0.companion
            },
            Field("companion type", "companionType", \.companionType),
        ]
    )

    private static let wordsAccepted = "a key, a checksum, sequence numbers"

    private static func text(_ words: Words) -> String {
        let key = words.key.map { "key \($0)" } ?? "no key"
        return key + (words.hasChecksum ? ", checksum" : "")
            + (words.hasSequence ? ", sequence" : "")
    }
}
