// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import PacketTesting
import Reload
import Testing

struct OwnershipTests {
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
