// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A lock file that one process holds; the kernel gives it back when the process ends, however.
///
/// Only its owner may open the file: whoever can open a file can lock it, and so hold up all others.
package final class InstanceLock: Sendable {
    private let descriptor: Int32
    package let path: String

    /// Takes the lock and writes the process id into the file.
    ///
    /// Throws `EWOULDBLOCK` when another process holds it: see `holder`.
    package init(_ path: String) throws(LinuxError) {
        self.path = path
        descriptor = try Files.openPrivately(path)
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
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0
    }

    /// The process that wrote itself into the file.
    package static func holder(of path: String) -> Int? {
        guard let bytes = try? Files.read(path, limit: 1 << 26) else { return nil }
        return Int(String(decoding: bytes, as: UTF8.self).prefix(while: \.isNumber))
    }

    // MARK: - For a moment

    /// How long a process may need the lock for a moment, with much to spare.
    private static let patience = Duration.seconds(2)

    /// Runs `body` while no other process has the lock of the file `path`.
    ///
    /// Throws a `LockError` when another one keeps it for two seconds, which none does that is well.
    package static func alone<Result>(
        with path: String,
        _ body: () throws -> Result
    ) throws -> Result {
        let descriptor = try Files.openPrivately(path)
        defer { close(descriptor) }
        let deadline = ContinuousClock.now + patience
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else {
                throw LinuxError("flock", on: path)
            }
            guard .now < deadline else {
                throw LockError(path: path, patience: patience, processes: holders(of: descriptor))
            }
            usleep(5000)
        }
        return try body()
    }

    /// The processes that hold a lock of the file behind `descriptor`, by proc_locks(5).
    private static func holders(of descriptor: Int32) -> [Int] {
        var facts = stat()
        guard unsafe fstat(descriptor, &facts) == 0,
            let bytes = try? Files.read("/proc/locks", limit: 1 << 24)
        else { return [] }
        let suffix = ":\(facts.st_ino)"
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            .compactMap { line in
                // "1: FLOCK  ADVISORY  WRITE 708 08:01:2621449 0 EOF"
                let words = line.split(separator: " ")
                guard words.count > 5, words[1] == "FLOCK", words[5].hasSuffix(suffix) else {
                    return nil
                }
                return Int(words[4])
            }
    }
}

/// Another process keeps a lock that everybody needs for a moment only.
package struct LockError: Error, Equatable, CustomStringConvertible {
    package var path: String
    package var patience: Duration
    package var processes: [Int]

    package var description: String {
        let names = processes.map(String.init).joined(separator: ", ")
        let holder = processes.isEmpty ? "a process" : "process \(names)"
        let seconds = patience.components.seconds
        return "\(path): \(holder) has kept this lock for \(seconds) s; end it and try again"
    }
}
