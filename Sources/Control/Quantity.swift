// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Numbers as people read them; `--json` has the exact ones.
package enum Quantity {
    /// Exact below a million, then four digits: `999999`, `1.235M`, `12.35G`.
    package static func count(_ number: UInt64) -> String {
        number < 1_000_000 ? String(number) : scaled(Double(number), digits: 4)
    }

    /// `40 Gbit/s`, `2.5 Gbit/s`.
    package static func bitRate(_ bitsPerSecond: UInt64) -> String {
        guard bitsPerSecond >= 1000 else { return "\(bitsPerSecond) bit/s" }
        var number = Double(bitsPerSecond)
        var unit = ""
        for next in ["k", "M", "G", "T"] where number >= 1000 {
            number /= 1000
            unit = next
        }
        let text = number == number.rounded() ? String(Int(number)) : String(number)
        return "\(text) \(unit)bit/s"
    }

    /// Two units at most: `3 d 4 h`, `5 min 2 s`, `12 s`.
    package static func duration(seconds: Double) -> String {
        var rest = seconds.isFinite ? Int(max(0, min(seconds, 1e12))) : 0
        var parts: [String] = []
        for (unit, length) in [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)] {
            if rest >= length { parts.append("\(rest / length) \(unit)") }
            rest %= length
        }
        return parts.isEmpty ? "0 s" : parts.prefix(2).joined(separator: " ")
    }

    package static func percent(_ fraction: Double) -> String {
        String(format: "%.1f %%", 100 * fraction)
    }

    private static func scaled(_ value: Double, digits: Int) -> String {
        var number = value
        var unit = ""
        for next in ["k", "M", "G", "T", "P", "E"] where number >= 1000 {
            number /= 1000
            unit = next
        }
        let whole = String(Int(number)).count
        return String(format: "%.\(max(0, digits - whole))f", number) + unit
    }
}
