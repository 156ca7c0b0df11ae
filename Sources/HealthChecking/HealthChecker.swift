// SPDX-License-Identifier: Apache-2.0
import Addressing
import Foundation
package import Model
import NIOCore
import NIOPosix

/// Asks the backends of what runs whether they serve, and tells of verdicts.
///
/// It has a thread of its own, on whose event loop probes, times and verdicts live together. It knows
/// nothing of the dataplane: whoever takes its events brings verdicts there.
package actor HealthChecker {
    private let group: MultiThreadedEventLoopGroup
    private nonisolated let loop: any EventLoop
    private let prober: Prober
    private let pinger: Pinger
    private nonisolated let teller: AsyncStream<CheckEvent>.Continuation
    /// What it finds out; for one listener.
    package nonisolated let events: AsyncStream<CheckEvent>

    /// Probes at once.
    private var budget = 1024
    private var running = 0
    /// Watches whose time has come while too many probes ran, oldest first.
    private var waiting: [Int] = []
    private var firstWaiting = 0

    private var services: [Service.Key: Followed] = [:]
    private var watches: [Int: Watch] = [:]
    private var identities: [ProbeTarget: Int] = [:]
    private var lastIdentity = 0
    /// Why probes cannot be made, as it was told.
    private var complaint = ""

    /// A service, which watches each of its backends has, and what they amount to.
    private struct Followed {
        var service: Service
        var watches: [Endpoint: [Int]]
        /// Those that are not unknown.
        var states: [Endpoint: BackendVerdict.State]
    }

    /// The loop's thread; the actor holds the loop, so it lives as long as whoever asks.
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.executor.asUnownedSerialExecutor()
    }

    package init() {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        loop = group.next()
        prober = Prober(on: loop)
        pinger = Pinger(on: loop)
        (events, teller) = AsyncStream.makeStream()
    }

    /// Opens what needs privileges that the process gives up.
    package func prepare() { pinger.prepare() }

    /// Follows what runs until the stream ends or the task is cancelled; what runs then is asked on.
    package nonisolated func run(_ states: AsyncStream<DesiredState>) async {
        for await state in states { await follow(state) }
    }

    /// Ends everything; nothing may be asked of it any more.
    package nonisolated func shutDown() async {
        await stop()
        teller.finish()
        try? await group.shutdownGracefully()
    }

    private func stop() {
        for watch in watches.values { watch.next?.cancel() }
        watches = [:]
    }

    // MARK: - What runs

    /// Begins to ask new backends, and asks those no more that are gone; what is known of the others
    /// stays.
    package func follow(_ state: DesiredState) {
        budget = state.settings.integer("global_defs.health_check_probes")
        var gone = services
        var fresh: [Int] = []
        for service in state.services where service.hasHealthChecks {
            gone[service.key] = nil
            if services[service.key]?.service != service { update(service, &fresh) }
        }
        var changes: [VerdictChange] = []
        for (key, followed) in gone {
            for (endpoint, ids) in followed.watches {
                for id in ids { drop(id, key, endpoint) }
                services[key]?.watches[endpoint] = nil
                if let change = judge(endpoint, of: key) { changes.append(change) }
            }
            services[key] = nil
        }
        tell(changes)
        begin(fresh)
    }

    private func update(_ service: Service, _ fresh: inout [Int]) {
        let key = service.key
        let before = services[key] ?? Followed(service: service, watches: [:], states: [:])
        var now: [Endpoint: [Int]] = [:]
        for backend in service.backends {
            let endpoint = backend.endpoint
            for check in service.healthChecks(of: backend) {
                let target = ProbeTarget(check, of: backend, in: service)
                let old = before.watches[endpoint] ?? []
                let id = identities[target] ?? make(target, after: old, &fresh)
                let subscriber = CheckedBackend(service: key, endpoint: endpoint)
                watches[id]?.subscribers.insert(subscriber)
                if now[endpoint]?.contains(id) != true { now[endpoint, default: []].append(id) }
            }
        }
        for (endpoint, ids) in before.watches {
            for id in ids where now[endpoint]?.contains(id) != true { drop(id, key, endpoint) }
        }
        services[key] = Followed(service: service, watches: now, states: before.states)
        tell(Set(now.keys).union(before.watches.keys).compactMap { judge($0, of: key) })
    }

    /// A new watch; when only times or counts are others than an `old` one has, what that knows holds.
    private func make(_ target: ProbeTarget, after old: [Int], _ fresh: inout [Int]) -> Int {
        lastIdentity += 1
        var watch = Watch(target)
        let same = old.compactMap { watches[$0] }.first { $0.target.asksTheSame(as: target) }
        if let same {
            watch.verdict = same.verdict
            watch.reading = same.reading
        }
        watches[lastIdentity] = watch
        identities[target] = lastIdentity
        fresh.append(lastIdentity)
        return lastIdentity
    }

    private func drop(_ id: Int, _ service: Service.Key, _ endpoint: Endpoint) {
        let backend = CheckedBackend(service: service, endpoint: endpoint)
        watches[id]?.subscribers.remove(backend)
        guard let watch = watches[id], watch.subscribers.isEmpty else { return }
        watch.next?.cancel()
        identities[watch.target] = nil
        watches[id] = nil
    }

    /// What the watches of a backend amount to, when that is another state than before.
    private func judge(_ endpoint: Endpoint, of key: Service.Key) -> VerdictChange? {
        guard let followed = services[key] else { return nil }
        let reading = reading(of: followed.watches[endpoint] ?? [])
        let before = followed.states[endpoint] ?? .unknown
        guard reading.state != before else { return nil }
        let isKnown = reading.state != .unknown
        services[key]?.states[endpoint] = isKnown ? reading.state : nil
        return VerdictChange(
            CheckedBackend(service: key, endpoint: endpoint),
            followed.service.name,
            isKnown ? reading.state : nil,
            before: before,
            reading.detail
        )
    }

    /// One that fails makes a backend fail, and all must be healthy for it to be so.
    private func reading(of ids: [Int]) -> CheckReading {
        let readings = ids.compactMap { watches[$0]?.reading }
        guard var result = readings.first else { return CheckReading() }
        for other in readings.dropFirst() { result.add(other) }
        return result
    }

    // MARK: - Times

    /// New watches begin soon, and spread over a time that grows with their number.
    private func begin(_ fresh: [Int]) {
        for id in fresh {
            guard let watch = watches[id] else { continue }
            let longest = TimeAmount(watch.target.check.interval).nanoseconds
            let share = min(longest, Int64(fresh.count) * Self.shareOfBeginning.nanoseconds)
            schedule(id, after: .nanoseconds(.random(in: 0...max(1, share))))
        }
    }

    /// A thousand probes begin within a second.
    private static let shareOfBeginning = TimeAmount.milliseconds(1)

    private func schedule(_ id: Int, after pause: TimeAmount) {
        watches[id]?.next = loop.scheduleTask(in: pause) {
            self.assumeIsolated { $0.isDue(id) }
        }
    }

    private func isDue(_ id: Int) {
        watches[id]?.next = nil
        if running < budget { start(id) } else { waiting.append(id) }
    }

    private func start(_ id: Int) {
        guard let target = watches[id]?.target else { return }
        running += 1
        watches[id]?.started = .now()
        switch target.check.probe {
        case .ping:
            let check = target.check
            pinger
                .ping(
                    target.address,
                    from: check.source,
                    by: check.interface,
                    timeout: check.timeout
                )
                .whenSuccess { result in self.assumeIsolated { $0.finished(id, result) } }
        case .script(let script):
            Task { await self.finished(id, ScriptProbe.run(script, target)) }
        case .tcp, .udp, .http, .dns, .smtp:
            prober.probe(target)
                .whenSuccess { result in self.assumeIsolated { $0.finished(id, result) } }
        }
    }

    private func finished(_ id: Int, _ result: ProbeResult) {
        running -= 1
        startWaiting()
        let now = NIODeadline.now()
        let state = watches[id]?.finished(result, at: now)
        guard let watch = watches[id] else { return }
        note(result, of: watch)
        if state != nil {
            tell(watch.subscribers.compactMap { judge($0.endpoint, of: $0.service) })
        }
        schedule(id, after: watch.pause(from: now))
    }

    private func startWaiting() {
        while running < budget, firstWaiting < waiting.count {
            firstWaiting += 1
            start(waiting[firstWaiting - 1])
        }
        // What has begun is dropped now and then, and not each time.
        if firstWaiting == waiting.count || firstWaiting > 4096 {
            waiting.removeFirst(firstWaiting)
            firstWaiting = 0
        }
    }

    // MARK: - What is told

    private func tell(_ changes: [VerdictChange]) {
        if !changes.isEmpty { teller.yield(.verdicts(changes)) }
    }

    /// Says once what keeps probes from being made.
    private func note(_ result: ProbeResult, of watch: Watch) {
        guard case .unable(let why) = result else { return }
        let text = "health checks (\(watch.target.check.probe.kind.rawValue)): \(why)"
        if text != complaint { teller.yield(.notice(text)) }
        complaint = text
    }

    /// What is known of each backend, by its service.
    package func readings() -> [CheckedBackend: CheckReading] {
        var result: [CheckedBackend: CheckReading] = [:]
        for (key, followed) in services {
            for (endpoint, ids) in followed.watches {
                result[CheckedBackend(service: key, endpoint: endpoint)] = reading(of: ids)
            }
        }
        return result
    }

    package var load: CheckLoad {
        var load = CheckLoad()
        load.probes = watches.count
        load.running = running
        load.waiting = waiting.count - firstWaiting
        return load
    }
}
