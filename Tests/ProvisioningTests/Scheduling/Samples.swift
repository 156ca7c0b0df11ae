// SPDX-License-Identifier: Apache-2.0
import Addressing
import Foundation

@testable import Provisioning

/// Backends 10.0.x.y:8080 with these weights.
func backends(_ weights: [Int]) -> [ScheduledBackend] {
    weights.enumerated()
        .map { index, weight in
            ScheduledBackend(
                endpoint: Endpoint(
                    .v4(IPv4Address(10, 0, UInt8(index / 250), UInt8(1 + index % 250))),
                    8080
                ),
                weight: weight,
                slot: UInt32(index)
            )
        }
}

func equalBackends(_ count: Int) -> [ScheduledBackend] {
    backends(Array(repeating: 1, count: count))
}

/// The shares of a schedule beside what weights ask, and what a removal moves.
struct Shares {
    /// By endpoint, so that lists in different orders compare.
    static func owners(_ entries: [UInt16], of backends: [ScheduledBackend]) -> [Endpoint] {
        entries.map { backends[Int($0)].endpoint }
    }

    static func counts(_ entries: [UInt16], _ count: Int) -> [Int] {
        var counts = Array(repeating: 0, count: count)
        for entry in entries { counts[Int(entry)] += 1 }
        return counts
    }

    /// Slots that changed hands although their backend stayed, as a part of all.
    static func disruption(
        _ before: [Endpoint],
        _ after: [Endpoint],
        without gone: Endpoint
    )
        -> Double
    {
        let moved = zip(before, after).count { $0 != $1 && $0 != gone }
        return Double(moved) / Double(before.count)
    }
}

let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
