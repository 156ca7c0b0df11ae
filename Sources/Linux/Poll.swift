// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Waiting for several descriptors at once, by poll(2).
package enum Poll {
    /// Returns when one of `descriptors` can be read or has failed, or the time is over; nil: never.
    package static func readable(_ descriptors: [Int32], for time: Duration?) {
        var pollers = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let milliseconds = time.map { Int32(clamping: Int64(($0 / .milliseconds(1)).rounded(.up))) }
        _ = unsafe poll(&pollers, nfds_t(pollers.count), milliseconds ?? -1)
    }

    /// Whether `descriptor` can be written to, or has failed, before the time is over.
    package static func writable(_ descriptor: Int32, for time: Duration) -> Bool {
        var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&poller, 1, Int32(clamping: Int64(time / .milliseconds(1)))) > 0
    }
}
