// SPDX-License-Identifier: Apache-2.0
import DPDK
import Model

/// How many queues a port opens, and which worker polls which of its receive queues.
///
/// Every receive queue that the device fills is polled by some worker: what no worker takes from a
/// queue is lost without a word.
struct QueuePlan: Equatable {
    /// What a device can do.
    struct Limits {
        var receiveQueues: Int
        var transmitQueues: Int
        /// Whether it spreads flows over several receive queues.
        var canScaleReceive: Bool
        var filledQueues: FilledQueues
    }

    private(set) var receiveQueues: Int
    let transmitQueues: Int
    /// Receive queues by worker.
    private(set) var polled: [[Int]]
    /// What differs from what the configuration asks for, in words.
    private(set) var notes: [String] = []

    /// Plans for the port called `name`; `configured` are `queue_number` of each direction, where
    /// the file says it.
    init(
        _ name: String,
        _ plan: WorkerPlan,
        _ limits: Limits,
        configured: (receive: Int?, transmit: Int?) = (nil, nil)
    ) throws(StartError) {
        let wanted = plan.queues(of: name)
        transmitQueues = wanted.transmit
        let most = limits.canScaleReceive ? limits.receiveQueues : 1
        receiveQueues = min(wanted.receive, max(1, most))
        polled = plan.workers.map { $0.receiveQueues[name] ?? [] }
        guard polled.contains(where: { !$0.isEmpty }) else { throw Self.unpolled(name) }
        guard transmitQueues <= limits.transmitQueues else {
            throw Self.tooFew(name, limits.transmitQueues, workers: transmitQueues)
        }
        if receiveQueues < wanted.receive {
            notes.append(
                "\(name): \(counted(receiveQueues, "receive queue")) instead of "
                    + "\(wanted.receive): "
                    + (limits.canScaleReceive
                        ? "the device has no more" : "the device has no receive-side scaling")
            )
        }
        switch limits.filledQueues {
        case .opened: break
        case .paired: receiveQueues = max(receiveQueues, min(transmitQueues, most))
        case .all: receiveQueues = max(receiveQueues, most)
        }
        noteUnused(name, configured)
        let open = receiveQueues
        polled = polled.map { $0.filter { $0 < open } }
        giveOutRest(name, plan)
    }

    /// Queues that the file asks for and nobody would poll are not opened: a device would fill them.
    private mutating func noteUnused(_ name: String, _ configured: (receive: Int?, transmit: Int?))
    {
        if let receive = configured.receive, receive > receiveQueues {
            notes.append(
                "\(name): rx queue_number \(receive), but workers poll \(receiveQueues): "
                    + "\(receiveQueues) opened, so that none is filled that nobody polls"
            )
        }
        if let transmit = configured.transmit, transmit > transmitQueues {
            notes.append(
                "\(name): tx queue_number \(transmit), but each of \(transmitQueues) workers "
                    + "uses one: \(transmitQueues) opened"
            )
        }
    }

    /// Has workers poll what the device fills beside what they were given: whoever polls the least
    /// takes the next one.
    private mutating func giveOutRest(_ name: String, _ plan: WorkerPlan) {
        let taken = Set(polled.flatMap(\.self))
        let pollers = polled.indices.filter { !polled[$0].isEmpty }
        for queue in 0..<receiveQueues where !taken.contains(queue) {
            guard let worker = pollers.min(by: { polled[$0].count < polled[$1].count }) else {
                continue
            }
            polled[worker].append(queue)
            notes.append(
                "\(name): the device fills receive queue \(queue), too: worker "
                    + "\(plan.workers[worker].id) polls it"
            )
        }
    }

    // MARK: - Refusals

    private static func unpolled(_ name: String) -> StartError {
        StartError(
            "no worker polls \(name), so nothing would be received there; give it to one: "
                + "worker_defs { worker NAME { port \(name) { rx_queue_ids 0 } } }"
        )
    }

    private static func tooFew(_ name: String, _ there: Int, workers: Int) -> StartError {
        StartError(
            "\(name) has \(counted(there, "transmit queue")), and \(workers) workers need one each: "
                + (there == 1 ? "say `workers 1`, or" : "say `workers \(there)`, or")
                + " use a device with more queues (a virtual machine's virtio device has as many "
                + "as its host gives it)"
        )
    }
}

extension QueuePlan.Limits {
    init(_ facts: Device.Facts) {
        self.init(
            receiveQueues: facts.receiveQueues,
            transmitQueues: facts.transmitQueues,
            canScaleReceive: facts.canScaleReceive,
            filledQueues: facts.filledQueues
        )
    }
}
