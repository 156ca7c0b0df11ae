// SPDX-License-Identifier: Apache-2.0
import Control
import DPDK
import Dataplane
import Model
import Packet

extension DaemonBackend {
    /// Looks at workers and devices twice, `seconds` apart.
    func liveReport(seconds: Double) async -> LiveReport {
        let before = machine.liveSample
        try? await Task.sleep(for: .seconds(seconds))
        let after = machine.liveSample
        return LiveDoctor(before: before, after: after, seconds: seconds).report
    }
}

extension Machine {
    var liveSample: LiveDoctor.Sample {
        var sample = LiveDoctor.Sample(
            workers: zip(plan.workers, engine.interchange.counters)
                .map { worker, counters in
                    LiveDoctor.WorkerSample(
                        id: worker.id,
                        turns: counters[.turns],
                        received: counters[.received],
                        transmitted: counters[.transmitted],
                        direct: counters[.directReplies],
                        redirected: counters[.redirectedIn]
                    )
                },
            ports: ports.ports.map { port in
                let counters = port.device.counters.map { ($0.name, $0.value) }
                return LiveDoctor.PortSample(
                    device: DeviceSample(port, faults),
                    isOnBus: port.devices.contains { $0.facts.device.contains(":") },
                    queues: port.setup.receiveQueues,
                    polled: port.polled,
                    steering: port.steering,
                    counters: Dictionary(counters) { first, _ in first }
                )
            }
        )
        let bad = drops.filter { $0.reason.name.contains("checksum") }
            .map { ($0.reason.name, $0.packets) }
        sample.badChecksums = Dictionary(bad) { first, _ in first }
        sample.unusable = unusableFrames
        sample.buffersInUse = ports.pool.inUse
        sample.bufferCapacity = ports.pool.size
        return sample
    }
}
