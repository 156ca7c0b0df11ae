// SPDX-License-Identifier: Apache-2.0

/// Maglev hashing: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer",
/// NSDI 2016, section 3.4.
///
/// Every backend has a permutation of the slots of its own; the backends take turns in claiming the
/// first slot of theirs that is free. Permutations and turns depend on addresses, ports and weights
/// alone, so every instance makes the same table.
enum MaglevTable {
    /// The backend of each slot; empty when none has a weight.
    ///
    /// `size` is prime. A weight changes "the relative frequency of the backends' turns" (section 3.4): the heaviest
    /// claims a slot in every round, one of half its weight in every other. As long as there are
    /// slots enough, each backend has at least one.
    static func filled(_ backends: [ScheduledBackend], size: Int) -> [UInt16] {
        filled(claimants(backends, size), size: size)
    }

    /// The turns themselves.
    static func filled(_ claimants: [Claimant], size: Int) -> [UInt16] {
        guard !claimants.isEmpty, size > 1 else { return [] }
        var claimants = claimants
        let heaviest = claimants.reduce(0) { max($0, $1.weight) }
        var table = [UInt16](repeating: .max, count: size)
        var left = size
        var round = 0
        while true {
            round += 1
            for index in claimants.indices
            where round * claimants[index].weight >= claimants[index].due {
                claimants[index].due += heaviest
                table[claimants[index].claim(in: table)] = claimants[index].backend
                left -= 1
                if left == 0 { return table }
            }
        }
    }

    private static func claimants(_ backends: [ScheduledBackend], _ size: Int) -> [Claimant] {
        let total = backends.reduce(0) { $0 + $1.weight }
        let heaviest = backends.reduce(0) { max($0, $1.weight) }
        return backends.indicesByIdentity.map { index in
            let weight = backends[index].weight
            return Claimant(
                backend: UInt16(index),
                weight: weight,
                // Half a turn early or late on average; at once where there would be none.
                due: weight * size < total ? 0 : heaviest / 2,
                place: Int(backends[index].hash(1) % UInt64(size)),
                skip: Int(backends[index].hash(2) % UInt64(size - 1)) + 1
            )
        }
    }

    /// A backend in the course of filling.
    struct Claimant {
        let backend: UInt16
        let weight: Int
        /// Its next turn is in the round whose number times the weight reaches this.
        var due: Int
        /// `permutation[i][j] = (offset + j * skip) mod M`, for the next j.
        var place: Int
        let skip: Int

        /// The first free slot of the permutation; there is one.
        mutating func claim(in table: [UInt16]) -> Int {
            while true {
                let claimed = place
                place += skip
                if place >= table.count { place -= table.count }
                if table[claimed] == .max { return claimed }
            }
        }
    }
}
