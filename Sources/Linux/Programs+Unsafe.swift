// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// Programs that this process starts, or becomes.
package enum Programs {
    /// Starts the program at `path` and returns its number.
    ///
    /// From now on it gets the signals that end or steer servers. For one program in a process.
    package static func start(_ path: String, _ words: [String]) throws(LinuxError) -> Int32 {
        let process = unsafe withWords(words) { unsafe CLinux_spawn(path, $0) }
        guard process > 0 else { throw LinuxError("posix_spawn", on: path) }
        return process
    }

    /// Blocks until it has ended; its exit code, or 128 and the number of the signal that ended it.
    package static func wait(for process: Int32) throws(LinuxError) -> Int32 {
        let status = CLinux_wait_for(process)
        guard status >= 0 else { throw LinuxError("waitpid", on: "process \(process)") }
        return status
    }

    /// Gives up `capabilities` for good and becomes the program that `words` begin with.
    ///
    /// Returns only when that failed.
    package static func become(
        _ words: [String],
        without capabilities: Capabilities
    ) -> LinuxError {
        _ = unsafe withWords(words) { unsafe CLinux_become(words[0], $0, capabilities.rawValue) }
        return LinuxError("execvp", on: words[0])
    }

    private static func withWords<Result>(
        _ words: [String],
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers = unsafe words.map { unsafe strdup($0) } + [nil]
        defer { unsafe pointers.forEach { unsafe free($0) } }
        return unsafe body(&pointers)
    }
}
