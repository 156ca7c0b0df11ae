// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A lock file that one process holds; the kernel gives it back when the process ends, however.
package final class InstanceLock: Sendable {
    private let descriptor: Int32
    package let path: String

    /// Takes the lock and writes the process id into the file.
    ///
    /// Throws `EWOULDBLOCK` when another process holds it: see `holder`.
    package init(_ path: String) throws(LinuxError) {
        self.path = path
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw LinuxError("open", on: path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            throw LinuxError("flock", code, on: path)
        }
        write([])
    }

    deinit { close(descriptor) }

    /// Replaces the file's text by the process id and `lines`.
    package func write(_ lines: [String]) {
        let text = ([String(getpid())] + lines).map { $0 + "\n" }.joined()
        ftruncate(descriptor, 0)
        _ = unsafe pwrite(descriptor, text, text.utf8.count, 0)
    }

    /// Whether a process holds the lock of a file.
    package static func isHeld(_ path: String) -> Bool {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0
    }

    /// The process that wrote itself into the file.
    package static func holder(of path: String) -> Int? {
        guard let bytes = try? Files.read(path, limit: 1 << 26) else { return nil }
        return Int(String(decoding: bytes, as: UTF8.self).prefix(while: \.isNumber))
    }
}
