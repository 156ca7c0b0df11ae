// SPDX-License-Identifier: Apache-2.0

/// A call of libnl that failed, and why.
package struct NetlinkError: Error, Equatable, Sendable, CustomStringConvertible {
    package var call: String
    package var reason: String

    package var description: String { "\(call): \(reason)" }
}
