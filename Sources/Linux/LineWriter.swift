// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Synchronization

/// Writes lines to a descriptor from a thread of its own, so that whoever has something to say never
/// waits for it and never fails with it.
///
/// Lines wait in a queue of bounded size. A descriptor that takes nothing (a full disk, a pipe that
/// nobody reads, a terminal that was stopped) is asked again every second. Lines that find no room
/// meanwhile are lost and counted; a line in their place says so as soon as there is room again.
package final class LineWriter: Sendable {
    /// Octets that may wait: some ten thousand lines.
    package static let capacity = 1 << 20
    /// A pipe that poll(2) calls writable has room for this much, so that a write does not block.
    private static let chunk = 4096
    private static let retryInterval = DispatchTimeInterval.seconds(1)

    private struct State {
        var waiting: [UInt8] = []
        /// Lines that were lost since the last one that found room.
        var lost: UInt64 = 0
        /// Lines that were lost since the start.
        var allLost: UInt64 = 0
        /// Whether the thread has lines that are not written yet.
        var isWriting = false
        var isClosed = false
    }

    private let descriptor: Int32
    private let capacity: Int
    private let notice: @Sendable (UInt64) -> String
    private let state = Mutex(State())
    private let wakes = DispatchSemaphore(value: 0)

    /// Makes a writer of lines to `descriptor`, which stays the caller's.
    ///
    /// `notice` is the line that stands in the place of as many lost
    /// ones as its argument says.
    package init(
        _ descriptor: Int32,
        capacity: Int = LineWriter.capacity,
        notice: @escaping @Sendable (UInt64) -> String
    ) {
        self.descriptor = descriptor
        self.capacity = capacity
        self.notice = notice
        _ = Thread(name: "log") { [self] in work() }
    }

    /// Lines that were lost since the start.
    package var lostLines: UInt64 { state.withLock { $0.allLost } }

    /// Queues `line`, which gets its newline here; never waits.
    package func append(_ line: String) {
        let isQueued = state.withLock { state in
            guard !state.isClosed, state.waiting.count + line.utf8.count < capacity else {
                state.lost += 1
                state.allLost += 1
                return false
            }
            if state.lost > 0 {
                state.waiting += Array("\(notice(state.lost))\n".utf8)
                state.lost = 0
            }
            state.waiting += Array("\(line)\n".utf8)
            return true
        }
        if isQueued { wakes.signal() }
    }

    /// Waits until everything is written, but not longer than `limit`.
    package func flush(within limit: Duration) {
        let deadline = ContinuousClock.now + limit
        while state.withLock({ $0.isWriting || !$0.waiting.isEmpty }), .now < deadline {
            usleep(1000)
        }
    }

    /// Writes nothing more; the descriptor may be closed when the thread has noticed.
    package func close() {
        state.withLock { $0.isClosed = true }
        wakes.signal()
    }

    // MARK: - The thread

    private func work() {
        while true {
            wakes.wait()
            let batch: [UInt8]? = state.withLock { state in
                guard !state.isClosed else { return nil }
                defer { state.waiting = [] }
                state.isWriting = true
                return state.waiting
            }
            guard let batch else { return }
            write(batch)
            let hasMore = state.withLock { state in
                state.isWriting = false
                return !state.waiting.isEmpty
            }
            // The wakes for these may have been used up while the descriptor took nothing.
            if hasMore { wakes.signal() }
        }
    }

    /// Returns when all is written or the writer is closed.
    private func write(_ bytes: [UInt8]) {
        var written = 0
        while written < bytes.count, !state.withLock({ $0.isClosed }) {
            guard Poll.writable(descriptor, for: .seconds(1)) else { continue }
            let count = unsafe bytes.withUnsafeBytes { all in
                unsafe Glibc.write(
                    descriptor,
                    all.baseAddress.map { unsafe $0 + written },
                    min(Self.chunk, all.count - written)
                )
            }
            if count > 0 {
                written += count
            } else if errno != EINTR, errno != EAGAIN {
                // A signal of `append` only means that this is tried earlier.
                _ = wakes.wait(timeout: .now() + Self.retryInterval)
            }
        }
    }
}
