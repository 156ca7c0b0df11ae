// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A connected stream socket of the unix domain, for one thread that may wait.
@safe
package final class UnixStream {
    private let descriptor: Int32

    /// Octets of a path, which `sun_path` of unix(7) ends with a zero.
    package static let longestPath = 107

    /// Connects to whoever listens at `path`; reads and writes fail with `EAGAIN` when the other side
    /// says nothing for `patience` seconds.
    package init(to path: String, patience: Int) throws(LinuxError) {
        guard path.utf8.count <= Self.longestPath else {
            throw LinuxError("connect", ENAMETOOLONG, on: path)
        }
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw LinuxError("socket", on: path) }
        var time = timeval(tv_sec: patience, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            unsafe setsockopt(descriptor, SOL_SOCKET, option, &time, size)
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { place in
            unsafe place.copyBytes(from: path.utf8)
        }
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw LinuxError("connect", on: path) }
    }

    deinit { close(descriptor) }

    package func write(_ octets: [UInt8]) throws(LinuxError) {
        try Files.write(octets, to: descriptor)
    }

    /// What has come, at least one octet; nil when the other side has ended.
    package func read() throws(LinuxError) -> [UInt8]? {
        var octets = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe Glibc.read(descriptor, &octets, octets.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw LinuxError("read") }
            octets.removeLast(octets.count - count)
            return count == 0 ? nil : octets
        }
    }
}
