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
        ftruncate(descriptor, 0)
        let text = "\(getpid())\n"
        _ = unsafe write(descriptor, text, text.utf8.count)
    }

    deinit { close(descriptor) }

    /// The process that wrote itself into the file.
    package static func holder(of path: String) -> Int? {
        guard let bytes = try? Files.read(path, limit: 64) else { return nil }
        return Int(String(decoding: bytes, as: UTF8.self).prefix(while: \.isNumber))
    }
}
