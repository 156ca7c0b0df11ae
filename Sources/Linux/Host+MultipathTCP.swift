// SPDX-License-Identifier: Apache-2.0

extension Host {
    /// Whether sockets of Multipath TCP can be made in this network namespace (net.mptcp.enabled).
    package static var hasMultipathTCP: Bool {
        (try? Files.read("/proc/sys/net/mptcp/enabled", limit: 16))?.first == UInt8(ascii: "1")
    }
}
