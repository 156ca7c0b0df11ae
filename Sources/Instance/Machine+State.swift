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

    var neighbourStates: [StateCount] {
        NeighbourTable<PuntedPacket>.State.allCases
            .map {
                StateCount(state: $0.rawValue, count: UInt64(slowPath.neighbourCount(in: $0)))
            }
    }
}
