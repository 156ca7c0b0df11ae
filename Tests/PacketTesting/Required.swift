// SPDX-License-Identifier: Apache-2.0

/// What `#require` is for values that cannot be copied.
public func required<Value: ~Copyable>(_ value: consuming Value?) throws -> Value {
    switch consume value {
    case .some(let value): return value
    case .none: throw Missing()
    }
}

/// A value that a test cannot go on without was nil.
public struct Missing: Error {}
