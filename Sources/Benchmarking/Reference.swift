// SPDX-License-Identifier: Apache-2.0

/// What the project set out to reach, and what it is compared with: FNAT of UDP, one worker.
package struct Reference: Sendable {
    package var flows: Double
    /// Cycles per packet, on a core of 2 GHz.
    package var goal: Double
    /// DPVS v1.10, measured the same way: from the best run to the worst.
    package var dpvs: ClosedRange<Double>

    package static let all = [
        Reference(flows: 1, goal: 250, dpvs: 525...620),
        Reference(flows: 10_000, goal: 350, dpvs: 1600...1900),
        Reference(flows: 1_000_000, goal: 500, dpvs: 2500...2700),
    ]
}
