// SPDX-License-Identifier: Apache-2.0

extension AddressSet {
    package static let schema = ObjectSchema<Self>(
        "set",
        plural: "sets",
        \.sets,
        key: ["name"],
        title: { "set \($0.name)" },
        addition: { " with \($0.entries.count == 1 ? "1 entry" : "\($0.entries.count) entries")" },
        fields: [
            Field(
                "entries",
                "entries",
                \.entries,
                accepted: "addresses, networks and ranges, each with or without nomatch",
                text: \.summary
            )
        ]
    )

    /// `3 (10.0.0.0/8, 192.0.2.1, 2001:db8::/32)`; of many the first ones.
    private var summary: String {
        guard !entries.isEmpty else { return "(none)" }
        let shown = entries.prefix(5).map(\.description).joined(separator: ", ")
        return "\(entries.count) (\(shown)\(entries.count > 5 ? ", …" : ""))"
    }
}

extension Denial {
    package static let schema = ObjectSchema<Self>(
        "denial",
        plural: "deny",
        \.denials,
        key: ["source"],
        title: { "deny \($0.source)" },
        fields: []
    )
}
