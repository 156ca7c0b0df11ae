// SPDX-License-Identifier: Apache-2.0

/// Packets that wait for an answer.
extension NeighbourTable {
    mutating func hold(
        _ packet: Held,
        _ neighbour: inout Neighbour,
        _ key: Key
    ) -> [Action] {
        guard neighbour.waiting.count < limits.queueLength else { return [.refuse(packet)] }
        keep(packet, &neighbour, key)
        return []
    }

    mutating func keep(_ packet: Held, _ neighbour: inout Neighbour, _ key: Key) {
        neighbour.waiting.append(Waiting(packet: packet, number: nextNumber))
        arrivals.append((key, nextNumber))
        nextNumber += 1
        heldCount += 1
    }

    /// Gives up the packets that have waited longest while too many wait.
    mutating func shed() -> [Action] {
        var actions: [Action] = []
        while heldCount > limits.totalLength, oldest < arrivals.count {
            let (key, number) = arrivals[oldest]
            oldest += 1
            guard neighbours[key]?.waiting.first?.number == number,
                let given = neighbours[key]?.waiting.removeFirst()
            else { continue }
            heldCount -= 1
            actions.append(.refuse(given.packet))
        }
        // Those that wait no more are forgotten when they are the greater part.
        if arrivals.count > 2 * heldCount + 64 {
            arrivals.removeFirst(oldest)
            oldest = 0
            arrivals.removeAll { key, number in
                neighbours[key].map { $0.waiting.allSatisfy { $0.number != number } } ?? true
            }
        }
        return actions
    }

    /// The packets that wait for a neighbour, which waits for none afterwards.
    mutating func takeWaiting(_ neighbour: inout Neighbour) -> [Held] {
        defer { neighbour.waiting = [] }
        heldCount -= neighbour.waiting.count
        return neighbour.waiting.map(\.packet)
    }
}
