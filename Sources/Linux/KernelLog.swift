// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What the kernel logs from now on, line by line; belongs to whoever reads it.
///
/// `/dev/kmsg` gives a record a read (Documentation/ABI/testing/dev-kmsg). Opening it takes
/// CAP_SYSLOG where `kernel.dmesg_restrict` is 1, reading it then takes nothing.
package final class KernelLog: Sendable {
    private let descriptor: Int32
    /// The kernel's limit, CONSOLE_EXT_LOG_MAX.
    private static let longestRecord = 8192
    /// Records that one call takes at most: a kernel that talks without end does not hold us up.
    private static let mostRecords = 4096

    /// nil when this process may not read the log, or there is none.
    package init?(path: String = "/dev/kmsg") {
        descriptor = unsafe open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        // Behind the latest record; a plain file, which tests use, has an end, too.
        guard lseek(descriptor, 0, SEEK_END) >= 0 else {
            close(descriptor)
            return nil
        }
    }

    deinit { close(descriptor) }

    /// The lines since the last call.
    package func takeLines() -> [String] {
        var lines: [String] = []
        var buffer = [UInt8](repeating: 0, count: Self.longestRecord)
        for _ in 0..<Self.mostRecords {
            let count = unsafe read(descriptor, &buffer, buffer.count)
            if count > 0 {
                let text = String(decoding: buffer.prefix(count), as: UTF8.self)
                lines += text.split(separator: "\n").compactMap(Self.message)
            } else if count == 0 || errno != EPIPE && errno != EINTR {
                // EPIPE: records were overwritten before we came; the next read goes on behind.
                break
            }
        }
        return lines
    }

    /// "4,1234,567890,-;text" -> "text"; nil for the dictionary lines that follow a record.
    private static func message(_ line: Substring) -> String? {
        if line.first == " " { return nil }
        return line.firstIndex(of: ";").map { String(line[line.index(after: $0)...]) }
    }
}
