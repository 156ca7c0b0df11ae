// SPDX-License-Identifier: Apache-2.0

/// When a backend is taken out because connections to it fail, and when it comes back.
///
/// The words and the short form are those of DPVS's `dest-check`.
package struct DestCheck: Equatable, Codable, Sendable, CustomStringConvertible {
    /// Failures within `downWait`, without a success among them, that take a backend out.
    package var downNotice: Int
    /// Successes after which the next exclusion is half as long.
    package var upNotice: Int
    package var downWait: Duration
    /// The first and the longest exclusion: it doubles with each failure; nil: it stays out.
    package var inhibit: ClosedRange<Duration>?

    package static let notices = 1...1000
    package static let standardInhibit: ClosedRange<Duration> = .seconds(5) ... .seconds(3600)

    package init(
        downNotice: Int = 1,
        upNotice: Int = 1,
        downWait: Duration = .seconds(3),
        inhibit: ClosedRange<Duration>? = standardInhibit
    ) {
        self.downNotice = downNotice
        self.upNotice = upNotice
        self.downWait = downWait
        self.inhibit = inhibit
    }

    /// `1 failure in 3 s, out for 5 s to 3600 s`.
    package var description: String {
        let failures = downNotice == 1 ? "1 failure" : "\(downNotice) failures"
        let out = inhibit.map { "out for \($0.lowerBound) to \($0.upperBound)" } ?? "out for good"
        return "\(failures) in \(downWait), \(out)"
    }
}
