// SPDX-License-Identifier: Apache-2.0
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

    var neighbourStates: [StateCount] {
        NeighbourTable<PuntedPacket>.State.allCases
            .map {
                StateCount(state: $0.rawValue, count: UInt64(slowPath.neighbourCount(in: $0)))
            }
    }
}
