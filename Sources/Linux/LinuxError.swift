// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A system call that failed, and why.
package struct LinuxError: Error, Equatable, Sendable, CustomStringConvertible {
    package var call: String
    /// An errno value.
    package var code: Int32
    /// The file or object in question.
    package var subject: String

    package init(_ call: String, _ code: Int32 = errno, on subject: String = "") {
        self.call = call
        self.code = code
        self.subject = subject
    }

    /// "No such file or directory".
    package var reason: String { unsafe String(cString: strerror(code)) }

    /// We may not.
    package var isForbidden: Bool { code == EPERM || code == EACCES }

    /// The kernel has no such thing.
    package var isMissing: Bool { code == ENOENT || code == ENODEV || code == ENXIO }

    /// The system lacks something for the moment: the same may work a second later.
    package var isPassing: Bool {
        [EMFILE, ENFILE, ENOMEM, ENOBUFS, EAGAIN, EINTR, EIO, ESTALE, ETIMEDOUT].contains(code)
    }

    /// Somebody else uses it.
    package var isBusy: Bool { code == EBUSY }

    package var description: String {
        subject.isEmpty ? "\(call): \(reason)" : "\(subject): \(reason) (\(call))"
    }
}
