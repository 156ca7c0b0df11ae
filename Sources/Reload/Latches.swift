// SPDX-License-Identifier: Apache-2.0

/// Points of a reload at which a test may hold it.
package enum Latch: String, Sendable, CaseIterable {
    /// The files are read.
    case loaded
    /// They have no errors.
    case validated
    /// The changes are known; nothing is done yet.
    case planned
    /// Every worker uses the new state; nobody has been told.
    case applied
}

package protocol Latches: Sendable {
    /// Returns when the reload may go on.
    func pass(_ latch: Latch) async
}

/// Holds nothing.
package struct OpenLatches: Latches {
    package init() {}

    package func pass(_ latch: Latch) async {}
}
