// SPDX-License-Identifier: Apache-2.0
import Discovery

/// Why the program cannot start, in one sentence.
package struct StartError: Error, CustomStringConvertible {
    package var description: String

    init(_ description: String) {
        self.description = description
    }

    /// What kept the packet side from starting: the error, what the doctor finds at the devices,
    /// and what DPDK says beside its usual progress.
    init(_ error: any Error, doctor: [Check], log: [String], arguments: [String]) {
        let found = doctor.map { check in
            let remedy = (check.node ?? check.pod).map { "; \($0)" } ?? ""
            return "\n  doctor: \(check.subject): \(check.finding)\(remedy)"
        }
        let said = Self.causes(in: log).map { "\n  DPDK: \($0)" }
        description =
            "\(error)\(found.joined())\(said.joined())\n  EAL arguments: \(arguments)"
    }

    /// What EAL and drivers say at every start.
    private static let progress = [
        "EAL: Detected", "EAL: Multi-process socket", "EAL: Selected IOVA mode",
        "EAL: VFIO support initialized", "EAL: Probe PCI driver", "EAL: Using IOMMU type",
        "EAL: Static memory layout", "EAL: No available", "TELEMETRY:",
    ]
    /// Longer logs repeat themselves; what names the cause comes first.
    private static let mostLines = 40

    /// The lines of a log that say what is wrong, in order, each once.
    static func causes(in log: [String]) -> [String] {
        var seen: Set<String> = []
        return Array(
            log.filter { line in
                !progress.contains { line.hasPrefix($0) } && seen.insert(line).inserted
            }
            .prefix(mostLines)
        )
    }
}
