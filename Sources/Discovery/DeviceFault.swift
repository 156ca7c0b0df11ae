// SPDX-License-Identifier: Apache-2.0

/// A line of the kernel's log that says that a device touched memory that is not its own.
package struct DeviceFault: Equatable, Sendable {
    /// "0000:00:03.0".
    package var device: String
    package var text: String

    /// Marks of the lines that drivers of IOMMUs write about faults: Intel's dmar.c, AMD's iommu.c.
    private static let marks = [("DMAR:", "fault addr"), ("AMD-Vi:", "PAGE_FAULT")]

    /// nil when the line is about something else, or does not name the device.
    package init?(_ line: String) {
        let isFault = Self.marks.contains { line.contains($0.0) && line.contains($0.1) }
        guard isFault, let device = Self.address(in: line) else { return nil }
        self.device = device
        text = line
    }

    /// The first PCI address in `line`, with a domain if it has none: "[00:03.0]", "0000:06:00.0".
    private static func address(in line: String) -> String? {
        let words = line.split { !($0.isHexDigit || $0 == ":" || $0 == ".") }
        for word in words {
            // "0000:06:00.0:" ends a field of the log.
            var parts = word.split(separator: ":").map(String.init)
            guard let last = parts.last, last.count == 4, last.dropLast().last == "." else {
                continue
            }
            if parts.count == 2 { parts.insert("0000", at: 0) }
            guard parts.count == 3, parts[0].count == 4, parts[1].count == 2 else { continue }
            return parts.joined(separator: ":").lowercased()
        }
        return nil
    }
}

/// What PCI Express counts of a device's errors that were not corrected, as the kernel shows it to
/// everybody.
package enum BusErrors {
    /// nil where the device or the kernel does not count.
    package static func uncorrected(of device: String, _ surroundings: Surroundings) -> UInt64? {
        let place = "/sys/bus/pci/devices/\(device)"
        let totals = ["nonfatal", "fatal"]
            .compactMap { kind in
                // TOTAL_ERR_NONFATAL 0
                surroundings.lines("\(place)/aer_dev_\(kind)")
                    .first { $0.hasPrefix("TOTAL_ERR") }
                    .flatMap { $0.split(separator: " ").last }
                    .flatMap { UInt64($0) }
            }
        return totals.isEmpty ? nil : totals.reduce(0, +)
    }
}
