// SPDX-License-Identifier: Apache-2.0
import YAML

extension EditBatch {
    /// A word of a command that is no field of an object.
    package struct WordError: Error, Equatable, CustomStringConvertible {
        package var description: String
    }

    /// The batch with one edit, of which a command gave the words: `fields` are `KEY=VALUE`, where a
    /// key may have dots and a value is YAML; nothing brings the default back.
    package static func text(
        verb: String,
        kind: String,
        fields: [String]
    ) throws(WordError) -> String {
        var object = YAMLNode.mapping([])
        for field in fields { object = object.merging(try patch(field), keepsNulls: true) }
        let edit = YAMLNode.mapping([(verb, .mapping([(kind, object)]))])
        return writeYAML(.mapping([("edits", .list([edit]))]))
    }

    private static func patch(_ field: String) throws(WordError) -> YAMLNode {
        guard let sign = field.firstIndex(of: "="), sign != field.startIndex else {
            throw WordError(description: "'\(field)' is not KEY=VALUE, such as weight=5")
        }
        let keys = field[..<sign].split(separator: ".", omittingEmptySubsequences: false)
        guard keys.allSatisfy({ !$0.isEmpty }) else {
            throw WordError(description: "'\(field)' has a key with an empty part")
        }
        let text = String(field[field.index(after: sign)...])
        let value: YAMLNode
        do throws(YAMLError) {
            value = try readYAML(Array(text.utf8)) ?? .plain("null")
        } catch {
            throw WordError(description: "'\(field)' has a value that is no YAML: \(error.message)")
        }
        return keys.reversed()
            .reduce(value) { inner, key in .mapping([(String(key), inner)]) }
    }
}
