// SPDX-License-Identifier: Apache-2.0
import Foundation
package import Model

/// Brings what runs to what is wanted, one request at a time, and remembers what came of it.
package actor Reloader {
    let source: any ConfigurationSource
    private let executor: any ChangeExecutor
    private let latches: any Latches
    private let onReport: @Sendable (ReloadReport) -> Void
    private let keepEdits: @Sendable (RuntimeLayer, Settings) -> Problem?
    /// Every report, and every state that runs.
    package nonisolated let events = RunningEvents()
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// What every worker uses.
    package private(set) var running = DesiredState()
    /// 0: nothing has been applied yet.
    package private(set) var generation: UInt64 = 0
    /// Of the files behind it.
    private var digest = ""
    /// Of the files that were read last, whatever came of them.
    private var readDigest = ""
    /// Directories that hold the files, as of the last time they were read.
    package private(set) var directories: [String] = []
    /// Reports by outcome, since the start.
    package private(set) var outcomes: [ReloadReport.Outcome: Int] = [:]

    /// Settings that the process has started with; nil until they are known.
    private var started: Settings?
    /// The last files without errors.
    private var files: LoadResult?
    /// The layers of what runs: what files say, or said when a rollback returned to them; and edits.
    private var layers: Layers
    /// The last files that were read, errors or not; nil when they must be tried again.
    private var settled: LoadResult?
    /// The addresses, routes and neighbours that the kernel has; nil: it has not been heard yet.
    private var kernel: DesiredState?
    private var history: History
    /// Whether edits of the run before were dropped because they do not fit the files any more.
    package private(set) var hasDroppedEdits = false
    private var lastReload: ReloadReport?

    /// Runs nothing yet: `reload` comes next.
    ///
    /// `started`: settings that the process runs with already; nil: those of the first reload.
    /// `edits`: those of an earlier run; where they cannot be carried out, the first reload drops them.
    /// `onReport` is called with every report, in order; `keepEdits` remembers the edits that count
    /// for the next run, or says why not.
    package init(
        source: any ConfigurationSource,
        executor: any ChangeExecutor,
        startedWith started: Settings? = nil,
        edits: RuntimeLayer = RuntimeLayer(),
        historyLimit: Int = 50,
        latches: any Latches = OpenLatches(),
        onReport: @escaping @Sendable (ReloadReport) -> Void = { _ in },
        keepEdits: @escaping @Sendable (RuntimeLayer, Settings) -> Problem? = { _, _ in nil }
    ) {
        self.source = source
        self.executor = executor
        self.started = started
        layers = Layers(runtime: edits)
        self.latches = latches
        self.onReport = onReport
        self.keepEdits = keepEdits
        history = History(capacity: historyLimit)
    }

    /// Whether the files could not be read for a reason that may have passed in a moment.
    package var mustReadAgain: Bool { settled?.isPassing ?? false }

    // MARK: - Requests

    /// Reads the files and applies them; waits for the reload that is in flight.
    package func reload(reason: String) async -> ReloadReport {
        await turn { await self.readAndApply(Attempt(reason)) }
    }

    /// The same when the files have changed; nil, and no report, when they have not.
    ///
    /// A rollback therefore stays until a file really changes.
    package func reloadIfChanged(reason: String) async -> ReloadReport? {
        await turn { await self.readAndApplyIfChanged(Attempt(reason)) }
    }

    /// Applies `generation` again, as a new one; nil when it is not remembered.
    package func rollback(to generation: UInt64) async -> ReloadReport? {
        await turn { await self.applyAgain(generation) }
    }

    /// Applies edits as one transaction: all of them or none.
    ///
    /// `make` is given the edits that count and what files say, without what the kernel has.
    /// `generation`: the one that must run, so that nobody overwrites what another has just done; nil:
    /// any. A dry run only reports what would change.
    package func edit(
        reason: String,
        at generation: UInt64? = nil,
        isDryRun: Bool = false,
        _ make: @Sendable @escaping (RuntimeLayer, DesiredState) -> EditResult
    ) async throws(GenerationMismatch) -> ReloadReport {
        let result: Result<ReloadReport, GenerationMismatch> = await turn {
            if let generation, generation != self.generation {
                return .failure(GenerationMismatch(wanted: generation, running: self.generation))
            }
            let attempt = Attempt(reason, isEdit: true)
            let result = make(self.layers.runtime, self.layers.files)
            return .success(await self.carryOut(result, attempt, isDryRun: isDryRun))
        }
        return try result.get()
    }

    /// Applies what `change` makes of services and addresses as one transaction, in which nobody else
    /// changes anything.
    ///
    /// - Returns: what `change` does, and the report; nil when nothing was changed. What `change` throws
    ///   is thrown, and nothing is done.
    package func edit<Outcome: Sendable>(
        reason: String,
        _ change: @Sendable @escaping (inout ServiceDraft) throws -> Outcome
    ) async throws -> (Outcome, ReloadReport?) {
        let result: Result<(Outcome, ReloadReport?), any Error> = await turn {
            let attempt = Attempt(reason, isEdit: true)
            var draft = ServiceDraft(
                self.layers.runtime,
                files: self.layers.files,
                running: self.running
            )
            do {
                let outcome = try change(&draft)
                guard draft.isChanged else { return .success((outcome, nil)) }
                let edits = EditResult(layer: draft.result, places: draft.places())
                return .success((outcome, await self.carryOut(edits, attempt, isDryRun: false)))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Takes over what the kernel has now: addresses, routes and neighbours owned by `.kernel`.
    ///
    /// It is no configuration: generation, history and the last reload stay what they are. When it
    /// cannot be carried out, what the kernel had before counts until it has something else.
    package func follow(kernel: DesiredState) async -> ReloadReport {
        await turn { await self.takeOver(kernel) }
    }

    // MARK: - Answers

    /// What runs: its number, and the digest of its files.
    package var current: (generation: UInt64, digest: String) { (generation, digest) }

    package func status() -> ConfigStatus {
        ConfigStatus(
            generation: generation,
            digest: digest,
            readDigest: readDigest,
            applied: history.current?.applied ?? .distantPast,
            files: files?.files.keys.sorted() ?? [],
            restartRequired: restartRequired,
            drift: drift().count,
            edits: layers.runtime.edits.count,
            lastReload: lastReload,
            reports: outcomes.values.reduce(0, +)
        )
    }

    /// Newest first.
    package func recentGenerations() -> [HistoryEntry] { history.entries }

    package func drift() -> [DriftEntry] {
        guard let files else { return [] }
        let conf = files.files.keys.sorted().first { $0.hasSuffix(".conf") }
        return running.drift(
            from: files.state,
            settingsOwner: .file(conf ?? "dpvs.conf")
        )
    }

    /// What edits made of objects, on top of what files say.
    package var runtimeLayer: RuntimeLayer { layers.runtime }

    private var restartRequired: [String] {
        guard let files, let started else { return [] }
        return started.restartRequired(toBecome: files.state.settings)
    }

    // MARK: - Steps

    /// Lets requests in one after another, first come first served: an actor alone does not, where
    /// `body` suspends.
    private func turn<Result: Sendable>(_ body: () async -> Result) async -> Result {
        if isBusy { await withCheckedContinuation { waiting.append($0) } }
        isBusy = true
        defer {
            // Stays busy for the next in line, so that nobody slips in before it runs.
            if waiting.isEmpty { isBusy = false } else { waiting.removeFirst().resume() }
        }
        return await body()
    }

    private func readAndApplyIfChanged(_ attempt: Attempt) async -> ReloadReport? {
        let loaded = source.load()
        guard loaded.digest != settled?.digest || loaded.problems != settled?.problems else {
            directories = loaded.directories
            return nil
        }
        return await apply(loaded, attempt)
    }

    private func readAndApply(_ attempt: Attempt) async -> ReloadReport {
        await apply(source.load(), attempt)
    }

    private func apply(
        _ loaded: LoadResult,
        _ attempt: Attempt,
        remarks: [Problem] = []
    ) async -> ReloadReport {
        directories = loaded.directories
        settled = loaded
        readDigest = loaded.digest
        await latches.pass(.loaded)
        guard !loaded.hasErrors else {
            return report(.rejected, attempt, problems: loaded.problems)
        }
        let composition = layers.runtime.laid(over: loaded.state)
        let conflicts = conflicts(of: composition)
        guard conflicts.isEmpty else {
            if generation == 0 {
                return await applyPossibleEdits(over: loaded, attempt, conflicts)
            }
            settled = nil
            let hint = Problem(
                .warning,
                "edits do not fit these files: dpvs config revert OBJECT drops those of an object, "
                    + "dpvs config export shows them"
            )
            return report(.rejected, attempt, problems: loaded.problems + conflicts + [hint])
        }
        await latches.pass(.validated)
        files = loaded
        started = started ?? loaded.state.settings
        let overruled = composition.overruled.map { Problem(.warning, $0) }
        let outcome = await carryOut(
            Layers(files: loaded.state, runtime: composition.layer),
            composition.state,
            digest: loaded.digest,
            attempt,
            problems: loaded.problems + overruled + remarks
        )
        if outcome.outcome == .failed, generation == 0, !composition.layer.isEmpty {
            return await apply(loaded, without: layers.runtime.edits, attempt, outcome.problems)
        }
        return outcome
    }

    /// What is wrong when edits lie over files that are good.
    private func conflicts(of composition: Composition) -> [Problem] {
        if composition.layer.isEmpty { return [] }
        return source.check(composition.state, edits: PlacedObjects()).errors
    }

    // MARK: - Edits of the run before

    /// Edits that are tried one by one at the start; of more than so many, all are dropped.
    private static let mostTried = 100

    /// Edits of an earlier run must not keep a process from starting: those that do not fit the files
    /// are dropped, with a warning each.
    private func applyPossibleEdits(
        over loaded: LoadResult,
        _ attempt: Attempt,
        _ conflicts: [Problem]
    ) async -> ReloadReport {
        let edits = layers.runtime.edits
        var possible: [EditedObject] = []
        for edit in edits.prefix(edits.count > Self.mostTried ? 0 : edits.count) {
            let some = layers.runtime.dropping { $0 != edit && !possible.contains($0) }
            if self.conflicts(of: some.laid(over: loaded.state)).isEmpty { possible.append(edit) }
        }
        let impossible = edits.filter { !possible.contains($0) }
        return await apply(loaded, without: impossible, attempt, conflicts)
    }

    private func apply(
        _ loaded: LoadResult,
        without edits: [EditedObject],
        _ attempt: Attempt,
        _ problems: [Problem]
    ) async -> ReloadReport {
        hasDroppedEdits = true
        layers.runtime = layers.runtime.dropping(edits.contains)
        let lost = edits.map {
            Problem(
                .warning,
                "an edit of the run before does not fit any more: \($0.title) is dropped"
            )
        }
        let reasons = problems.errors.map { Problem(.warning, at: $0.location, $0.message) }
        return await apply(loaded, attempt, remarks: lost + reasons)
    }

    private func applyAgain(_ number: UInt64) async -> ReloadReport? {
        guard let entry = history.generation(number) else { return nil }
        let layers = Layers(files: entry.files, runtime: entry.edits)
        return await carryOut(
            layers,
            layers.runtime.laid(over: layers.files).state,
            digest: entry.digest,
            Attempt("rollback to \(number)")
        )
    }

    private func carryOut(
        _ edits: EditResult,
        _ attempt: Attempt,
        isDryRun: Bool
    ) async -> ReloadReport {
        let composition = edits.layer.laid(over: layers.files)
        let problems =
            edits.problems.hasErrors
            ? edits.problems : source.check(composition.state, edits: edits.places)
        guard !problems.hasErrors else {
            return report(.rejected, attempt, problems: problems, isDryRun: isDryRun)
        }
        if isDryRun {
            let target = settled(composition.state).withKernel(kernel)
            let sentences = running.changes(to: target).map(\.description)
            let outcome = sentences.isEmpty ? ReloadReport.Outcome.unchanged : .applied
            return report(outcome, attempt, sentences, problems: problems, isDryRun: true)
        }
        return await carryOut(
            Layers(files: layers.files, runtime: composition.layer),
            composition.state,
            digest: digest,
            attempt,
            problems: problems
        )
    }

    /// With the settings that need a restart as they were when the process started.
    private func settled(_ state: DesiredState) -> DesiredState {
        var state = state
        state.settings = started?.takingLive(from: state.settings) ?? state.settings
        return state
    }

    private func takeOver(_ kernel: DesiredState) async -> ReloadReport {
        let attempt = Attempt("kernel")
        let target = running.withKernel(kernel)
        let sentences = running.changes(to: target).map(\.description)
        // Before the first reload there is nothing to add to.
        guard generation > 0, !sentences.isEmpty else {
            self.kernel = kernel
            return makeReport(.unchanged, attempt, problems: [])
        }
        let remarks: [Problem]
        do {
            remarks = try await executor.apply(target, changes: sentences, generation: generation)
        } catch {
            let failure = Problem(.error, "cannot be carried out: \(error)")
            return makeReport(.failed, attempt, sentences, problems: [failure])
        }
        self.kernel = kernel
        running = target
        let report = makeReport(.applied, attempt, sentences, problems: remarks)
        events.send(report, running: running)
        return report
    }

    private func carryOut(
        _ layers: Layers,
        _ wanted: DesiredState,
        digest: String,
        _ attempt: Attempt,
        problems: [Problem] = []
    ) async -> ReloadReport {
        let target = settled(wanted).withKernel(kernel)
        let sentences = running.changes(to: target).map(\.description)
        await latches.pass(.planned)
        guard generation == 0 || !sentences.isEmpty else {
            self.digest = digest
            return report(.unchanged, attempt, problems: problems + take(layers))
        }
        let remarks: [Problem]
        do {
            remarks = try await executor.apply(
                target,
                changes: sentences,
                generation: generation + 1
            )
        } catch {
            if !attempt.isEdit { settled = nil }
            let failure = Problem(.error, "cannot be carried out: \(error)")
            return report(.failed, attempt, sentences, problems: problems + [failure])
        }
        await latches.pass(.applied)
        generation += 1
        running = target
        let unkept = take(layers)
        self.digest = digest
        history.append(
            History.Generation(
                number: generation,
                digest: digest,
                applied: Date(),
                trigger: attempt.reason,
                changes: sentences.count,
                files: layers.files,
                edits: layers.runtime
            )
        )
        return report(.applied, attempt, sentences, problems: problems + remarks + unkept)
    }

    /// Makes these the layers of what runs; returns why edits would not outlive the process.
    private func take(_ layers: Layers) -> [Problem] {
        self.layers = layers
        return keepEdits(layers.runtime, running.settings).map { [$0] } ?? []
    }

    private func report(
        _ outcome: ReloadReport.Outcome,
        _ attempt: Attempt,
        _ changes: [String] = [],
        problems: [Problem],
        isDryRun: Bool = false
    ) -> ReloadReport {
        var report = makeReport(outcome, attempt, changes, problems: problems)
        if isDryRun {
            report.isDryRun = true
            return report
        }
        // What becomes of an edit says nothing about the files.
        if !attempt.isEdit {
            lastReload = report
            outcomes[outcome, default: 0] += 1
        }
        onReport(report)
        events.send(report, running: running)
        return report
    }

    private func makeReport(
        _ outcome: ReloadReport.Outcome,
        _ attempt: Attempt,
        _ changes: [String] = [],
        problems: [Problem]
    ) -> ReloadReport {
        ReloadReport(
            outcome: outcome,
            trigger: attempt.reason,
            generation: generation,
            digest: digest,
            finished: Date(),
            duration: attempt.seconds,
            changes: changes,
            restartRequired: outcome == .rejected ? [] : restartRequired,
            problems: problems
        )
    }
}

/// One request, from its turn on.
private struct Attempt: Sendable {
    let reason: String
    let isEdit: Bool
    private let start = ContinuousClock.now

    init(_ reason: String, isEdit: Bool = false) {
        self.reason = reason
        self.isEdit = isEdit
    }

    /// Since the files were read.
    var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }
}
