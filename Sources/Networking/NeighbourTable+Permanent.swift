// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import Timing

/// Neighbours that are given.
extension NeighbourTable {
    /// `key` is at `mac`, whatever anybody says; `handle` is for a new neighbour.
    public mutating func fix(
        _ key: Key,
        at mac: MACAddress,
        handle: @autoclosure () -> AdjacencyHandle?,
        now: Instant
    ) -> [Action] {
        let known = neighbours[key]
        guard known?.state != .permanent || known?.mac != mac,
            let handle = known?.handle ?? handle()
        else { return [] }
        let waiting = known?.waiting ?? []
        heldCount -= waiting.count
        neighbours[key] = Neighbour(
            handle: handle,
            state: .permanent,
            mac: mac,
            deadline: now,
            isPinned: known?.isPinned ?? false
        )
        return [.show(.reachable, mac, handle)] + waiting.map { .send($0.packet, key) }
    }

    /// Where `key` is has to be found out again.
    public mutating func loosen(_ key: Key, at now: Instant) -> [Action] {
        guard var neighbour = neighbours[key], neighbour.state == .permanent else { return [] }
        defer { neighbours[key] = neighbour }
        neighbour.mac = .zero
        return begin(.incomplete, &neighbour, key, now)
    }

    public var permanent: [Key] { neighbours.filter { $0.value.state == .permanent }.map(\.key) }
}
