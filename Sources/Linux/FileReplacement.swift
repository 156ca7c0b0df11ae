// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A file that takes the place of another one when it is complete; what was there stays until then.
package struct FileReplacement: ~Copyable {
    private let path: String
    private let descriptor: Int32
    private var isCommitted = false

    private var temporaryPath: String { path + ".new" }

    /// Begins an empty file that only its owner may read.
    package init(of path: String) throws(LinuxError) {
        self.path = path
        descriptor = unsafe open(
            path + ".new",
            O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
            0o600
        )
        guard descriptor >= 0 else { throw LinuxError("open", on: path + ".new") }
    }

    deinit {
        close(descriptor)
        if !isCommitted { unsafe unlink(temporaryPath) }
    }

    package mutating func append(_ bytes: [UInt8]) throws(LinuxError) {
        try Files.write(bytes, to: descriptor, of: temporaryPath)
    }

    /// Puts the file in its place; nothing follows.
    package mutating func commit() throws(LinuxError) {
        try Files.move(temporaryPath, to: path)
        isCommitted = true
    }
}
