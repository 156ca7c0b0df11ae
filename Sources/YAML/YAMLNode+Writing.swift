// SPDX-License-Identifier: Apache-2.0

/// Nodes that are made here and were not read from a document.
extension YAMLNode {
    package static let nowhere = Place(line: 0, column: 0)

    /// A number, `true` or `false`.
    package static func plain(_ value: some CustomStringConvertible) -> YAMLNode {
        YAMLNode(content: .scalar(value.description, isPlain: true), place: nowhere)
    }

    package static func text(_ value: some CustomStringConvertible) -> YAMLNode {
        YAMLNode(content: .scalar(value.description, isPlain: false), place: nowhere)
    }

    package static func list(_ items: [YAMLNode]) -> YAMLNode {
        YAMLNode(content: .sequence(items), place: nowhere)
    }

    package static func mapping(_ pairs: [(String, YAMLNode)]) -> YAMLNode {
        YAMLNode(content: .mapping(pairs.map { (text($0), $1) }), place: nowhere)
    }

    /// The values of a mapping by their keys; empty for what is none.
    package var fields: [(key: YAMLNode, value: YAMLNode)] {
        if case .mapping(let pairs) = content { pairs } else { [] }
    }

    package func value(of key: String) -> YAMLNode? {
        fields.first { $0.key.text == key }?.value
    }

    /// The node that `patch` makes of this one (RFC 7396): a mapping is merged key by key, what is
    /// null takes a key away, and anything else takes the place of what was there.
    ///
    /// `keepsNulls`: what is null stays as it is, for a patch that is made of several.
    package func merging(_ patch: YAMLNode, keepsNulls: Bool = false) -> YAMLNode {
        guard case .mapping(let changes) = patch.content else { return patch }
        var pairs = fields
        for (key, value) in changes {
            let place = pairs.firstIndex { $0.key.text == key.text }
            if value.isNull, !keepsNulls {
                if let place { pairs.remove(at: place) }
                continue
            }
            let old = place.map { pairs[$0].value } ?? .mapping([])
            let new = old.merging(value, keepsNulls: keepsNulls)
            if let place { pairs[place] = (key, new) } else { pairs.append((key, new)) }
        }
        return YAMLNode(content: .mapping(pairs), place: patch.place)
    }
}

extension String {
    /// Whether some reader of YAML would take the text, without quotes, for something else: a number,
    /// a truth or nothing (YAML 1.1 and 1.2).
    var needsQuotesInYAML: Bool {
        let words = ["", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"]
        if words.contains(lowercased()) || hasPrefix("0x") || hasPrefix("0o") { return true }
        return Double(self) != nil
            || allSatisfy { "0123456789:_.+-".contains($0) } && count { $0 == "." } < 2
    }
}
