// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Files and directories, by path.
package enum Files {
    /// What tells one version of a file from another.
    package struct Identity: Hashable, Sendable {
        package var device: UInt64
        package var inode: UInt64
        package var size: Int
        /// Nanoseconds since 1970.
        package var modified: Int
    }

    /// The whole of a file; throws `EFBIG` when it has more than `limit` octets.
    package static func read(_ path: String, limit: Int) throws(LinuxError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw LinuxError("open", on: path) }
        defer { close(descriptor) }
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
            guard count >= 0 else {
                if errno == EINTR { continue }
                throw LinuxError("read", on: path)
            }
            guard count > 0 else { return result }
            result += chunk.prefix(count)
            guard result.count <= limit else { throw LinuxError("read", EFBIG, on: path) }
        }
    }

    /// Opens a plain file that only its owner may open, to read and write; makes it when it is not
    /// there.
    ///
    /// Never follows a link at its place: who made that would choose what we write to.
    static func openPrivately(_ path: String) throws(LinuxError) -> Int32 {
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        let descriptor = unsafe open(path, flags, 0o600)
        guard descriptor >= 0 else { throw LinuxError("open", on: path) }
        var facts = stat()
        let isPlain = unsafe fstat(descriptor, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
        guard isPlain else {
            close(descriptor)
            throw LinuxError("open", EINVAL, on: path)
        }
        // An earlier version made it readable for all.
        if facts.st_mode & 0o077 != 0 { fchmod(descriptor, 0o600) }
        return descriptor
    }

    /// Whether this process may write to a file that is there.
    package static func isWritable(_ path: String) -> Bool { unsafe access(path, W_OK) == 0 }

    /// Replaces or creates a file.
    package static func write(_ bytes: [UInt8], to path: String) throws(LinuxError) {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw LinuxError("open", on: path) }
        defer { close(descriptor) }
        try write(bytes, to: descriptor, of: path)
    }

    /// Everything that can be read from the open file `descriptor`, to its end.
    package static func readAll(from descriptor: Int32) throws(LinuxError) -> [UInt8] {
        var all: [UInt8] = []
        var octets = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe Glibc.read(descriptor, &octets, octets.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw LinuxError("read") }
            if count == 0 { return all }
            all += octets.prefix(count)
        }
    }

    /// Writes all of `bytes` to the open file `descriptor`, which errors call `path`.
    package static func write(
        _ bytes: [UInt8],
        to descriptor: Int32,
        of path: String = ""
    ) throws(LinuxError) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { all in
                unsafe Glibc.write(
                    descriptor,
                    all.baseAddress.map { unsafe $0 + written },
                    all.count - written
                )
            }
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                throw LinuxError("write", on: path)
            }
            written += count
        }
    }

    /// Names in a directory, sorted, without `.` and `..`; throws `EFBIG` when there are more than
    /// `limit`.
    package static func list(_ path: String, limit: Int = .max) throws(LinuxError) -> [String] {
        guard let directory = unsafe opendir(path) else { throw LinuxError("opendir", on: path) }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(directory) else {
                if errno != 0 { throw LinuxError("readdir", on: path) }
                return names.sorted()
            }
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name != ".", name != ".." else { continue }
            guard names.count < limit else { throw LinuxError("readdir", EFBIG, on: path) }
            names.append(name)
        }
    }

    /// Links are followed; nil when there is no such file.
    package static func identity(of path: String) -> Identity? {
        var facts = stat()
        guard unsafe stat(path, &facts) == 0 else { return nil }
        return Identity(
            device: UInt64(facts.st_dev),
            inode: UInt64(facts.st_ino),
            size: Int(facts.st_size),
            modified: Int(facts.st_mtim.tv_sec) * 1_000_000_000 + Int(facts.st_mtim.tv_nsec)
        )
    }

    package static func isDirectory(_ path: String) -> Bool {
        var facts = stat()
        return unsafe stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }

    /// Whether a file has octets to be read: no directory, device, pipe or socket.
    package static func isRegular(_ path: String) -> Bool {
        var facts = stat()
        return unsafe stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
    }

    /// Opens what is closed of standard input, output and error, so that nothing else that is opened
    /// takes their place; first of all things.
    package static func openStandardStreams() {
        for descriptor in Int32(0)...2 where fcntl(descriptor, F_GETFD) == -1 {
            _ = unsafe open("/dev/null", O_RDWR)
        }
    }

    /// Whether the process may open the file for both, as far as permissions and the device control
    /// group tell.
    package static func isReadableAndWritable(_ path: String) -> Bool {
        unsafe faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0
    }

    /// The path without links; nil when there is no such file.
    package static func resolve(_ path: String) -> String? {
        guard let resolved = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    /// What a symbolic link says; nil when it is none.
    package static func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink(path, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Makes a directory and those above it.
    package static func makeDirectory(_ path: String, mode: UInt32 = 0o755) throws(LinuxError) {
        var made = ""
        for part in path.split(separator: "/") {
            made += (made.isEmpty && !path.hasPrefix("/") ? "" : "/") + part
            if unsafe mkdir(made, mode) != 0, errno != EEXIST, !isDirectory(made) {
                throw LinuxError("mkdir", on: made)
            }
        }
    }

    /// Makes a directory that only its owner may enter; those above it are for all.
    package static func makePrivateDirectory(_ path: String) throws(LinuxError) {
        if let slash = path.lastIndex(of: "/") { try makeDirectory(String(path[..<slash])) }
        try makeDirectory(path, mode: 0o700)
        // One that is another user's is that user's to close.
        unsafe chmod(path, 0o700)
    }

    /// Takes the place of what is at the other path.
    package static func move(_ path: String, to other: String) throws(LinuxError) {
        guard unsafe rename(path, other) == 0 else { throw LinuxError("rename", on: path) }
    }

    package static func remove(_ path: String) { unsafe unlink(path) }

    /// Takes away a directory that is empty; others stay.
    package static func removeDirectory(_ path: String) { unsafe rmdir(path) }
}
