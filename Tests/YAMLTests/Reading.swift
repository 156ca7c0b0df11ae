// SPDX-License-Identifier: Apache-2.0
import YAML

func read(_ text: String, _ change: (inout YAMLLimits) -> Void = { _ in }) throws -> YAMLNode? {
    var limits = YAMLLimits()
    change(&limits)
    return try readYAML(Array(text.utf8), limits: limits)
}

/// What is wrong with `text`, as "line:column message"; nil when nothing is.
func problem(_ text: String, _ change: (inout YAMLLimits) -> Void = { _ in }) -> String? {
    do {
        _ = try read(text, change)
        return nil
    } catch let error as YAMLError {
        return "\(error.place.line):\(error.place.column) \(error.message)"
    } catch {
        return "another error: \(error)"
    }
}

extension YAMLNode {
    /// The node as a document on one line; quotes tell what is not plain.
    var flow: String {
        switch content {
        case .scalar(let text, isPlain: true): text
        case .scalar(let text, isPlain: false): "'\(text)'"
        case .sequence(let items): "[" + items.map(\.flow).joined(separator: ", ") + "]"
        case .mapping(let pairs):
            "{" + pairs.map { "\($0.key.flow): \($0.value.flow)" }.joined(separator: ", ") + "}"
        }
    }

    /// The node at `path`: keys of mappings, positions in lists.
    subscript(path: String...) -> YAMLNode? {
        var node: YAMLNode? = self
        for step in path {
            switch node?.content {
            case .mapping(let pairs): node = pairs.first { $0.key.text == step }?.value
            case .sequence(let items):
                node = Int(step).flatMap { items.indices.contains($0) ? items[$0] : nil }
            default: return nil
            }
        }
        return node
    }

    var children: [YAMLNode] {
        switch content {
        case .scalar: []
        case .sequence(let items): items
        case .mapping(let pairs): pairs.flatMap { [$0.key, $0.value] }
        }
    }

    /// Levels, this one included.
    var height: Int { 1 + (children.map(\.height).max() ?? 0) }

    /// Nodes, this one included.
    var size: Int { children.reduce(1) { $0 + $1.size } }
}
