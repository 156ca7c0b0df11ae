// SPDX-License-Identifier: Apache-2.0
import Foundation
package import Model

extension DestCheck {
    /// The short form of DPVS: `UPDOWN` and `DOWNONLY` for the defaults, `UP,DOWN,WAIT,MIN-MAX` such
    /// as `1,1,3s,5-3600s`, or `DOWN,WAIT` such as `1,3s` for a backend that stays out.
    package init?(_ text: String) {
        switch text {
        case "UPDOWN": self.init()
        case "DOWNONLY": self.init(inhibit: nil)
        default: self.init(words: text.split(separator: ",", omittingEmptySubsequences: false))
        }
    }

    private init?(words: [Substring]) {
        let isOneWay = words.count == 2
        guard isOneWay || words.count == 4,
            let down = Self.notice(words[isOneWay ? 0 : 1]),
            let wait = parseDuration(String(words[isOneWay ? 1 : 2]))
        else { return nil }
        guard !isOneWay else {
            self.init(downNotice: down, downWait: wait, inhibit: nil)
            return
        }
        guard let up = Self.notice(words[0]), let inhibit = Self.range(words[3], separator: "-")
        else { return nil }
        self.init(downNotice: down, upNotice: up, downWait: wait, inhibit: inhibit)
    }

    /// `5s..1h`; in the short form `5-3600s`, where a bare number counts seconds.
    static func range(_ text: some StringProtocol, separator: String) -> ClosedRange<Duration>? {
        let parts = text.components(separatedBy: separator)
        guard parts.count == 2, let upper = parseDuration(parts[1]),
            let lower = parseDuration(parts[0]) ?? Int(parts[0]).map({ .seconds($0) }),
            lower <= upper
        else { return nil }
        return lower...upper
    }

    private static func notice(_ text: Substring) -> Int? {
        Int(text).flatMap { notices.contains($0) ? $0 : nil }
    }
}
