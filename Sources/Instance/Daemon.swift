// SPDX-License-Identifier: Apache-2.0
package import ConfigurationFiles
import Control
import ControlServer
import Foundation
import HealthChecking
import Linux
import Logging
import Model
import Provisioning
import Reload
import ServiceLifecycle
import Synchronization

/// One run of the program: start, serve, drain, end.
package struct Daemon {
    private let instance: String
    private let loader: ConfigurationLoader
    private let socket: String
    private let lockFile: String
    private let runDirectory: String
    private let eal: [String]

    /// `socket` and `lockFile` are paths, usually in `runDirectory`; `eal` goes to DPDK as it is.
    package init(
        instance: String,
        loader: ConfigurationLoader,
        socket: String,
        lockFile: String,
        runDirectory: String,
        eal: [String]
    ) {
        self.instance = instance
        self.loader = loader
        self.socket = socket
        self.lockFile = lockFile
        self.runDirectory = runDirectory
        self.eal = eal
    }

    /// Returns after SIGTERM and the drain; throws a `StartError`, already logged, when it cannot
    /// start.
    package func run() async throws {
        StandardStreams.prepare()
        // Before any thread is made, so that every thread leaves the signals alone.
        let signals = Signals()
        LoggingSystem.bootstrap { _ in StandardErrorLog() }
        let logger = Logger(label: "dpvs")
        defer { StandardErrorLog.finish() }
        do {
            try await serve(signals, logger)
        } catch {
            logger.critical("\(error)")
            throw error
        }
    }

    private func serve(_ signals: Signals, _ logger: Logger) async throws {
        try Self.checkDescriptors()
        try ControlServer.check(socket: socket)
        let lock = try takeLock()
        defer { leave(lock.path) }
        signals.intercept { signal in
            guard signal != .hangup else { return false }
            logger.notice("\(signal) while starting: nothing is balanced yet")
            StandardErrorLog.finish()
            leave(lock.path)
            _exit(0)
        }
        let source = FileSource(loader)
        let settings = try firstSettings(source, logger)
        StandardErrorLog.apply(settings)
        logger.notice("\(BuildInformation.text), instance \(instance)")
        let claims = try makeClaims()
        // Devices are ours until they are closed.
        defer { withExtendedLifetime(claims) {} }
        let inheritance = Inheritance(instance, settings, logger)
        let machine = try Machine(
            settings,
            instance: instance,
            claims: claims,
            runDirectory: runDirectory,
            eal: eal,
            after: inheritance.handover,
            logger: logger
        )
        let end: End
        do {
            end = try await balance(
                on: machine,
                claims,
                settings,
                source,
                inheritance,
                signals,
                logger
            )
        } catch {
            await machine.stop()
            throw error
        }
        await machine.stop(leavingTo: end.file, digest: end.digest)
        logger.notice("stopped")
    }

    /// How a run ended.
    private struct End {
        /// Where connections are left.
        var file: HandoverFile?
        /// Of the configuration that ran.
        var digest: String
    }

    /// From the first configuration to the end of the drain.
    private func balance(
        on machine: Machine,
        _ claims: Claims,
        _ settings: Settings,
        _ source: FileSource,
        _ inheritance: Inheritance,
        _ signals: Signals,
        _ logger: Logger
    ) async throws -> End {
        let file = RuntimeFile(in: runDirectory)
        let reloader = Reloader(
            source: source,
            executor: Executor(conductor: machine.conductor, claims: claims),
            startedWith: settings,
            edits: Self.edits(in: file, settings, logger),
            onReport: { report in
                Self.log(report, logger)
                if report.trigger != "start" { Systemd.ready("generation \(report.generation)") }
            },
            keepEdits: { layer, settings in file.keep(layer, settings) }
        )
        let reloads = ReloadService(reloader) { logger.warning("files are polled: \($0)") }
        let first = await reloads.reloadNow(reason: "start")
        guard first.isSuccess else {
            throw StartError("the configuration is not applied; see above")
        }
        if await reloader.hasDroppedEdits { file.keepRejected() }
        inheritance.finish(await machine.conductor.handoverResult(), first.digest, logger)
        let follower = KernelFollower(settings, machine.companions, reloader, logger)
        let announcer = Announcer(logger)
        let health = HealthFollower(machine.conductor, reloader.events, announcer, logger)
        await health.checker.prepare()
        let backend = DaemonBackend(
            instance,
            machine,
            reloader,
            reloads,
            follower,
            announcer,
            health.checker,
            file
        )
        let server = ControlServer(
            backend: backend,
            socket: socket,
            tcp: Self.tcpAddress(settings),
            logger: logger,
            onListening: { _ in
                Self.dropPrivileges(machine, settings, logger)
                await backend.enter(.ready)
                await announcer.begin()
                Systemd.ready("generation \(first.generation)")
                logger.notice("ready")
            }
        )
        let group = ServiceGroup(
            configuration: .init(services: [server], gracefulShutdownSignals: [], logger: logger)
        )
        signals.intercept(nil)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await reloads.run() }
            tasks.addTask { await follower?.run() }
            tasks.addTask { await announcer.run(reloader.events.states()) }
            tasks.addTask { await health.run() }
            tasks.addTask { await Housekeeping(machine, backend, logger).run() }
            tasks.addTask {
                await Self.follow(signals, reloads, backend, machine, reloader, logger)
                reloader.events.finish()
                await group.triggerGracefulShutdown()
            }
            // The server ends last: after the drain, or with an error of its own.
            try await group.run()
            tasks.cancelAll()
        }
        file.flush()
        let running = await reloader.running.settings
        let isWarm = await backend.stopMode(running) == .warm
        return End(
            file: isWarm ? HandoverFile(instance: instance, running) : nil,
            digest: await reloader.status().digest
        )
    }

    // MARK: - Start

    /// Descriptors of a small instance, with room for its clients.
    private static let fewestDescriptors = 256

    private static func checkDescriptors() throws {
        let limit = Host.raiseDescriptorLimit()
        guard limit < fewestDescriptors else { return }
        throw StartError(
            "\(limit) open files are too few: at least \(fewestDescriptors) are needed; "
                + "see ulimit -Hn, LimitNOFILE= of systemd or --ulimit nofile= of the container"
        )
    }

    /// Takes away what only this process has in the run directory.
    private func leave(_ lockFile: String) {
        Files.remove(lockFile)
        Files.removeDirectory(runDirectory)
    }

    private func takeLock() throws -> InstanceLock {
        do {
            try Files.makePrivateDirectory(runDirectory)
            return try InstanceLock(lockFile)
        } catch {
            guard error.call == "flock" else { throw StartError("\(error)") }
            let holder = InstanceLock.holder(of: lockFile).map { "process \($0)" } ?? "a process"
            throw StartError("instance '\(instance)' runs already: \(holder) holds \(lockFile)")
        }
    }

    private func makeClaims() throws -> Claims {
        let directory = "\(SocketPath.root)/\(SocketPath.claims)"
        do {
            return try Claims(in: directory, instance: instance)
        } catch let error as LinuxError where error.call == "flock" {
            let holder = InstanceLock.holder(of: "\(directory)/\(instance)")
            let process = holder.map { "process \($0)" } ?? "a process"
            throw StartError("instance '\(instance)' runs already: it is \(process)")
        }
    }

    /// Everything is open that needs them.
    private static func dropPrivileges(
        _ machine: Machine,
        _ settings: Settings,
        _ logger: Logger
    ) {
        guard settings.text("global_defs.privileges") == "drop" else { return }
        do {
            try Privileges.limit(to: machine.lastingCapabilities)
            logger.info("capabilities: \(Privileges.held)")
        } catch {
            logger.error("capabilities are still \(Privileges.held): \(error)")
        }
    }

    /// What the process starts with; every problem is said when it cannot.
    private func firstSettings(_ source: FileSource, _ logger: Logger) throws -> Settings {
        let loaded = source.load()
        guard loaded.hasErrors else { return loaded.state.settings }
        for problem in loaded.problems where problem.severity != .notInEffect {
            logger.error("\(problem)")
        }
        throw StartError("the configuration has errors; nothing was started")
    }

    private static func tcpAddress(_ settings: Settings) -> ControlServer.TCPAddress? {
        guard let text = settings.text("global_defs.metrics_address"),
            let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...])
        else { return nil }
        let host = text[..<colon].filter { !"[]".contains($0) }
        return .init(host: host, port: port)
    }

    /// Those of the run before, as far as they can be read.
    private static func edits(
        in file: RuntimeFile,
        _ settings: Settings,
        _ logger: Logger
    ) -> RuntimeLayer {
        guard settings.isOn("global_defs.keep_edits") else { return RuntimeLayer() }
        let (layer, problem) = file.read()
        if let problem {
            logger.error(
                "edits of the run before are dropped, see \(file.rejectedPath): \(problem)"
            )
            file.setAside()
        } else if !layer.isEmpty {
            logger.notice("edits of the run before: \(layer.edits.count), see dpvs config drift")
        }
        return layer
    }

    // MARK: - Life

    private static func log(_ report: ReloadReport, _ logger: Logger) {
        let head = "configuration \(report.outcome.rawValue) (\(report.trigger))"
        switch report.outcome {
        case .applied:
            let milliseconds = Int((report.duration * 1000).rounded(.up))
            logger.notice(
                "\(head): generation \(report.generation), \(report.changeCount), \(milliseconds) ms"
            )
        case .unchanged: logger.info("\(head): generation \(report.generation)")
        case .rejected, .failed: logger.error("\(head): generation \(report.generation) goes on")
        }
        for change in report.changes { logger.info("  \(change)") }
        for name in report.restartRequired { logger.warning("  restart required: \(name)") }
        for problem in report.problems {
            switch problem.severity {
            case .error: logger.error("  \(problem)")
            case .warning: logger.warning("  \(problem)")
            case .notInEffect: logger.info("  \(problem)")
            }
        }
    }

    /// Until SIGTERM, and through the drain that it begins.
    private static func follow(
        _ signals: Signals,
        _ reloads: ReloadService,
        _ backend: DaemonBackend,
        _ machine: Machine,
        _ reloader: Reloader,
        _ logger: Logger
    ) async {
        var draining: Task<Void, Never>?
        for await signal in signals.arrivals {
            switch signal {
            case .hangup:
                // systemd waits for this and for READY=1, whatever comes of it (Type=notify-reload).
                Systemd.reloading()
                // Not awaited: SIGTERM must be heard however long this takes.
                Task { await reloads.reloadNow(reason: "signal") }
            case .terminate, .interrupt:
                if let draining {
                    logger.notice("\(signal) again: not waiting any longer")
                    draining.cancel()
                    return
                }
                let settings = await reloader.running.settings
                let mode = await backend.stopMode(settings)
                logger.notice("\(signal): \(mode.deed)")
                draining = Task {
                    await end(mode, backend, machine, settings, logger)
                    signals.stop()
                }
            }
        }
        await draining?.value
    }

    private static func end(
        _ mode: StopMode,
        _ backend: DaemonBackend,
        _ machine: Machine,
        _ settings: Settings,
        _ logger: Logger
    ) async {
        await backend.enter(.draining)
        Systemd.stopping(mode == .drain ? "draining" : "stopping")
        // The next process announces what this one did.
        if mode == .warm { return }
        let wasAnnouncing = await backend.announcer.withdraw()
        guard mode == .drain else { return }
        if wasAnnouncing {
            try? await Task.sleep(for: settings.duration("global_defs.withdraw_delay"))
        }
        for problem in await machine.conductor.beginStopping() { logger.error("\(problem)") }
        let deadline = ContinuousClock.now + settings.duration("global_defs.drain_timeout")
        while await machine.conductor.activeConnections > 0, ContinuousClock.now < deadline,
            !Task.isCancelled
        {
            try? await Task.sleep(for: .milliseconds(50))
        }
        let left = await machine.conductor.activeConnections
        if left > 0 { logger.warning("\(left) connections did not finish in time") }
    }
}

