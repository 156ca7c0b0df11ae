// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing

/// A backend as schedules are made of it.
struct ScheduledBackend: Equatable, Sendable {
    var endpoint: Endpoint
    /// As it counts now: see `SlowStart`.
    var weight: Int
    var slot: UInt32

    /// A number that stands for address and port on every instance; `salt` gives independent ones.
    func hash(_ salt: UInt64) -> UInt64 {
        let (high, low): (UInt64, UInt64) =
            switch endpoint.address {
            case .v4(let address): (0, 0xFFFF_0000_0000 | UInt64(address.rawValue))
            case .v6(let address): (address.high, address.low)
            }
        return FixedHash.of(high, low, UInt64(endpoint.port) | salt << 16)
    }
}

extension [ScheduledBackend] {
    /// Places of those with a weight above zero, by address and port: the same list in whatever
    /// order the backends were given.
    var indicesByIdentity: [Int] {
        indices.filter { self[$0].weight > 0 }
            .sorted { left, right in
                let (left, right) = (self[left].endpoint, self[right].endpoint)
                return (left.address, left.port) < (right.address, right.port)
            }
    }
}
