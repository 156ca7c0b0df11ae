// SPDX-License-Identifier: Apache-2.0
import Addressing

/// A field of a service that is accepted and does nothing beside what else the service says.
package struct IdleField: Equatable, Sendable {
    /// As service files call it.
    package var field: String
    /// Place of the backend it is about; nil: the service.
    package var backend: Int?
    package var reason: String
    package var value: String?
}

extension Service {
    /// Fields without effect; every front end tells them.
    package var idleFields: [IdleField] {
        markFields + onePacketFields + sourceNATFields + persistenceFields + quicFields
    }

    private var markFields: [IdleField] {
        guard case .mark(let mark) = key.selector else { return [] }
        return [
            IdleField(
                field: "fwmark",
                reason: "nobody marks packets here, so none belongs to this service; "
                    + "match selects packets by their addresses and ports",
                value: String(mark)
            )
        ]
    }

    /// Without connections there is nothing to count, to time out or to end.
    private var onePacketFields: [IdleField] {
        guard isOnePacket else { return [] }
        let reason = "onePacket keeps no connections"
        var fields: [IdleField] = []
        if let timeout = connectionTimeout {
            fields.append(.init(field: "connectionTimeout", reason: reason, value: timeout.text))
        }
        if let most = protection.maxConnections {
            fields.append(.init(field: "maxConnections", reason: reason, value: String(most)))
        }
        if protection.expiresQuiescent {
            fields.append(.init(field: "expireQuiescent", reason: reason, value: "true"))
        }
        if let timeout = protection.drainTimeout {
            fields.append(.init(field: "drainTimeout", reason: reason, value: timeout.text))
        }
        for (index, backend) in backends.enumerated() {
            guard let most = backend.maxConnections else { continue }
            let value = String(most)
            fields.append(
                .init(field: "maxConnections", backend: index, reason: reason, value: value)
            )
        }
        return fields
    }

    private var sourceNATFields: [IdleField] {
        guard mode == .snat else { return [] }
        var fields: [IdleField] = []
        if let slowStart {
            let reason = "mode snat has no backends that join"
            fields.append(.init(field: "slowStart", reason: reason, value: slowStart.text))
        }
        return fields
    }

    private var persistenceFields: [IdleField] {
        guard let persistence else { return [] }
        // A mark is of both families.
        if case .mark = key.selector { return [] }
        let isIPv4 = key.family == .ipv4
        let (name, mask, width) =
            isIPv4
            ? ("maskV6", persistence.maskV6, 128) : ("mask", persistence.mask, 32)
        guard mask != width else { return [] }
        let reason = "clients of this service are \(isIPv4 ? "IPv4" : "IPv6")"
        return [IdleField(field: "persistence.\(name)", reason: reason, value: String(mask))]
    }

    private var quicFields: [IdleField] {
        guard quic?.configurations.isEmpty ?? true else { return [] }
        return backends.enumerated()
            .compactMap { index, backend in
                guard backend.quicServerID != nil else { return nil }
                let reason = "the service has no quicLB that says where connection ids hold it"
                return IdleField(field: "serverID", backend: index, reason: reason)
            }
    }
}
