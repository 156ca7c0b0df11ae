// SPDX-License-Identifier: Apache-2.0
import Model
import Reload
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ReloaderTests {
    let source = FakeSource(.services(.sample(weights: [1])))
    let executor = FakeExecutor()

    private func reloader(latches: any Latches = OpenLatches(), limit: Int = 50) -> Reloader {
        Reloader(source: source, executor: executor, historyLimit: limit, latches: latches)
    }

    @Test func `the first reload is generation 1, even of nothing`() async {
        source.say(DesiredState(), digest: "empty")
        let reloader = reloader()
        let report = await reloader.reload(reason: "start")
        #expect(report.outcome == .applied)
        #expect(report.generation == 1)
        #expect(executor.applied == [DesiredState()])
    }

    @Test func `a change is applied and told in a sentence`() async {
        let reloader = reloader()
        _ = await reloader.reload(reason: "start")
        source.say(.services(.sample(weights: [2])), digest: "1")
        let report = await reloader.reload(reason: "file")
        #expect(report.outcome == .applied)
        #expect(report.trigger == "file")
        #expect(report.generation == 2)
        #expect(report.digest == "1")
        #expect(
            report.changes == ["service web (tcp 10.0.0.100:80): backend 10.0.1.1:80 weight 1 → 2"]
        )
        #expect(await reloader.running == .services(.sample(weights: [2])))
    }

    @Test func `files that say what runs make no new generation`() async {
        let reloader = reloader()
        _ = await reloader.reload(reason: "start")
        source.say(.services(.sample(weights: [1])), digest: "a comment")
        let report = await reloader.reload(reason: "signal")
        #expect(report.outcome == .unchanged)
        #expect(report.generation == 1)
        #expect(executor.applied.count == 1)
        let status = await reloader.status()
        #expect(status.digest == "a comment")
        #expect(status.reports == 2)
    }

    @Test func `good, bad, good: the bad one changes nothing`() async {
        let reloader = reloader()
        _ = await reloader.reload(reason: "start")
        let problem = Problem(.error, at: "web.yaml:3:5", "port: '0' is not a port")
        source.say(problem, digest: "bad")
        let bad = await reloader.reload(reason: "file")
        #expect(bad.outcome == .rejected)
        #expect(bad.problems == [problem])
        #expect(bad.generation == 1)
        #expect(bad.digest == "0")
        #expect(executor.applied.count == 1)

        source.say(.services(.sample(weights: [3])), digest: "good")
        let good = await reloader.reload(reason: "file")
        #expect(good.outcome == .applied)
        #expect(good.generation == 2)
        #expect(await reloader.outcomes == [.applied: 2, .rejected: 1])
    }

    @Test func `files count as changed when only their problems have`() async {
        source.say(Problem(.error, "b.yaml: cannot be read"), digest: "a.yaml alone")
        let reloader = reloader()
        #expect(await reloader.reload(reason: "start").outcome == .rejected)
        #expect(await reloader.reloadIfChanged(reason: "file") == nil)
        source.say(.services(.sample()), digest: "a.yaml alone")
        #expect(await reloader.reloadIfChanged(reason: "file")?.outcome == .applied)
    }

    @Test func `warnings are reported and do not stop a reload`() async {
        let warning = Problem(.warning, "services: there are none")
        source.say(warning, digest: "1")
        let report = await reloader().reload(reason: "start")
        #expect(report.outcome == .applied)
        #expect(report.problems == [warning])
    }

    @Test func `what cannot be carried out leaves what ran, and is tried again`() async {
        let reloader = reloader()
        _ = await reloader.reload(reason: "start")
        source.say(.services(.sample(weights: [2])), digest: "1")
        executor.refuse(true)
        let failed = await reloader.reload(reason: "file")
        #expect(failed.outcome == .failed)
        #expect(failed.problems.map(\.message) == ["cannot be carried out: no room"])
        #expect(failed.generation == 1)
        #expect(await reloader.running == .services(.sample(weights: [1])))

        executor.refuse(false)
        #expect(await reloader.reloadIfChanged(reason: "file")?.outcome == .applied)
    }

    @Test func `what runs although something is said about it is applied, and counts as running`()
        async
    {
        let reloader = reloader()
        _ = await reloader.reload(reason: "start")
        let remark = Problem(.warning, "worker 1 has not finished a turn for 5.0 seconds")
        executor.remark(remark)
        source.say(.services(.sample(weights: [2])), digest: "1")
        let report = await reloader.reload(reason: "file")
        #expect(report.outcome == .applied && report.generation == 2)
        #expect(report.problems == [remark])
        #expect(await reloader.running == .services(.sample(weights: [2])))
        #expect(await reloader.recentGenerations().map(\.generation) == [2, 1])
    }

    @Test func `items read at the start keep their values and are named`() async {
        var state = DesiredState.services(.sample())
        state.settings.items["netif_defs.pktpool_size"] = .integer(1023)
        source.say(state, digest: "1")
        let reloader = reloader()
        _ = await reloader.reload(reason: "start")

        state.settings.items["netif_defs.pktpool_size"] = .integer(2047)
        state.settings.items["global_defs.log_level"] = .text("DEBUG")
        source.say(state, digest: "2")
        let report = await reloader.reload(reason: "file")
        #expect(report.outcome == .applied)
        #expect(report.changes == ["global_defs.log_level: INFO → DEBUG"])
        #expect(report.restartRequired == ["netif_defs.pktpool_size: 1023 → 2047"])
        let running = await reloader.running.settings
        #expect(running.integer("netif_defs.pktpool_size") == 1023)
        #expect(await reloader.status().restartRequired == report.restartRequired)
    }

    @Test func `settings that the process has started with count from the first reload on`() async {
        var state = DesiredState()
        state.settings.items["netif_defs.pktpool_size"] = .integer(2047)
        source.say(state, digest: "1")
        let reloader = Reloader(source: source, executor: executor, startedWith: Settings())
        let report = await reloader.reload(reason: "start")
        #expect(report.restartRequired == ["netif_defs.pktpool_size: 65535 → 2047"])
    }

    @Test func `a rollback runs an old state as a new generation`() async {
        let reloader = reloader()
        _ = await reloader.reload(reason: "start")
        source.say(.services(.sample(weights: [2])), digest: "1")
        _ = await reloader.reload(reason: "file")
        let report = await reloader.rollback(to: 1)
        #expect(report?.outcome == .applied)
        #expect(report?.trigger == "rollback to 1")
        #expect(report?.generation == 3)
        #expect(report?.digest == "0")
        #expect(await reloader.running == .services(.sample(weights: [1])))
        let history = await reloader.recentGenerations()
        #expect(history.map(\.generation) == [3, 2, 1])
        #expect(history.map(\.isCurrent) == [true, false, false])
        #expect(await reloader.drift().map(\.kind) == [.different])
    }

    @Test func `a rollback stays until the files change`() async {
        let reloader = reloader()
        _ = await reloader.reload(reason: "start")
        source.say(.services(.sample(weights: [2])), digest: "1")
        _ = await reloader.reload(reason: "file")
        _ = await reloader.rollback(to: 1)
        #expect(await reloader.reloadIfChanged(reason: "file") == nil)
        #expect(await reloader.generation == 3)
        #expect(await reloader.reload(reason: "command").outcome == .applied)
        #expect(await reloader.running == .services(.sample(weights: [2])))
    }

    @Test func `a generation that is forgotten cannot come back`() async {
        let reloader = reloader(limit: 2)
        for weight in 1...3 {
            source.say(.services(.sample(weights: [weight])), digest: "\(weight)")
            _ = await reloader.reload(reason: "file")
        }
        #expect(await reloader.recentGenerations().map(\.generation) == [3, 2])
        #expect(await reloader.rollback(to: 1) == nil)
        #expect(await reloader.status().reports == 3)
    }

    @Test func `a reload keeps what commands have added`() async {
        let reloader = reloader()
        _ = await reloader.reload(reason: "start")
        let added = Service.sample("dns", port: 53, owner: .runtime)
        await reloader.editing { layer, _ in layer.put(added, files: nil) }
        #expect(await reloader.generation == 2)
        source.say(.services(.sample(weights: [2])), digest: "1")
        _ = await reloader.reload(reason: "file")
        #expect(await reloader.running == .services(.sample(weights: [2]), added))
        #expect(await reloader.drift().map(\.object) == ["service tcp 10.0.0.100:53"])
        #expect(await reloader.status().drift == 1)
    }

    @Test func `a file may not take the name of a command's service`() async {
        let reloader = reloader()
        _ = await reloader.reload(reason: "start")
        await reloader.editing { layer, _ in
            layer.put(Service.sample("dns", port: 53), files: nil)
        }
        source.say(.services(.sample("dns", port: 80)), digest: "1")
        let report = await reloader.reload(reason: "file")
        #expect(report.outcome == .rejected)
        #expect(
            report.problems.errors.map(\.message) == [
                "service dns (tcp 10.0.0.100:53): 'dns' is there twice: first at web.yaml"
            ]
        )
    }

    @Test func `many requests run one at a time`() async {
        let reloader = reloader()
        let source = source
        await withTaskGroup(of: Void.self) { group in
            for weight in 1...20 {
                group.addTask {
                    source.say(.services(.sample(weights: [weight])), digest: "\(weight)")
                    _ = await reloader.reload(reason: "\(weight)")
                }
            }
        }
        #expect(executor.mostAtOnce == 1)
        #expect(await reloader.status().reports == 20)
    }

    @Test(arguments: [Latch.loaded, .validated, .planned])
    func `a reload held before the executor has changed nothing`(latch: Latch) async {
        let latches = HoldingLatches(latch)
        let reloader = reloader(latches: latches)
        async let report = reloader.reload(reason: "start")
        await latches.arrival()
        #expect(executor.applied.isEmpty)
        #expect(await reloader.generation == 0)
        #expect(await reloader.status().reports == 0)
        latches.open()
        #expect(await report.outcome == .applied)
        #expect(executor.applied.count == 1)
    }

    @Test func `a reload held after the executor delays the next`() async {
        let latches = HoldingLatches(.applied)
        let reloader = reloader(latches: latches)
        async let first = reloader.reload(reason: "start")
        await latches.arrival()
        #expect(executor.applied.count == 1)
        source.say(.services(.sample(weights: [2])), digest: "1")
        async let second = reloader.reload(reason: "file")
        #expect(await reloader.status().reports == 0)
        latches.open()
        #expect(await first.generation == 1)
        await latches.arrival()
        latches.open()
        #expect(await second.generation == 2)
    }

    @Test func `every report is told in order`() async {
        let told = Mutex<[ReloadReport.Outcome]>([])
        let reloader = Reloader(source: source, executor: executor) { report in
            told.withLock { $0.append(report.outcome) }
        }
        _ = await reloader.reload(reason: "start")
        _ = await reloader.reload(reason: "signal")
        #expect(told.withLock { $0 } == [.applied, .unchanged])
    }
}
