// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import PacketTesting
import Reload
import Testing

struct OwnershipTests {
    @Test func `objects of files go with their files; those of commands stay`() {
        let files = DesiredState.services(.sample("a", port: 1))
        let running = DesiredState.services(
            .sample("old", port: 2, owner: .file("gone.yaml")),
            .sample("cli", port: 3, owner: .runtime),
            .sample("mirror", port: 4, owner: .kernel)
        )
        #expect(files.keepingRuntime(of: running).services.map(\.name) == ["a", "cli"])
    }

    @Test func `a file wins over a command for the same object`() {
        let files = DesiredState.services(.sample(weights: [1]))
        let running = DesiredState.services(.sample(weights: [2], owner: .runtime))
        #expect(files.keepingRuntime(of: running) == files)
    }

    @Test(arguments: 0..<UInt64(50))
    func `merging once more changes nothing`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var files = DesiredState.random(&generator)
        for index in files.vlans.indices { files.vlans[index].owner = .file("a.yaml") }
        for index in files.tunnels.indices { files.tunnels[index].owner = .file("a.yaml") }
        for index in files.services.indices { files.services[index].owner = .file("a.yaml") }
        for index in files.routes.indices { files.routes[index].owner = .file("a.yaml") }
        for index in files.neighbours.indices { files.neighbours[index].owner = .file("a.yaml") }
        for index in files.addresses.indices { files.addresses[index].owner = .file("a.yaml") }
        let merged = files.keepingRuntime(of: .random(&generator))
        #expect(files.keepingRuntime(of: merged) == merged)
        #expect(merged.drift(from: files).allSatisfy { $0.kind == .extra })
    }

    @Test func `a state has not drifted from itself`() {
        var generator = SeededGenerator(seed: 1)
        let state = DesiredState.random(&generator).withoutKernel
        #expect(state.drift(from: state) == [])
    }

    @Test func `drift names the object and what differs`() {
        let files = DesiredState.services(.sample(weights: [1, 2]), .sample("gone", port: 2))
        var changed = Service.sample(weights: [5])
        changed.scheduler = .wrr
        let running = DesiredState.services(changed, .sample("cli", port: 3, owner: .runtime))
        #expect(
            running.drift(from: files) == [
                DriftEntry(
                    object: "service tcp 10.0.0.100:2",
                    kind: .missing,
                    owner: .file("web.yaml"),
                    detail: "in the files, not running"
                ),
                DriftEntry(
                    object: "service tcp 10.0.0.100:3",
                    kind: .extra,
                    owner: .runtime,
                    detail: "running, not in the files"
                ),
                DriftEntry(
                    object: "service tcp 10.0.0.100:80",
                    kind: .different,
                    owner: .file("web.yaml"),
                    detail: "scheduler rr → wrr, backend 10.0.1.2:80 missing, "
                        + "backend 10.0.1.1:80 weight 1 → 5"
                ),
            ]
        )
    }
}
