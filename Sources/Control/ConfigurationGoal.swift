// SPDX-License-Identifier: Apache-2.0
package import Model

/// The configuration that somebody waits for.
package enum ConfigurationGoal: Equatable, Sendable {
    /// The files that run have this digest, or one that begins so.
    case digest(String)
    /// At least this generation runs.
    case generation(UInt64)

    package enum Progress: Equatable, Sendable {
        case reached, waiting
        /// The files that are waited for are there and have errors.
        case rejected
    }

    /// Fewest digits of a digest that tell it from others: as many as are shown.
    package static let fewestDigits = 12

    /// Reads a digest of at least `fewestDigits` digits; nil when `text` is none.
    package init?(digest text: String) {
        let digits = text.lowercased()
        let isHexadecimal = digits.allSatisfy { $0.isASCII && $0.isHexDigit }
        guard (Self.fewestDigits...64).contains(digits.count), isHexadecimal else { return nil }
        self = .digest(digits)
    }

    /// How far a daemon with this status has come.
    ///
    /// Files that could not be carried out are waited for: the daemon tries them again.
    package func progress(_ status: ConfigStatus) -> Progress {
        switch self {
        case .generation(let number): return status.generation >= number ? .reached : .waiting
        case .digest(let digits):
            if status.digest.hasPrefix(digits) { return .reached }
            let isRejected = status.lastReload?.outcome == .rejected
            return isRejected && status.readDigest.hasPrefix(digits) ? .rejected : .waiting
        }
    }
}
