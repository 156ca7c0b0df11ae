// SPDX-License-Identifier: Apache-2.0

/// One node of a YAML document and where it begins; lines and columns count from 1.
package struct YAMLNode: Sendable {
    package struct Place: Hashable, Sendable {
        package var line: Int
        package var column: Int

        package init(line: Int, column: Int) {
            self.line = line
            self.column = column
        }
    }

    package indirect enum Content: Sendable {
        /// The text as written, quotes removed; a plain one may be a number or nothing.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        /// In the order of the document; merged keys after own ones.
        case mapping([(key: YAMLNode, value: YAMLNode)])
    }

    package var content: Content
    package var place: Place

    /// What people call such a node.
    package var kind: String {
        switch content {
        case .scalar: isNull ? "nothing" : "a value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// The text of a scalar.
    package var text: String? {
        if case .scalar(let text, _) = content { text } else { nil }
    }

    /// `null`, `~` and nothing at all (YAML 1.2 section 10.3.2).
    package var isNull: Bool {
        guard case .scalar(let text, true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }
}

/// Why a text is no YAML that is accepted here.
package struct YAMLError: Error, Hashable, Sendable {
    package var place: YAMLNode.Place
    /// A sentence without the place.
    package var message: String

    package init(_ message: String, at place: YAMLNode.Place) {
        self.message = message
        self.place = place
    }
}

/// Bounds against documents that are small in a file and large in memory.
package struct YAMLLimits: Sendable {
    /// Nodes after aliases have been replaced by what they name.
    package var nodes = 2_000_000
    package var depth = 64

    package init() {}
}

/// Reads the one document in `bytes`; nil when there is none.
///
/// Aliases are replaced, `<<` is merged, a key that stands twice is an error.
package func readYAML(
    _ bytes: [UInt8],
    limits: YAMLLimits = YAMLLimits()
) throws(YAMLError) -> YAMLNode? {
    var composer = YAMLComposer(limits: limits)
    return try composer.compose(try YAMLParser(bytes, limits: limits).events())
}
