// SPDX-License-Identifier: Apache-2.0
import DPDK
import Model
import Testing

@testable import Instance

@Suite struct QueuePlanTests {
    /// Workers without blocks: each polls the queue of its number on dpdk0.
    private func automatic(_ workers: Int) -> WorkerPlan {
        var settings = Settings()
        settings.devices = [NamedBlock(name: "dpdk0", path: "netif_defs.device")]
        settings.items["worker_defs.workers"] = .integer(workers)
        return WorkerPlan(settings, cpus: Array(0...workers))
    }

    /// The same, with other queues to poll.
    private func plan(_ queues: [[Int]]) -> WorkerPlan {
        var plan = automatic(queues.count)
        for (index, queues) in queues.enumerated() {
            plan.workers[index].receiveQueues["dpdk0"] = queues.isEmpty ? nil : queues
        }
        return plan
    }

    private func limits(
        _ filled: FilledQueues,
        queues: Int = 8,
        canScale: Bool = true
    ) -> QueuePlan.Limits {
        QueuePlan.Limits(
            receiveQueues: queues,
            transmitQueues: queues,
            canScaleReceive: canScale,
            filledQueues: filled
        )
    }

    @Test func `a card opens what workers poll, whatever queue_number says`() throws {
        let queues = try QueuePlan(
            "dpdk0",
            automatic(1),
            limits(.opened),
            configured: (receive: 4, transmit: 4)
        )
        #expect(queues.receiveQueues == 1 && queues.transmitQueues == 1)
        #expect(queues.polled == [[0]])
        #expect(queues.notes.count == 2)
        #expect(queues.notes[0].contains("rx queue_number 4, but workers poll 1"))
    }

    @Test func `virtio without RSS fills as many queues as are transmitted on, and all are polled`()
        throws
    {
        let own = try QueuePlan("dpdk0", automatic(2), limits(.paired))
        #expect(own.polled == [[0], [1]] && own.notes == [])
        // The second worker polls another port only; the host fills its queue all the same.
        let one = try QueuePlan("dpdk0", plan([[0], []]), limits(.paired))
        #expect(one.receiveQueues == 2 && one.transmitQueues == 2)
        #expect(one.polled == [[0, 1], []])
        #expect(one.notes[0].contains("the device fills receive queue 1, too: worker 1 polls it"))
    }

    @Test func `a card is not made to fill queues by being transmitted on`() throws {
        let one = try QueuePlan("dpdk0", plan([[0], []]), limits(.opened))
        #expect(one.receiveQueues == 1 && one.polled == [[0], []])
    }

    @Test func `all sockets of AF_PACKET are polled, however many were asked for`() throws {
        let one = try QueuePlan("dpdk0", automatic(1), limits(.all, queues: 4))
        #expect(one.receiveQueues == 4 && one.polled == [[0, 1, 2, 3]])
        let two = try QueuePlan("dpdk0", automatic(2), limits(.all, queues: 5))
        #expect(two.polled == [[0, 2, 4], [1, 3]])
    }

    @Test func `a device without receive-side scaling has one receive queue, and that is said`()
        throws
    {
        let queues = try QueuePlan("dpdk0", automatic(3), limits(.opened, canScale: false))
        #expect(queues.receiveQueues == 1 && queues.transmitQueues == 3)
        #expect(queues.polled == [[0], [], []])
        #expect(queues.notes.count == 1)
    }

    @Test func `a port that no worker polls is refused`() {
        let error = #expect(throws: StartError.self) {
            try QueuePlan("dpdk0", plan([[], []]), limits(.opened))
        }
        #expect(error?.description.hasPrefix("no worker polls dpdk0") == true)
    }

    @Test func `too few transmit queues are refused with what to do`() {
        let error = #expect(throws: StartError.self) {
            try QueuePlan("dpdk0", automatic(2), limits(.opened, queues: 1))
        }
        let text = "dpdk0 has 1 transmit queue, and 2 workers need one each: say `workers 1`"
        #expect(error?.description.hasPrefix(text) == true)
    }
}