/// Carries reloads out on the machine.
final class Executor: ChangeExecutor {
    private let conductor: Conductor
    private let claims: Claims
    private let shown = Atomic<UInt64>(0)

    init(conductor: Conductor, claims: Claims) {
        self.conductor = conductor
        self.claims = claims
    }

    func apply(
        _ target: DesiredState,
        changes: [String],
        generation: UInt64
    ) async throws -> [Problem] {
        // The first generation belongs to the start; what the kernel changes has none of its own.
        let isNew = shown.max(generation, ordering: .relaxed).oldValue < generation
        if generation > 1, isNew { Systemd.reloading() }
        let addresses = Claims.addresses(of: target)
        // What goes is ours until it has gone.
        let before = claims.held(for: .addresses)
        let companions = claims.held(for: .companions)
        let names = target.companionNames
        var remarks: [Problem]
        do {
            try claims.hold(companions: names.union(companions.map(\.name)))
            try claims.hold(before.union(addresses), for: .addresses)
            remarks = try await conductor.apply(target).map { Problem(.warning, $0) }
        } catch {
            try claims.hold(companions, for: .companions)
            try claims.hold(before, for: .addresses)
            throw error
        }
        StandardErrorLog.apply(target.settings)
        do {
            try claims.hold(companions: names)
            try claims.hold(addresses, for: .addresses)
        } catch {
            // It runs all the same; too much is claimed.
            remarks.append(
                Problem(.warning, "what is not used any more is still claimed: \(error)")
            )
        }
        return remarks
    }
}

extension StopMode {
    /// What a process does when it is told to end so.
    fileprivate var deed: String {
        switch self {
        case .drain: "draining"
        case .warm: "leaving connections to the next process"
        case .now: "stopping at once"
        }
    }
}
