// SPDX-License-Identifier: Apache-2.0
import Balancing
import DPDK
import Dataplane
import Linux
import Logging
import Provisioning
import Timing

/// Warm restart: what the machine leaves, and how it goes on with what another one has left.
extension Machine {
    /// Leaves in `file` all that a process can go on with, under the configuration of `digest`; all
    /// workers have ended.
    func leave(to file: HandoverFile, _ digest: String) async {
        let now = clock.instant(at: Host.cycles)
        var (handover, places) = await conductor.leave(at: now)
        handover.head.savedAt = Host.monotonicNanoseconds
        handover.head.bootID = Host.bootID
        handover.head.digest = digest
        handover.head.steeringKey = ports.domain.wantedKey
        handover.head.connections = loops.reduce(0) { $0 + $1.savableConnections }
        handover.head.counters = counters
        do {
            try file.write(handover) { keep in
                for loop in loops {
                    try loop.save { connection in
                        var connection = connection
                        connection.backendSlot = places[connection.backendSlot] ?? .max
                        try keep(connection)
                    }
                }
            }
            logger.notice("left \(handover.head.connections) connections in \(file.path)")
        } catch {
            logger.error("the connections are lost: \(error)")
        }
    }

    private var counters: Handover.Counters {
        var counters = Handover.Counters()
        counters.workers = engine.interchange.counters.map(\.totals)
        counters.slowPath = slowPath.counters.totals
        for (index, port) in ports.ports.enumerated() {
            for kind in ExceptionClass.allCases {
                for event in ExceptionCounters.Event.allCases {
                    let packets = engine.interchange.exceptions(event, kind, port: index)
                    counters.exceptions[port.name, default: [:]][kind.name, default: [:]][
                        "\(event)"
                    ] = packets
                }
            }
        }
        return counters
    }

    /// Before the workers begin.
    static func goOn(
        after handover: consuming Handover,
        _ engine: Engine,
        _ provisioner: Provisioner,
        _ slowPath: SlowPath<DPDKPort>,
        _ ports: PortSet,
        _ now: Instant
    ) {
        let silence = Host.monotonicNanoseconds &- handover.head.savedAt
        handover.age(by: .nanoseconds(Int64(clamping: silence)))
        restore(handover.head.counters, engine.interchange, slowPath, ports)
        provisioner.takeOver(handover, at: now)
    }

    /// Workers of other numbers have none to go on with.
    private static func restore(
        _ counters: Handover.Counters,
        _ interchange: Interchange,
        _ slowPath: SlowPath<DPDKPort>,
        _ ports: PortSet
    ) {
        for (block, totals) in zip(interchange.counters, counters.workers) {
            block.restore(totals)
        }
        slowPath.counters.restore(counters.slowPath)
        guard let block = interchange.exceptionCounters.last else { return }
        for (index, port) in ports.ports.enumerated() {
            for kind in ExceptionClass.allCases {
                let events = counters.exceptions[port.name]?[kind.name] ?? [:]
                for event in ExceptionCounters.Event.allCases {
                    block.add(events["\(event)"] ?? 0, event, kind, port: index)
                }
            }
        }
    }
}
