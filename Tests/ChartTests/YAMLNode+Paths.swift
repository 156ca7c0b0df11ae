// SPDX-License-Identifier: Apache-2.0
import Testing
import YAML

extension YAMLNode {
    /// What is at the end of a path of keys, which do not contain dots.
    subscript(path: String) -> YAMLNode? {
        path.split(separator: ".").reduce(self as YAMLNode?) { $0?.value(of: String($1)) }
    }

    /// The value of one key, whatever is in it.
    func value(of key: String) -> YAMLNode? {
        guard case .mapping(let pairs) = content else { return nil }
        return pairs.first { $0.key.text == key }?.value
    }

    var keys: [String] {
        guard case .mapping(let pairs) = content else { return [] }
        return pairs.compactMap(\.key.text)
    }

    var list: [YAMLNode] {
        guard case .sequence(let nodes) = content else { return [] }
        return nodes
    }

    /// The scalars of a mapping.
    var texts: [String: String] {
        guard case .mapping(let pairs) = content else { return [:] }
        return Dictionary(
            pairs.compactMap { pair in
                guard let key = pair.key.text, let value = pair.value.text else { return nil }
                return (key, value)
            },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// This node and every one below.
    var all: [YAMLNode] {
        switch content {
        case .scalar: [self]
        case .sequence(let nodes): [self] + nodes.flatMap(\.all)
        case .mapping(let pairs): [self] + pairs.flatMap { $0.value.all }
        }
    }
}

extension [YAMLNode] {
    /// The objects of a kind.
    func of(_ kind: String) -> [YAMLNode] { filter { $0["kind"]?.text == kind } }

    /// The DaemonSet or StatefulSet.
    func workload() throws -> YAMLNode {
        let found = of("DaemonSet") + of("StatefulSet")
        try #require(found.count == 1)
        return found[0]
    }

    func pod() throws -> YAMLNode { try #require(try workload()["spec.template"]) }

    /// The container that runs dpvs.
    func container() throws -> YAMLNode {
        let containers = try #require(try pod()["spec.containers"]).list
        return try #require(containers.first { $0["name"]?.text == "dpvs" })
    }
}
