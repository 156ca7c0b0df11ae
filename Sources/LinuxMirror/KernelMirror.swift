// SPDX-License-Identifier: Apache-2.0
import Addressing
import Glibc
import Linux
import Synchronization

/// Follows what other programs set on some kernel interfaces, in the network namespace in which it
/// was made.
///
/// An interface may appear later, vanish, come back and be renamed: its name decides. Which names
/// they are may change.
package final class KernelMirror: Sendable {
    /// What it did since the start.
    package struct Counts: Equatable, Sendable {
        /// Times that everything was read.
        package var reads: UInt64 = 0
        /// Views that differed from the one before.
        package var changes: UInt64 = 0
        /// Times that the kernel dropped notifications; everything was read again.
        package var overruns: UInt64 = 0
        /// Times that the kernel could not be read; it was asked again.
        package var failures: UInt64 = 0
    }

    /// Whom it follows.
    private struct Names {
        var names: Set<String>
        /// Somebody has set them since they were read.
        var isNew = false
    }

    private struct Sockets: ~Copyable {
        let reader: NetlinkReader
        let watch: NetlinkWatch
    }

    /// The first view comes at once, others when something has changed; ends with `stop`.
    ///
    /// For one listener; who is slow gets the latest view only.
    package let views: AsyncStream<KernelView>

    private let continuation: AsyncStream<KernelView>.Continuation
    private let wanted: Mutex<Names>
    private let quiet: Duration
    private let sockets: Mutex<Sockets>
    private let descriptor: Int32
    private let state = Mutex(Counts())
    private let wake: EventFD
    private let isStopped = Atomic(false)

    /// How long after a failure the kernel is asked again.
    private static let retry = Duration.seconds(1)

    /// `quiet`: how long changes gather before they are read; `buffer`: octets of notifications
    /// that may wait.
    package init(
        _ names: some Sequence<String>,
        quiet: Duration = .milliseconds(10),
        buffer: Int = 1 << 20
    ) throws(NetlinkError) {
        wanted = Mutex(Names(names: Set(names)))
        self.quiet = quiet
        do {
            wake = try EventFD()
        } catch {
            throw NetlinkError(call: error.call, reason: error.reason)
        }
        let watch = try NetlinkWatch(buffer: buffer)
        descriptor = watch.descriptor
        sockets = Mutex(Sockets(reader: try NetlinkReader(), watch: watch))
        (views, continuation) = AsyncStream.makeStream(
            of: KernelView.self,
            bufferingPolicy: .bufferingNewest(1)
        )
    }

    package var counts: Counts { state.withLock { $0 } }

    /// Follows on a thread of its own, until `stop`; once.
    package func start() {
        _ = Thread(name: "kernel-mirror") { self.follow() }
    }

    /// Follows interfaces of these names from now on.
    ///
    /// The next view comes even when it is equal to
    /// the one before. Any thread.
    package func follow(_ names: some Sequence<String>) {
        let names = Set(names)
        wanted.withLock { $0 = Names(names: names, isNew: true) }
        wake.signal()
    }

    /// Ends the views; any thread.
    package func stop() {
        isStopped.store(true, ordering: .relaxed)
        wake.signal()
    }

    // MARK: - The thread

    private func follow() {
        var due: ContinuousClock.Instant? = .now
        var indices: Set<Int32> = []
        var last: KernelView?
        var names = wanted.withLock(\.names)
        while true {
            wait(until: due)
            guard !isStopped.load(ordering: .relaxed) else { break }
            if hear(names, indices, last) { due = due ?? .now + quiet }
            if let others = takeNames() {
                (names, last) = (others, nil)
                due = .now
            }
            guard let time = due, time <= .now else { continue }
            due = nil
            do {
                let (view, now) = try read(names)
                indices = now
                if view != last { publish(view) }
                last = view
            } catch {
                state.withLock { $0.failures += 1 }
                due = .now + Self.retry
            }
        }
        continuation.finish()
    }

    private func takeNames() -> Set<String>? {
        wanted.withLock { wanted in
            defer { wanted.isNew = false }
            return wanted.isNew ? wanted.names : nil
        }
    }

    private func hear(
        _ names: Set<String>,
        _ indices: Set<Int32>,
        _ last: KernelView?
    ) -> Bool {
        let neighbours = Set(last?.links.flatMap(\.neighbours).map(\.address) ?? [])
        let news = sockets.withLock { $0.watch.receive(names, indices, neighbours) }
        if news.isOverrun { state.withLock { $0.overruns += 1 } }
        return news.isRelevant
    }

    private func read(_ names: Set<String>) throws(NetlinkError) -> (KernelView, Set<Int32>) {
        state.withLock { $0.reads += 1 }
        return try sockets.withLock { sockets throws(NetlinkError) in
            try sockets.reader.read(names)
        }
    }

    private func publish(_ view: KernelView) {
        state.withLock { $0.changes += 1 }
        continuation.yield(view)
    }

    private func wait(until due: ContinuousClock.Instant?) {
        Poll.readable([descriptor, wake.descriptor], for: due.map { max(.zero, $0 - .now) })
        // Forgets the signals.
        wake.wait(for: .zero)
    }
}
