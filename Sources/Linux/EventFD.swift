// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A counter in the kernel that one thread waits for and others raise.
package final class EventFD: Sendable {
    package let descriptor: Int32

    package init() throws(LinuxError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard descriptor >= 0 else { throw LinuxError("eventfd") }
    }

    deinit { close(descriptor) }

    /// Any thread.
    package func signal() { CLinux_signal_event(descriptor) }

    /// Returns when somebody has signalled or the time is over, and forgets the signals.
    package func wait(for time: Duration) {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let (seconds, attoseconds) = time.components
        unsafe poll(&poller, 1, Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000))
        var count: UInt64 = 0
        unsafe read(descriptor, &count, 8)
    }
}
