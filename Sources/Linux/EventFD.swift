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
        var none: [Int32] = []
        wait(for: time, or: &none)
    }

    /// Returns when somebody has signalled, one of `others` can be read, or the time is over, and
    /// forgets the signals; those of `others` that will never be read again are left out.
    package func wait(for time: Duration, or others: inout [Int32]) {
        var pollers = ([descriptor] + others)
            .map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let (seconds, attoseconds) = time.components
        let milliseconds = Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000)
        unsafe poll(&pollers, nfds_t(pollers.count), milliseconds)
        let broken = pollers.filter { $0.revents & Int16(POLLERR | POLLHUP | POLLNVAL) != 0 }
        others.removeAll { other in broken.contains { $0.fd == other } }
        var count: UInt64 = 0
        unsafe read(descriptor, &count, 8)
    }
}
