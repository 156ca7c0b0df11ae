// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Model

@Suite struct WorkerPlanTests {
    private func settings(devices: [String], workers count: Int? = nil) -> Settings {
        var settings = Settings()
        settings.devices = devices.map { NamedBlock(name: $0, path: "netif_defs.device") }
        settings.items["worker_defs.workers"] = count.map { .integer($0) }
        return settings
    }

    /// A worker block; each port with the queues that it receives from and sends to.
    private func block(
        _ type: String?,
        cpu: Int,
        _ ports: [String: (receive: [Int], transmit: [Int])] = [:]
    ) -> NamedBlock {
        var block = NamedBlock(name: "cpu\(cpu)", path: "worker_defs.worker")
        block.items["type"] = type.map { .text($0) }
        block.items["cpu_id"] = .integer(cpu)
        block.blocks = ports.sorted { $0.key < $1.key }
            .map { name, queues in
                var port = NamedBlock(name: name, path: "worker_defs.worker.port")
                port.items["rx_queue_ids"] = .integers(queues.receive)
                port.items["tx_queue_ids"] = .integers(queues.transmit)
                return port
            }
        return block
    }

    // MARK: - Without worker blocks

    @Test func `without a word there is one worker, beside the control side`() {
        let plan = WorkerPlan(settings(devices: ["a", "b"]), cpus: [2, 3])
        #expect(plan.main == (0, 2))
        let worker = WorkerPlan.Worker(
            id: 1,
            cpu: 3,
            receiveQueues: ["a": [0], "b": [0]],
            transmitQueue: ["a": 0, "b": 0]
        )
        #expect(plan.workers == [worker])
        #expect(plan.queues(of: "a") == (1, 1) && plan.notes.isEmpty)
    }

    @Test func `each worker has a queue of its own on every device`() {
        let plan = WorkerPlan(settings(devices: ["a", "b"], workers: 3), cpus: [4, 5, 6, 7])
        #expect(plan.workers.map(\.id) == [1, 2, 3] && plan.workers.map(\.cpu) == [5, 6, 7])
        for device in ["a", "b"] {
            #expect(plan.workers.map { $0.receiveQueues[device] } == [[0], [1], [2]])
            #expect(plan.workers.map { $0.transmitQueue[device] } == [0, 1, 2])
            #expect(plan.queues(of: device) == (3, 3))
        }
        #expect(plan.notes.isEmpty)
    }

    @Test(
        arguments: [
            (1, [7], [7]), (2, [7], [7, 7]), (3, [4, 5], [5, 5, 5]), (4, [4, 5, 6], [5, 6, 5, 6]),
        ] as [(Int, [Int], [Int])]
    )
    func `too few CPUs are shared and that is said`(count: Int, cpus: [Int], expected: [Int]) {
        let plan = WorkerPlan(settings(devices: ["a"], workers: count), cpus: cpus)
        #expect(plan.workers.map(\.cpu) == expected && plan.main.cpu == cpus[0])
        #expect(plan.notes == ["\(count) workers and the control side share \(cpus.count) CPUs"])
    }

    @Test func `unknown CPUs are no reason to stop`() {
        let plan = WorkerPlan(settings(devices: ["a"], workers: 2), cpus: [])
        #expect(plan.main == (0, 0) && plan.workers.count == 2 && plan.notes.isEmpty)
    }

    // MARK: - With worker blocks

    @Test func `worker blocks say which CPU polls which queues`() {
        var settings = settings(devices: ["a", "b"])
        settings.workers = [
            block("master", cpu: 1),
            block("slave", cpu: 2, ["a": ([0, 1], [0]), "b": ([1], [1])]),
            block(nil, cpu: 3, ["a": ([2], [1]), "b": ([0], [0])]),
        ]
        let plan = WorkerPlan(settings, cpus: [0, 1, 2, 3])
        #expect(plan.main == (1, 1) && plan.notes.isEmpty)
        #expect(plan.workers.map(\.id) == [2, 3], "a block without a type is a slave's")
        #expect(plan.workers[0].receiveQueues == ["a": [0, 1], "b": [1]])
        #expect(plan.workers[1].receiveQueues == ["a": [2], "b": [0]])
        #expect(plan.workers.map { $0.transmitQueue["b"] } == [1, 0])
        #expect(plan.queues(of: "a") == (3, 2) && plan.queues(of: "b") == (2, 2))
    }

    @Test func `a worker without a transmit queue gets a free one on every device`() {
        var settings = settings(devices: ["a", "b"])
        settings.workers = [
            block("master", cpu: 0), block("slave", cpu: 1, ["a": ([0], [1])]),
            block("slave", cpu: 2, ["b": ([0], [])]), block("slave", cpu: 3),
        ]
        let plan = WorkerPlan(settings, cpus: [0, 1, 2, 3])
        #expect(plan.workers.map { $0.transmitQueue["a"] } == [1, 2, 3])
        #expect(plan.workers.map { $0.transmitQueue["b"] } == [0, 1, 2])
        #expect(plan.queues(of: "a") == (1, 4) && plan.queues(of: "b") == (1, 3))
    }

    @Test func `a CPU that is not ours is replaced and that is said`() {
        var settings = settings(devices: ["a"])
        settings.workers = [block("master", cpu: 0), block("slave", cpu: 9, ["a": ([0], [0])])]
        let plan = WorkerPlan(settings, cpus: [0, 1, 2])
        #expect(plan.workers.map(\.id) == [9] && plan.workers.map(\.cpu) == [0])
        #expect(plan.notes == ["CPU 9 of worker cpu9 is not ours to use: it gets CPU 0"])
    }

    @Test func `kernel workers are not in this version`() {
        var settings = settings(devices: ["a"])
        settings.workers = [
            block("master", cpu: 0), block("slave", cpu: 1, ["a": ([0], [0])]),
            block("kni", cpu: 2),
        ]
        let plan = WorkerPlan(settings, cpus: [0, 1, 2, 3])
        #expect(plan.workers.count == 1)
        #expect(plan.notes == ["worker cpu2: kni workers are not in this version"])
    }

    @Test func `plans are equal when everything is`() {
        let settings = settings(devices: ["a"], workers: 2)
        #expect(WorkerPlan(settings, cpus: [0, 1, 2]) == WorkerPlan(settings, cpus: [0, 1, 2]))
        #expect(WorkerPlan(settings, cpus: [0, 1, 2]) != WorkerPlan(settings, cpus: [0, 1]))
        #expect(WorkerPlan(settings, cpus: [0, 1, 2]) != WorkerPlan(settings, cpus: [3, 1, 2]))
    }

    @Test(arguments: [([0, 1, 2, 3], [1, 2, 3]), ([5, 7], [7]), ([3], [3])])
    func `auto takes every CPU but one for workers`(cpus: [Int], expected: [Int]) {
        var settings = settings(devices: ["a"])
        settings.items["worker_defs.workers"] = .text("auto")
        #expect(WorkerPlan(settings, cpus: cpus).workers.map(\.cpu) == expected)
    }
}
