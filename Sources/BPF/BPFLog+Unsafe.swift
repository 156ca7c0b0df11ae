// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc
import Synchronization

/// What libbpf says: kept for the error that follows, and never printed by libbpf itself.
enum BPFLog {
    private static let lines = Mutex<[String]>([])
    /// A verifier's log may have a million lines; its end says what is wrong.
    private static let most = 200

    /// Makes libbpf talk to us; once for the process.
    private static let isHeard: Bool = {
        unsafe libbpf_set_print { level, format, arguments in
            guard level.rawValue <= LIBBPF_WARN.rawValue, let format = unsafe format,
                let arguments = unsafe arguments
            else { return 0 }
            var buffer = [CChar](repeating: 0, count: 1 << 16)
            _ = unsafe vsnprintf(&buffer, buffer.count, format, arguments)
            let text = String(
                decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)),
                as: UTF8.self
            )
            BPFLog.append(text)
            return 0
        }
        return true
    }()

    private static func append(_ text: String) {
        lines.withLock { lines in
            lines += text.split(separator: "\n").map(String.init)
            if lines.count > most { lines.removeFirst(lines.count - most) }
        }
    }

    /// Runs `body` and returns what libbpf said meanwhile.
    static func during<Result>(_ body: () -> Result) -> (Result, [String]) {
        precondition(isHeard)
        lines.withLock { $0 = [] }
        let result = body()
        return (result, lines.withLock { $0 })
    }
}
