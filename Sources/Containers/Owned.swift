// SPDX-License-Identifier: Apache-2.0

/// A handle and what is behind it, which ends with the last reference: several snapshots may have the
/// same.
public final class Owned<Handle: Sendable>: Sendable {
    public let handle: Handle
    private let destroy: @Sendable (Handle) -> Void

    /// `destroy` frees what the handle names.
    public init(_ handle: Handle, destroy: @escaping @Sendable (Handle) -> Void = { _ in }) {
        self.handle = handle
        self.destroy = destroy
    }

    deinit { destroy(handle) }
}
