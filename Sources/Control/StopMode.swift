// SPDX-License-Identifier: Apache-2.0

/// How a daemon ends: what `dpvs stop` asks for.
package enum StopMode: String, Codable, Sendable, CaseIterable {
    /// New connections are refused; it ends when the last one has, or at the deadline.
    case drain
    /// At once; connections are left to the process that starts next.
    case warm
    /// At once; connections are lost.
    case now
}
