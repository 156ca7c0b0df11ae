// SPDX-License-Identifier: Apache-2.0

/// Two sets of measurements, run by run.
package struct Comparison: Equatable, Sendable {
    package enum Verdict: String, Sendable {
        /// The repetitions of both overlap: nothing can be said.
        case same = "within the spread"
        case faster, slower
        /// Slower by more than is tolerated.
        case regression = "SLOWER THAN TOLERATED"
    }

    package struct Row: Equatable, Sendable {
        package var name: String
        package var before: Double
        package var after: Double
        package var verdict: Verdict
        package var ratio: Double { after / before }
    }

    package var rows: [Row] = []
    /// Runs that only one of the two has.
    package var unpaired: [String] = []

    /// `tolerance` in percent: how much slower a run may be.
    package init(from before: [Measurement], to after: [Measurement], tolerance: Double) {
        for old in before {
            guard let new = after.first(where: { $0.name == old.name }) else {
                unpaired.append(old.name)
                continue
            }
            rows.append(
                Row(
                    name: old.name,
                    before: old.cyclesPerPacket,
                    after: new.cyclesPerPacket,
                    verdict: Self.verdict(old, new, tolerance)
                )
            )
        }
        for new in after where !before.contains(where: { $0.name == new.name }) {
            unpaired.append(new.name)
        }
    }

    package var hasRegression: Bool { rows.contains { $0.verdict == .regression } }

    /// The tolerance counts even within the spread: a noisy run proves nothing, so run it again.
    private static func verdict(
        _ old: Measurement,
        _ new: Measurement,
        _ tolerance: Double
    ) -> Verdict {
        if new.cyclesPerPacket > old.cyclesPerPacket * (1 + tolerance / 100) { return .regression }
        if new.slowest ?? new.cyclesPerPacket < old.fastest ?? old.cyclesPerPacket {
            return .faster
        }
        if new.fastest ?? new.cyclesPerPacket > old.slowest ?? old.cyclesPerPacket {
            return .slower
        }
        return .same
    }

    package var text: String {
        var lines = [MeasurementText.row(["run", "before", "after", "ratio", ""])]
        for row in rows {
            lines.append(
                MeasurementText.row([
                    row.name,
                    MeasurementText.text(row.before),
                    MeasurementText.text(row.after),
                    MeasurementText.text(row.ratio, 2),
                    row.verdict.rawValue,
                ])
            )
        }
        if !unpaired.isEmpty {
            lines.append("in one of the two only: \(unpaired.joined(separator: ", "))")
        }
        return lines.joined(separator: "\n")
    }
}
