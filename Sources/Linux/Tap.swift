// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// One end of a TAP interface: frames that the kernel sends there are read, frames that are written
/// arrive there.
///
/// Never blocks.
@safe
package struct Tap: Sendable, BitwiseCopyable {
    package let descriptor: Int32

    /// Opens the interface `name`; makes it, until `close`, when it is not there (CAP_NET_ADMIN).
    ///
    /// With `isTunnel` it is a TUN: IP packets pass in the place of frames.
    package init(_ name: String, isTunnel: Bool = false) throws(LinuxError) {
        descriptor = unsafe name.withCString {
            unsafe isTunnel ? CLinux_open_tun($0) : CLinux_open_tap($0)
        }
        guard descriptor >= 0 else { throw LinuxError("TUNSETIFF", on: name) }
    }

    /// Whether there is an interface of this name.
    package static func exists(_ name: String) -> Bool {
        unsafe name.withCString { unsafe if_nametoindex($0) } != 0
    }

    /// Whether the interface of this name is a TAP, of whatever process.
    package static func isTap(_ name: String) -> Bool {
        unsafe name.withCString { unsafe CLinux_is_tap($0) } == 1
    }

    /// Whether the interface of this name is a TUN, of whatever process.
    package static func isTun(_ name: String) -> Bool {
        unsafe name.withCString { unsafe CLinux_is_tun($0) } == 1
    }

    /// Whether this is still an end of the interface `name`, which anybody may delete or rename.
    package func isAttached(to name: String) -> Bool {
        unsafe name.withCString { unsafe CLinux_is_attached(descriptor, $0) } == 1
    }

    package func close() { Glibc.close(descriptor) }

    /// The next frame, into at most `room` octets at `base`; nil when there is none.
    package func read(into base: UnsafeMutableRawPointer, room: Int) -> Int? {
        let count = unsafe Glibc.read(descriptor, base, room)
        return count > 0 ? count : nil
    }

    /// Whether the kernel took the frame of `count` octets at `base`.
    package func write(_ base: UnsafeRawPointer, count: Int) -> Bool {
        unsafe Glibc.write(descriptor, base, count) == count
    }

    /// Shows the link of a port as the carrier of the interface.
    package func setCarrier(_ isUp: Bool) throws(LinuxError) {
        guard CLinux_set_carrier(descriptor, isUp ? 1 : 0) == 0 else {
            throw LinuxError("TUNSETCARRIER")
        }
    }
}

/// Interfaces of the kernel, by name, as far as companions need them.
package enum NetworkInterface {
    /// Gives an interface the link-layer `address`, a 48-bit number, unless it has none, and the
    /// MTU, and switches it on; what it has already needs no privilege.
    package static func prepare(
        _ name: String,
        address: UInt64?,
        mtu: Int
    ) throws(LinuxError) {
        if let address { try set(address, of: name) }
        guard unsafe name.withCString({ unsafe CLinux_set_mtu($0, Int32(mtu)) }) == 0 else {
            throw LinuxError("SIOCSIFMTU", on: name)
        }
        guard unsafe name.withCString({ unsafe CLinux_set_up($0) }) == 0 else {
            throw LinuxError("SIOCSIFFLAGS", on: name)
        }
    }

    private static func set(_ address: UInt64, of name: String) throws(LinuxError) {
        let octets = (0..<6).map { UInt8(truncatingIfNeeded: address >> UInt64(40 - 8 * $0)) }
        let isAddressed = unsafe octets.withUnsafeBufferPointer { octets in
            unsafe name.withCString { name in
                unsafe octets.baseAddress.map { unsafe CLinux_set_hardware_address(name, $0) }
            }
        }
        guard isAddressed == 0 else { throw LinuxError("SIOCSIFHWADDR", on: name) }
    }

    /// Link-layer groups that the kernel has joined, by interface, as 48-bit numbers: the list of
    /// `/proc/net/dev_mcast`, whose lines are index, name, users, global users and address.
    package static func groups(in path: String = "/proc/net/dev_mcast") -> [String: Set<UInt64>] {
        let list = (try? Files.read(path, limit: 1 << 20)) ?? []
        var groups: [String: Set<UInt64>] = [:]
        for line in String(decoding: list, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 5, words[4].count == 12, let group = UInt64(words[4], radix: 16)
            else { continue }
            groups[String(words[1]), default: []].insert(group)
        }
        return groups
    }
}
