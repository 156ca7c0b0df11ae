// SPDX-License-Identifier: Apache-2.0

/// What one probe has found.
package enum ProbeResult: Equatable, Sendable {
    case good
    /// The backend does not serve, and why: `connection refused`.
    case bad(String)
    /// The probe could not be made for a reason of our own; it says nothing of the backend.
    case unable(String)
}
