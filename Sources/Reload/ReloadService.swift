// SPDX-License-Identifier: Apache-2.0
package import Linux
package import Model

/// Reloads when the files change, and when somebody asks.
package actor ReloadService {
    private enum Wake: Sendable {
        /// From the watch with this number.
        case event(DirectoryWatch.Event, watch: Int)
        /// Time to look whether something is due.
        case due
        /// Time to read once more what could not be read.
        case readAgain
        /// Somebody else has reloaded.
        case reloaded
    }

    private let reloader: Reloader
    private let onTrouble: @Sendable (LinuxError) -> Void
    private let wakes: AsyncStream<Wake>
    private let wake: AsyncStream<Wake>.Continuation

    private var debouncer: Debouncer
    private var timer: Task<Void, Never>?
    private var plan = WatchPlan([])
    private var watch: DirectoryWatch?
    private var forwarder: Task<Void, Never>?
    private var watchNumber = 0

    /// How often the files are read where they cannot be watched.
    private static let pollInterval = Duration.seconds(2)

    /// `onTrouble` hears why directories cannot be watched; the files are polled then.
    package init(
        _ reloader: Reloader,
        debouncer: Debouncer = Debouncer(),
        onTrouble: @escaping @Sendable (LinuxError) -> Void = { _ in }
    ) {
        self.reloader = reloader
        self.debouncer = debouncer
        self.onTrouble = onTrouble
        (wakes, wake) = AsyncStream.makeStream(of: Wake.self)
    }

    /// Reads the files at once, for a signal or a command, and watches where they are now.
    package func reloadNow(reason: String) async -> ReloadReport {
        let report = await reloader.reload(reason: reason)
        wake.yield(.reloaded)
        return report
    }

    /// Watches until the task is cancelled; once.
    package func run() async {
        await watchAgain()
        for await event in wakes {
            await handle(event)
        }
        stopWatching()
        timer?.cancel()
    }

    private func handle(_ wake: Wake) async {
        switch wake {
        case .event(let event, let number) where number == watchNumber:
            await noticed(event)
        case .event: break
        case .reloaded: await watchAgainIfMoved()
        case .readAgain:
            timer = nil
            _ = await reloader.reloadIfChanged(reason: "file")
            await watchAgainIfMoved()
            startTimer()
        case .due:
            timer = nil
            if debouncer.due(at: .now) {
                _ = await reloader.reloadIfChanged(reason: "file")
                await watchAgainIfMoved()
            }
            startTimer()
        }
        // What the system lacked, such as a descriptor, may be there again.
        if await reloader.mustReadAgain { readAgainSoon() }
    }

    /// Between two attempts to read files that cannot be read for the moment.
    private static let readAgainInterval = Duration.seconds(1)

    private func readAgainSoon() {
        guard timer == nil else { return }
        timer = Task { [wake] in
            try? await Task.sleep(for: Self.readAgainInterval)
            wake.yield(.readAgain)
        }
    }

    private func noticed(_ event: DirectoryWatch.Event) async {
        switch event {
        case .changed(let directory, _) where plan.present[directory] == nil:
            // Above a directory that is missing: only its way back is of interest.
            await watchAgainIfMoved()
        case .changed, .overflow:
            noteChange()
        case .gone:
            await watchAgain()
        }
    }

    private func noteChange() {
        debouncer.received(at: .now)
        startTimer()
    }

    private func startTimer() {
        guard timer == nil, let due = debouncer.due else { return }
        timer = Task { [wake] in
            try? await Task.sleep(until: due, clock: .continuous)
            wake.yield(.due)
        }
    }

    // MARK: - Watching

    private func watchAgainIfMoved() async {
        if WatchPlan(await reloader.directories) != plan { await watchAgain() }
    }

    /// Whatever happened while nothing was watched is found by reading the files once more.
    private func watchAgain() async {
        stopWatching()
        let directories = await reloader.directories
        do {
            repeat {
                plan = WatchPlan(directories)
                var missing: [String] = []
                watch = try DirectoryWatch(plan.paths, missing: &missing)
            } while WatchPlan(directories) != plan
            forward()
            noteChange()
        } catch {
            onTrouble(error)
            poll()
        }
    }

    private func forward() {
        guard let events = watch?.events else { return }
        let number = watchNumber
        forwarder = Task { [wake] in
            for await event in events { wake.yield(.event(event, watch: number)) }
        }
    }

    /// Overflow means that anything may have changed, which is all that a poll knows.
    private func poll() {
        let number = watchNumber
        forwarder = Task { [wake] in
            while (try? await Task.sleep(for: Self.pollInterval)) != nil {
                wake.yield(.event(.overflow, watch: number))
            }
        }
    }

    private func stopWatching() {
        watch?.stop()
        watch = nil
        forwarder?.cancel()
        forwarder = nil
        watchNumber += 1
    }
}
