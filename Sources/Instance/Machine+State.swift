// SPDX-License-Identifier: Apache-2.0
import Control
import DPDK
import Dataplane
import MetricsExposition
import Networking
import Packet

extension Machine {
    /// Every reason with its packets, over all threads.
    var drops: [(reason: DropReason, packets: UInt64)] {
        let counters = engine.interchange.counters + [slowPath.counters]
        return DropReason.allCases.map { reason in
            (reason, counters.reduce(0) { $0 + $1[reason] })
        }
    }

    /// Packets that took the client's address along, by how.
    var addressedPackets: [StateCount] {
        counts([
            ("toa", .addressedByTOA), ("uoa", .addressedByUOA), ("proxy-v1", .addressedByProxyV1),
            ("proxy-v2", .addressedByProxyV2),
        ])
    }

    /// Packets that went without it, by the reason.
    var unaddressedPackets: [StateCount] {
        counts([
            ("mtu", .unaddressedForMTU), ("buffer", .unaddressedForBuffer),
            ("form", .unaddressedForForm),
        ])
    }

    private func counts(_ kinds: [(String, WorkerCounters.Kind)]) -> [StateCount] {
        kinds.map { name, kind in
            StateCount(
                state: name,
                count: engine.interchange.counters.reduce(0) { $0 &+ $1[kind] }
            )
        }
    }

    /// What went by a VLAN or a tunnel.
    func statistics(_ vlan: (name: String, id: InterfaceID)) -> InterfaceStatistics {
        let interchange = engine.interchange
        var row = InterfaceStatistics(name: vlan.name)
        row.receivedPackets = interchange.count(.receivedPackets, of: vlan.id)
        row.receivedBytes = interchange.count(.receivedOctets, of: vlan.id)
        row.transmittedPackets = interchange.count(.sentPackets, of: vlan.id)
        row.transmittedBytes = interchange.count(.sentOctets, of: vlan.id)
        return row
    }

    /// What went between ports and the kernel; zeros for ports without a companion.
    var exceptions: [ExceptionStatistics] {
        let interchange = engine.interchange
        return ports.ports.enumerated()
            .flatMap { index, port in
                ExceptionClass.allCases.map { kind in
                    var row = ExceptionStatistics(port: port.name, exceptionClass: kind.name)
                    row.passed = interchange.exceptions(.passed, kind, port: index)
                    row.policed = interchange.exceptions(.policed, kind, port: index)
                    row.full = interchange.exceptions(.full, kind, port: index)
                    row.sent = interchange.exceptions(.sent, kind, port: index)
                    return row
                }
            }
    }

    /// The companion of a port, with what went through it.
    func companionStatus(of port: Int) -> CompanionStatus? {
        guard let companion = companions.all[InterfaceID(port: port)] else { return nil }
        func sum(_ event: ExceptionCounters.Event) -> UInt64 {
            ExceptionClass.allCases.reduce(0) {
                $0 &+ engine.interchange.exceptions(event, $1, port: port)
            }
        }
        var status = CompanionStatus(name: companion.name, kind: companion.kind)
        status.passed = sum(.passed)
        status.policed = sum(.policed)
        status.full = sum(.full)
        status.sent = sum(.sent)
        return status
    }

    var neighbourStates: [StateCount] {
        NeighbourTable<PuntedPacket>.State.allCases
            .map {
                StateCount(state: $0.rawValue, count: UInt64(slowPath.neighbourCount(in: $0)))
            }
    }
}
