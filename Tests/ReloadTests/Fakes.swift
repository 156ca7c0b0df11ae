// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import Reload
import Synchronization

/// Gives what the test has put in.
final class FakeSource: ConfigurationSource {
    private let result: Mutex<LoadResult>

    init(_ state: DesiredState = DesiredState()) {
        result = Mutex(LoadResult(state: state, digest: "0", files: ["dpvs.conf": "0"]))
    }

    func load() -> LoadResult { result.withLock { $0 } }

    /// Only what is there twice: samples are too simple for a whole check.
    func check(_ state: DesiredState, edits: PlacedObjects) -> [Problem] {
        var files = PlacedObjects()
        files.services = load().state.services
            .map {
                let location = TextLocation(file: $0.owner.description, line: 0, column: 0)
                return Located($0, path: $0.title, at: location)
            }
        let objects = PlacedObjects(state, edits: edits, files: files)
        var checker = StateChecker(objects, settings: state.settings, CheckCache())
        checker.check()
        return checker.diagnostics.map(Problem.init)
            .filter { $0.message.contains("is there twice") }
    }

    func say(_ state: DesiredState, digest: String) {
        result.withLock { $0 = LoadResult(state: state, digest: digest, files: $0.files) }
    }

    func say(_ problem: Problem, digest: String) {
        result.withLock {
            $0.problems = [problem]
            $0.digest = digest
        }
    }
}

/// Remembers what it was told to run.
final class FakeExecutor: ChangeExecutor {
    struct Refusal: Error, CustomStringConvertible {
        var description: String { "no room" }
    }

    private struct State {
        var applied: [DesiredState] = []
        var refuses = false
        var remarks: [Problem] = []
        var busy = 0
        var most = 0
    }

    private let state = Mutex(State())

    var applied: [DesiredState] { state.withLock { $0.applied } }
    /// Calls that were in flight at the same time.
    var mostAtOnce: Int { state.withLock { $0.most } }

    func refuse(_ refuses: Bool) { state.withLock { $0.refuses = refuses } }

    /// What it says from now on of states that it applies.
    func remark(_ remarks: Problem...) { state.withLock { $0.remarks = remarks } }

    func apply(
        _ target: DesiredState,
        changes: [String],
        generation: UInt64
    ) async throws -> [Problem] {
        try state.withLock { state in
            if state.refuses { throw Refusal() }
            state.busy += 1
            state.most = max(state.most, state.busy)
        }
        await Task.yield()
        return state.withLock { state in
            state.busy -= 1
            state.applied.append(target)
            return state.remarks
        }
    }
}

/// Holds a reload at one latch until it is opened.
final class HoldingLatches: Latches {
    let latch: Latch
    private let arrived = AsyncStream.makeStream(of: Void.self)
    private let opened = AsyncStream.makeStream(of: Void.self)

    init(_ latch: Latch) { self.latch = latch }

    func pass(_ latch: Latch) async {
        guard latch == self.latch else { return }
        arrived.continuation.yield()
        for await _ in opened.stream { return }
    }

    /// Returns when a reload has come to the latch.
    func arrival() async { for await _ in arrived.stream { return } }

    func open() { opened.continuation.yield() }
}

extension Service {
    /// `web`: tcp 10.0.0.100:80 with backends 10.0.1.1, 10.0.1.2 and so on.
    static func sample(
        _ name: String = "web",
        port: UInt16 = 80,
        weights: [Int] = [100],
        owner: Owner = .file("web.yaml")
    ) -> Service {
        Service(
            key: Key(address: .v4(IPv4Address(10, 0, 0, 100)), port: port, protocol: .tcp),
            name: name,
            backends: weights.enumerated()
                .map { index, weight in
                    let address = IPv4Address(10, 0, 1, UInt8(index + 1))
                    return Backend(endpoint: Endpoint(.v4(address), 80), weight: weight)
                },
            owner: owner
        )
    }
}

extension DesiredState {
    static func services(_ services: Service...) -> DesiredState {
        DesiredState(services: services)
    }
}

extension Reloader {
    /// An edit without a batch.
    func editing(
        _ change: @Sendable @escaping (inout RuntimeLayer, DesiredState) -> Void
    ) async {
        _ = try? await edit(reason: "edit") { layer, files in
            var layer = layer
            change(&layer, files)
            return EditResult(layer: layer)
        }
    }
}

/// Edits of single objects, of which files say `theirs`.
extension RuntimeLayer {
    private func desk<Object>(_ theirs: Object?) -> EditDesk<Object> {
        EditDesk(self, files: theirs.map { [$0] } ?? [])
    }

    func object<Object: ConfigurationObject>(_ key: Object.Key, files theirs: Object?) -> Object? {
        var desk = desk(theirs)
        return desk.object(key)
    }

    mutating func put<Object: ConfigurationObject>(_ object: Object, files theirs: Object?) {
        var desk = desk(theirs)
        _ = desk.put(object)
        desk.leave(in: &self)
    }

    mutating func remove<Object: ConfigurationObject>(_ key: Object.Key, files theirs: Object?) {
        var desk = desk(theirs)
        desk.remove(key)
        desk.leave(in: &self)
    }
}
