// SPDX-License-Identifier: Apache-2.0
import CSystemd
import Glibc

/// What a supervisor that speaks sd_notify(3) is told; silent where there is none.
package enum Systemd {
    package static func ready(_ status: String) { notify("READY=1\nSTATUS=\(status)") }

    package static func reloading() {
        notify("RELOADING=1\nMONOTONIC_USEC=\(Host.monotonicNanoseconds / 1000)")
    }

    package static func stopping(_ status: String) { notify("STOPPING=1\nSTATUS=\(status)") }

    package static func alive() { notify("WATCHDOG=1") }

    /// How often `alive` must come at least; nil when nobody watches.
    package static var watchdogInterval: Duration? {
        var microseconds: UInt64 = 0
        guard unsafe sd_watchdog_enabled(0, &microseconds) > 0 else { return nil }
        return .microseconds(microseconds)
    }

    private static func notify(_ state: String) { unsafe sd_notify(0, state) }
}
