// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Whether a time is over, as one task tells another.
final class TimeOver: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func set() { value.store(true, ordering: .releasing) }
}
