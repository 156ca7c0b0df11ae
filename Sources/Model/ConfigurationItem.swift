// SPDX-License-Identifier: Apache-2.0

/// One keyword of `dpvs.conf`: what it takes, what it is without it, and when it counts.
package struct ConfigurationItem: Sendable {
    package enum Kind: Sendable {
        /// A whole number; DPVS rounds some down to a power of two, or to one less than one.
        case integer(ClosedRange<Int>, Rounding = .none)
        /// A whole number, or one word instead.
        case integerOr(ClosedRange<Int>, word: String)
        /// The keyword alone switches on; `on` or `off` may follow.
        case flag
        case onOff
        case choice([String])
        case text(longest: Int)
        /// Words in any number, separated by blanks or `|`.
        case words([String])
        case integers(ClosedRange<Int>)
        /// A duration with a unit; without one, seconds.
        case duration
        /// Whatever stands there: of an item that is gone.
        case anything
    }

    package enum Rounding: Sendable {
        case none
        /// Down to 2^n.
        case powerOfTwo
        /// Down to 2^n - 1.
        case powerOfTwoLessOne
    }

    package enum Moment: String, Sendable {
        /// Read when the program starts: a change asks for a restart.
        case start
        /// Read at every reload.
        case live
    }

    package var path: String
    package var kind: Kind
    package var defaultValue: ItemValue?
    package var moment: Moment
    /// Whether this version acts on it; other items are accepted, so that files load unchanged.
    package var isInEffect: Bool
    package var summary: String
    /// What serves in the place of an item that has no effect.
    package var instead: String?

    /// The last word of the path: what stands in the file.
    package var keyword: String { path.split(separator: ".").last.map(String.init) ?? path }

    /// "1...9000", "on or off", "one of perfect, signature".
    package var accepted: String {
        switch kind {
        case .integer(let range, let rounding):
            let bounds = Self.text(range)
            switch rounding {
            case .none: return bounds
            case .powerOfTwo: return bounds + ", rounded down to 2^n"
            case .powerOfTwoLessOne: return bounds + ", rounded down to 2^n-1"
            }
        case .integerOr(let range, let word): return "\(Self.text(range)), or \(word)"
        case .flag: return "nothing, on or off"
        case .onOff: return "on or off"
        case .choice(let words): return "one of " + words.joined(separator: ", ")
        case .text(let longest): return "a text of at most \(longest) characters"
        case .words([]): return "names"
        case .words(let words): return "some of " + words.joined(separator: ", ")
        case .integers(let range): return "numbers in \(Self.text(range))"
        case .duration: return "a duration such as 500ms, 30s or 2m"
        case .anything: return "anything"
        }
    }

    private static func text(_ range: ClosedRange<Int>) -> String {
        range.upperBound == .max
            ? "\(range.lowerBound) or more" : "\(range.lowerBound)...\(range.upperBound)"
    }
}
