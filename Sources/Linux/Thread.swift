// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Synchronization

/// A thread of the operating system, for loops that must not share one with tasks.
@safe
package final class Thread: Sendable {
    private let body: @Sendable () -> Void
    private let name: String
    private let handle = Mutex<pthread_t?>(nil)

    /// Starts `body` on a thread of its own; `name` has at most 15 characters.
    package init(name: String, _ body: @escaping @Sendable () -> Void) {
        self.body = body
        self.name = String(name.prefix(15))
        handle.withLock { handle in
            var created = pthread_t()
            let context = unsafe Unmanaged.passRetained(self).toOpaque()
            let result = unsafe pthread_create(
                &created,
                nil,
                { context in
                    guard let context = unsafe context else { return nil }
                    let thread = unsafe Unmanaged<Thread>.fromOpaque(context).takeRetainedValue()
                    unsafe CLinux_name_thread(thread.name)
                    thread.body()
                    return nil
                },
                context
            )
            precondition(result == 0, "pthread_create failed: \(result)")
            handle = created
        }
    }

    /// Waits until the thread has ended; once.
    package func join() {
        let created = handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
        if let created { pthread_join(created, nil) }
    }
}
