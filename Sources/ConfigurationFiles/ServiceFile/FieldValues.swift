// SPDX-License-Identifier: Apache-2.0
import YAML

/// The values of a mapping by key: few, so that looking through them is cheaper than hashing.
struct FieldValues {
    private var entries: [(key: String, value: YAMLNode)] = []

    subscript(key: String) -> YAMLNode? {
        get { entries.first { $0.key == key }?.value }
        set {
            entries.removeAll { $0.key == key }
            if let newValue { entries.append((key, newValue)) }
        }
    }
}
