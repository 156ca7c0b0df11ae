// SPDX-License-Identifier: Apache-2.0

extension InterfaceAddress {
    package static let schema = ObjectSchema<Self>(
        "address",
        plural: "addresses",
        \.addresses,
        key: ["interface"],
        title: { "address \($0.key)" },
        introduction: { "address \($0.prefix) on \($0.interface)" },
        fields: [
            Field("prefix", "prefix", \.prefix, accepted: "an address and its prefix length"),
            Field("kernel", "isInKernel", \.isInKernel, accepted: "what the kernel has") {
                $0.isInKernel.map { $0 ? "has it" : "lacks it" } ?? "unknown"
            },
        ]
    )
}

extension Route {
    package static let schema = ObjectSchema<Self>(
        "route",
        plural: "routes",
        \.routes,
        key: ["destination"],
        title: { "route \($0.key)" },
        introduction: { "route \($0.key)\($0.way)" },
        fields: [
            Field("gateway", "gateway", \.gateway, accepted: "an address"),
            Field("interface", "interface", \.interface, accepted: "the name of an interface"),
            Field("mtu", "mtu", \.mtu, accepted: "octets, at most the interface's"),
            Field("scope", "scope", \.scope),
        ]
    )

    /// ` via 10.0.0.254 on eth0`.
    private var way: String {
        (gateway.map { " via \($0)" } ?? "") + (interface.map { " on \($0)" } ?? "")
            + (scope == .global ? "" : " scope \(scope.rawValue)")
    }
}

extension Neighbour {
    package static let schema = ObjectSchema<Self>(
        "neighbour",
        plural: "neighbours",
        \.neighbours,
        key: ["interface", "address"],
        title: { "neighbour \($0.key)" },
        introduction: { "neighbour \($0.key) at \($0.macAddress)" },
        fields: [
            Field("mac", "macAddress", \.macAddress, accepted: "the MAC address of a station")
        ]
    )
}
