// SPDX-License-Identifier: Apache-2.0
import Model

/// Sets of addresses, and lists of who may ask a service: see doc/access-lists.md.
extension ServiceFileSchema {
    package static let set = Object(
        name: "set",
        fields: [
            field("name", .text, required: true, "what lists call it; unique"),
            field("entries", .list(.entry), default: "none", "what is in the set"),
            field(
                "entriesFile",
                .text,
                default: "none",
                "path of a file with further entries, one a line; # begins a comment"
            ),
        ]
    )

    /// An element of `deny` as edits have it.
    static let denial = Object(
        name: "deny",
        fields: [field("source", .source, required: true, "whose packets are dropped")]
    )

    static let serviceAccess = [
        field(
            "allow",
            .list(.source),
            default: "all clients",
            "clients that may open connections: access-lists.md"
        ),
        field(
            "deny",
            .list(.source),
            default: "none",
            "clients that may open none, whatever allow says"
        ),
    ]
}
