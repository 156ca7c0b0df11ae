// SPDX-License-Identifier: Apache-2.0
import HealthChecking
import Logging
import Model
import Provisioning

/// Brings what health checks find out to the workers, the log and those who watch.
struct HealthFollower: Sendable {
    let checker = HealthChecker()
    private let conductor: Conductor
    private let events: RunningEvents
    private let announcer: Announcer
    private let logger: Logger

    init(
        _ conductor: Conductor,
        _ events: RunningEvents,
        _ announcer: Announcer,
        _ logger: Logger
    ) {
        self.conductor = conductor
        self.events = events
        self.announcer = announcer
        self.logger = logger
    }

    /// Until the task is cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await checker.run(events.states()) }
            for await event in checker.events {
                switch event {
                case .verdicts(let changes): await heed(changes)
                case .notice(let text): logger.warning("\(text)")
                }
            }
        }
    }

    private func heed(_ changes: [VerdictChange]) async {
        let verdicts = changes.map { change in
            CheckVerdict(
                service: change.backend.service,
                endpoint: change.backend.endpoint,
                isHealthy: change.state.map { $0 == .healthy }
            )
        }
        let notices = await conductor.judge(verdicts)
        await announcer.heed(await conductor.failedBackends)
        for change in changes {
            guard let sentence = change.sentence else { continue }
            logger.log(level: change.level, "\(sentence)")
            if change.level > .debug { events.send(.backend, sentence) }
        }
        for notice in notices {
            logger.warning("\(notice)")
            events.send(.backend, notice)
        }
    }
}

extension VerdictChange {
    /// That a new backend is well is what everybody expects.
    fileprivate var level: Logger.Level {
        switch state {
        case nil, .unknown: .debug
        case .healthy: before == .failed ? .notice : .debug
        case .failed: .warning
        }
    }
}
