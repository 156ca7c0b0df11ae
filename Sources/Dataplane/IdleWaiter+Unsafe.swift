// SPDX-License-Identifier: Apache-2.0
import CLinux

/// Descriptors that one thread waits for, laid out for the kernel once.
///
/// A handle; whoever made it destroys it when the thread has ended.
@safe
struct IdleWaiter: BitwiseCopyable, @unchecked Sendable {
    /// nil when memory is short: then it only sleeps.
    private let place: OpaquePointer?

    /// Negative descriptors are left out.
    init(_ descriptors: [Int32]) {
        let present = descriptors.filter { $0 >= 0 }
        unsafe place = unsafe present.withUnsafeBufferPointer { descriptors in
            unsafe CLinux_make_waiter(descriptors.baseAddress, UInt32(descriptors.count))
        }
    }

    func destroy() { unsafe CLinux_free_waiter(place) }

    /// Returns when one of the descriptors can be read or the time is over; whether it was one of them.
    ///
    /// Signals of eventfds are forgotten.
    func wait(_ nanoseconds: UInt64) -> Bool { unsafe CLinux_wait(place, nanoseconds) > 0 }
}
