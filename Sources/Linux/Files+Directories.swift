// SPDX-License-Identifier: Apache-2.0
import Glibc

extension Files {
    /// Runs `body` with a descriptor of the directory `path`, which is closed afterwards.
    package static func withDirectory<Result, Failure: Error>(
        _ path: String,
        orThrow failure: (LinuxError) -> Failure,
        _ body: (Int32) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(LinuxError("open", on: path)) }
        defer { close(descriptor) }
        return try body(descriptor)
    }
}
