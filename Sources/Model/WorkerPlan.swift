// SPDX-License-Identifier: Apache-2.0

/// Which CPUs do what: `worker_defs`, or sensible values where it says nothing.
package struct WorkerPlan: Equatable, Sendable {
    package struct Worker: Equatable, Sendable {
        /// Number of the lcore.
        package var id: Int
        package var cpu: Int
        /// Receive queues to poll, by device.
        package var receiveQueues: [String: [Int]]
        /// The transmit queue to fill, by device.
        package var transmitQueue: [String: Int]
    }

    /// The lcore and CPU of the control side.
    package var main: (id: Int, cpu: Int)
    package var workers: [Worker]
    /// What the plan could not give as asked.
    package var notes: [String]

    /// Lays the workers out on `cpus`, the CPUs that the process may use.
    package init(_ settings: Settings, cpus: [Int]) {
        notes = []
        main = (0, cpus.first ?? 0)
        workers = []
        let devices = settings.ports.map(\.name)
        if settings.workers.isEmpty {
            workers = Self.automatic(settings, devices, cpus)
        } else {
            main = (0, 0)
            readBlocks(settings, devices, cpus)
        }
        if workers.count >= cpus.count, cpus.count > 0 {
            notes.append(
                "\(workers.count) workers and the control side share \(cpus.count) CPUs"
            )
        }
    }

    package static func == (left: WorkerPlan, right: WorkerPlan) -> Bool {
        left.main == right.main && left.workers == right.workers && left.notes == right.notes
    }

    /// Receive and transmit queues that a device needs for this plan.
    package func queues(of device: String) -> (receive: Int, transmit: Int) {
        let receive = workers.flatMap { $0.receiveQueues[device] ?? [] }.max() ?? 0
        let transmit = workers.compactMap { $0.transmitQueue[device] }.max() ?? 0
        return (receive + 1, transmit + 1)
    }

    /// Gives queues 0..<`queues` of `device` that nobody polls to workers, the next one's first.
    ///
    /// For devices whose frames would be lost, or go to somebody else, in a queue that is not opened.
    package mutating func poll(queues: Int, of device: String) {
        let polled = Set(workers.flatMap { $0.receiveQueues[device] ?? [] })
        guard !workers.isEmpty else { return }
        for (position, queue) in (0..<queues).filter({ !polled.contains($0) }).enumerated() {
            workers[position % workers.count].receiveQueues[device, default: []].append(queue)
        }
    }

    // MARK: - Without worker blocks

    private static func automatic(
        _ settings: Settings,
        _ devices: [String],
        _ cpus: [Int]
    ) -> [Worker] {
        let isAuto = settings.text("worker_defs.workers") == "auto"
        let count = max(1, isAuto ? cpus.count - 1 : settings.integer("worker_defs.workers"))
        // The first CPU is the control side's as long as there is another one.
        let free = cpus.count > 1 ? Array(cpus.dropFirst()) : cpus
        return (0..<count)
            .map { index in
                let queues = devices.map { ($0, [index]) }
                return Worker(
                    id: index + 1,
                    cpu: free.isEmpty ? 0 : free[index % free.count],
                    receiveQueues: Dictionary(uniqueKeysWithValues: queues),
                    transmitQueue: Dictionary(uniqueKeysWithValues: devices.map { ($0, index) })
                )
            }
    }

    // MARK: - With worker blocks

    private mutating func readBlocks(_ settings: Settings, _ devices: [String], _ cpus: [Int]) {
        func cpu(_ id: Int, _ name: String) -> Int {
            if cpus.contains(id) || cpus.isEmpty { return id }
            let other = cpus[id % cpus.count]
            notes.append("CPU \(id) of worker \(name) is not ours to use: it gets CPU \(other)")
            return other
        }
        for block in settings.workers {
            let id = block.integer("cpu_id") ?? 0
            switch block.text("type") {
            case "master": main = (id, cpu(id, block.name))
            case "slave":
                var worker = Worker(
                    id: id,
                    cpu: cpu(id, block.name),
                    receiveQueues: [:],
                    transmitQueue: [:]
                )
                for port in block.blocks {
                    worker.receiveQueues[port.name] = port.integers("rx_queue_ids")
                    worker.transmitQueue[port.name] = port.integers("tx_queue_ids").first
                }
                workers.append(worker)
            default: notes.append("worker \(block.name): kni workers are not in this version")
            }
        }
        giveTransmitQueues(devices)
    }

    /// Every worker sends on every device, on a queue of its own.
    private mutating func giveTransmitQueues(_ devices: [String]) {
        for device in devices {
            var next = (workers.compactMap { $0.transmitQueue[device] }.max() ?? -1) + 1
            for index in workers.indices where workers[index].transmitQueue[device] == nil {
                workers[index].transmitQueue[device] = next
                next += 1
            }
        }
    }
}
