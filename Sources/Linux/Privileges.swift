// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// What the process may do beyond what any process may.
package enum Privileges {
    /// Takes from every thread all capabilities but `kept`, and from programs that it starts the way
    /// to get any (`no_new_privs`, prctl(2)).
    ///
    /// Threads are asked by a signal that interrupts their system calls. Throws when one did not
    /// answer or could not; `held` tells what is left.
    package static func limit(to kept: Capabilities) throws(LinuxError) {
        guard CLinux_limit_privileges(kept.rawValue) == 0 else { throw LinuxError("capset") }
    }

    /// The user that the process acts as.
    package static var user: UInt32 { geteuid() }

    /// What some thread of the process may do, or may take up.
    package static var held: Capabilities {
        statuses.reduce(into: []) { held, status in
            held.formUnion(Capabilities("CapPrm", ofStatus: status) ?? [])
        }
    }

    /// Whether no thread can gain anything by starting a program.
    package static var cannotGain: Bool {
        statuses.allSatisfy { $0.contains("\nNoNewPrivs:\t1\n") }
    }

    private static var statuses: [String] {
        let tasks = (try? Files.list("/proc/self/task")) ?? []
        return tasks.compactMap { task in
            // A thread may have ended meanwhile.
            (try? Files.read("/proc/self/task/\(task)/status", limit: 1 << 16))
                .map { String(decoding: $0, as: UTF8.self) }
        }
    }
}
