// SPDX-License-Identifier: Apache-2.0

/// A set of capabilities(7).
package struct Capabilities: OptionSet, Equatable, Sendable, CustomStringConvertible {
    package var rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Numbered as in linux/capability.h.
    private static let names = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
        "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
        "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
        "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
        "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
        "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
    ]

    private init(_ name: String) {
        rawValue = Self.names.firstIndex(of: name).map { 1 << UInt64($0) } ?? 0
    }

    /// Reading any file, whoever owns it.
    package static let readFiles = Capabilities("DAC_READ_SEARCH")
    /// Making and changing network interfaces.
    package static let netAdmin = Capabilities("NET_ADMIN")
    /// Packet sockets; flow rules of devices that share their driver with the kernel.
    package static let netRaw = Capabilities("NET_RAW")
    /// Locking any amount of memory.
    package static let ipcLock = Capabilities("IPC_LOCK")
    /// Among much else, physical addresses in /proc/self/pagemap.
    package static let admin = Capabilities("SYS_ADMIN")
    /// Access to I/O ports and to devices without an IOMMU.
    package static let rawIO = Capabilities("SYS_RAWIO")

    /// Loading BPF programs and looking at them.
    package static let bpf = Capabilities("BPF")
    /// Among much else, BPF programs that read memory of the kernel and of processes.
    package static let perfmon = Capabilities("PERFMON")

    /// Reads `field` ("CapEff") of a text such as /proc/self/status.
    package init?(_ field: String, ofStatus text: String) {
        let line = text.split(separator: "\n").first { $0.hasPrefix(field + ":") }
        guard let digits = line?.split(whereSeparator: \.isWhitespace).last,
            let value = UInt64(digits, radix: 16)
        else { return nil }
        rawValue = value
    }

    /// As Kubernetes names them, in the kernel's order.
    package var words: [String] {
        Self.names.enumerated().filter { rawValue >> UInt64($0.offset) & 1 == 1 }.map(\.element)
    }

    /// "NET_RAW, IPC_LOCK", "all", "all but SYS_BOOT" or "none".
    package var description: String { Self.text(words) }

    /// The same of names.
    package static func text(_ words: [String]) -> String {
        let others = names.filter { !words.contains($0) }
        if others.isEmpty { return "all" }
        if others.count < 4 { return "all but \(others.joined(separator: ", "))" }
        return words.isEmpty ? "none" : words.joined(separator: ", ")
    }
}
