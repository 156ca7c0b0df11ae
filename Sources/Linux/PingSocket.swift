// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// Sockets for echo requests.
package enum PingSocket {
    /// A socket that never blocks and belongs to the caller: one of the kernel's ping sockets where
    /// `net.ipv4.ping_group_range` has this process's group, else a raw one, which needs CAP_NET_RAW.
    package static func open(
        isIPv6: Bool,
        from source: String?,
        by interface: String?
    ) throws(LinuxError) -> Int32 {
        var index: Int32 = 0
        if let interface {
            guard let found = KernelLink.index(of: interface) else {
                throw LinuxError("if_nametoindex", on: interface)
            }
            index = found
        }
        let descriptor = unsafe (source ?? "")
            .withCString { unsafe CLinux_open_ping(isIPv6 ? 1 : 0, $0, index) }
        guard descriptor >= 0 else { throw LinuxError("socket", on: "ICMP") }
        return descriptor
    }

    /// Another descriptor of the same socket.
    package static func copy(of descriptor: Int32) throws(LinuxError) -> Int32 {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw LinuxError("fcntl", on: "ICMP") }
        return copy
    }
}
