// SPDX-License-Identifier: Apache-2.0

/// The duration written as `500ms`, `90s`, `1m30s` or `2h`, or nil.
///
/// Units are ms, s, m, h and d, each at most once and from large to small. A number without a unit
/// counts as seconds where `allowsPlainSeconds` says so. Longer than a hundred years is no duration.
package func parseDuration(_ text: String, allowsPlainSeconds: Bool = false) -> Duration? {
    let units: [(name: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]
    let longest = Duration.seconds(36_525 * 86_400)
    if allowsPlainSeconds, let seconds = wholeNumber(text[...]) {
        return .seconds(seconds) <= longest ? .seconds(seconds) : nil
    }
    var rest = text[...]
    var total: Int64 = 0
    var nextUnit = 0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        let name = rest.dropFirst(digits.count).prefix { $0.isLetter }
        guard
            let number = wholeNumber(digits),
            let unit = units[nextUnit...].firstIndex(where: { $0.name == name })
        else { return nil }
        total += number * units[unit].milliseconds
        nextUnit = unit + 1
        rest = rest.dropFirst(digits.count + name.count)
    }
    return .milliseconds(total) <= longest ? .milliseconds(total) : nil
}

/// Decimal digits only, and few enough that no sum of a duration overflows.
private func wholeNumber(_ text: Substring) -> Int64? {
    guard (1...10).contains(text.count), text.allSatisfy({ $0.isASCII && $0.isNumber }) else {
        return nil
    }
    return Int64(text)
}
