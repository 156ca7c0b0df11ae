// SPDX-License-Identifier: Apache-2.0
import Balancing
import Dataplane
import Model

extension Provisioner {
    /// Lifts "full" from backends whose limit has grown or gone.
    func reconsiderFullBackends(of state: DesiredState) {
        guard !engine.conditions.areAllUsable else { return }
        for service in state.services {
            for backend in service.backends {
                let key = BackendKey(service: service.key, endpoint: backend.endpoint)
                guard let slot = slot(of: key),
                    engine.conditions.reasons(slot: slot).contains(.full)
                else { continue }
                let bound = backend.minConnections ?? backend.maxConnections ?? .max
                if engine.total(BackendCounter.claimed, slot: slot) < UInt64(bound) {
                    engine.conditions.remove(.full, slot: slot)
                }
            }
        }
    }
}

extension TrafficLimits {
    init(_ protection: Protection) {
        self.init(
            packetRate: RateLimiter(perSecond: UInt64(protection.rateLimit.packets ?? 0)),
            bitRate: RateLimiter(perSecond: UInt64(protection.rateLimit.bits ?? 0)),
            share: UInt8(clamping: protection.packetShare ?? 100)
        )
    }
}

extension ServiceLimits {
    init(_ protection: Protection) {
        self.init(
            maxConnections: UInt64(protection.maxConnections ?? 0),
            connectionRate: RateLimiter(
                perSecond: UInt64(protection.rateLimit.connections ?? 0)
            )
        )
    }
}
