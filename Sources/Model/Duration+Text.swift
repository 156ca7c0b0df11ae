// SPDX-License-Identifier: Apache-2.0

extension Duration {
    /// As it would stand in a service file: `500ms`, `90s`, `1h30m`; below a millisecond is cut off.
    package var text: String {
        let (seconds, attoseconds) = components
        var rest = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        guard rest > 0 else { return rest == 0 ? "0s" : "-" + (Duration.zero - self).text }
        // Few people see that 5400s are an hour and a half, and many write 90s.
        let units: [(name: String, milliseconds: Int64)] =
            rest < 120_000
            ? [("s", 1_000), ("ms", 1)]
            : [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]
        if rest < 120_000, rest % 1000 != 0 { return "\(rest)ms" }
        var text = ""
        for unit in units where rest >= unit.milliseconds {
            text += "\(rest / unit.milliseconds)\(unit.name)"
            rest %= unit.milliseconds
        }
        return text
    }
}
