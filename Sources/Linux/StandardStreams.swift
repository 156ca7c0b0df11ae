// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Standard input, output and error of the process.
package enum StandardStreams {
    /// Makes them harmless for a daemon; to be called before anything is opened.
    ///
    /// One that the parent has closed becomes /dev/null: otherwise the next file or socket would get
    /// its number, and what is meant for a person would be written there. Writing to a pipe without
    /// a reader, or beyond the limit of a file's size, becomes an error instead of a signal that
    /// ends the process.
    package static func prepare() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = unsafe open("/dev/null", O_RDWR)
        }
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
    }
}
