// SPDX-License-Identifier: Apache-2.0
import Balancing
import Linux
import Timing

/// Memory of the machine, of the process and of connection tables, in octets.
package enum Memory {
    /// What can be had without paging (`MemAvailable`); nil when the kernel does not say.
    package static var available: Int? {
        guard let text = read("/proc/meminfo") else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
            return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
        }
        return nil
    }

    /// What this process has in memory now.
    package static var resident: Int {
        guard let text = read("/proc/self/statm") else { return 0 }
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * 4096
    }

    private static func read(_ path: String) -> String? {
        guard let bytes = try? Files.read(path, limit: 1 << 16) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: - Connection tables

    /// A table of `capacity` connections, made and measured; nil when memory is short.
    package static func table(
        capacity: Int
    ) -> (bytesPerConnection: Double, computed: Int, resident: Int)? {
        let before = resident
        guard let table = ConnectionTable(capacity: capacity, seed: 1, now: Tick(rawValue: 0))
        else { return nil }
        let bytes = table.bytesPerConnection()
        return (bytes, Int(bytes * Double(capacity)), resident - before)
    }

    /// About what the table of `capacity` connections takes, without making it.
    package static func estimate(capacity: Int) -> Int {
        guard let small = table(capacity: 1 << 10) else { return 0 }
        return Int(small.bytesPerConnection * Double(capacity))
    }

    /// `1.5 GiB`.
    package static func text(_ bytes: Int) -> String {
        let mebibytes = Double(bytes) / Double(1 << 20)
        return mebibytes < 1024
            ? MeasurementText.text(mebibytes, mebibytes < 10 ? 1 : 0) + " MiB"
            : MeasurementText.text(mebibytes / 1024, 2) + " GiB"
    }
}
