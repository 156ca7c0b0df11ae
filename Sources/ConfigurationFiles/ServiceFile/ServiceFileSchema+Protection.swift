// SPDX-License-Identifier: Apache-2.0
import Model

/// Limits and the life cycle of backends: see doc/protection.md.
extension ServiceFileSchema {
    static let rateLimit = Object(
        name: "rateLimit",
        fields: [
            field(
                "connections",
                .integer(RateLimit.connectionRates),
                default: "no limit",
                "new connections in a second, a tenth of them at once"
            ),
            field(
                "packets",
                .integer(RateLimit.packetRates),
                default: "no limit",
                "packets of clients in a second"
            ),
            field(
                "bits",
                .integer(RateLimit.bitRates),
                default: "no limit",
                "bits of IP packets of clients in a second"
            ),
        ]
    )

    static let destCheck = Object(
        name: "destCheck",
        fields: [
            field(
                "downNotice",
                .integer(DestCheck.notices),
                default: "1",
                "failures within downWait, no success among them, that take a backend out"
            ),
            field(
                "upNotice",
                .integer(DestCheck.notices),
                default: "1",
                "successes that halve the next exclusion"
            ),
            field("downWait", .duration, default: "3s", "time in which failures add up"),
            field(
                "inhibit",
                .durationRange,
                default: "5s..1h",
                "first and longest exclusion; each failure doubles it"
            ),
            field("recovers", .flag, default: "true", "false: a backend that is out stays out"),
        ]
    )

    static let serviceProtection: [Field] = [
        field(
            "maxConnections",
            .integer(Protection.connectionCounts),
            default: "no limit",
            "connections of the service at once, over all workers"
        ),
        field("rateLimit", .object(rateLimit), default: "no limit", "what a second may bring"),
        field(
            "packetShare",
            .integer(Protection.packetShares),
            default: "100",
            "percent of the packets, of clients and backends, that go on; limit_proportion of DPVS"
        ),
        field(
            "expireQuiescent",
            .flag,
            default: "false",
            "connections end, TCP with resets, when their backend has weight 0 or is gone"
        ),
        field(
            "drainTimeout",
            .duration,
            default: "no end",
            "how long they may go on instead"
        ),
        field(
            "destCheck",
            .either(.text, .object(destCheck)),
            default: "off",
            "take backends out whose connections fail; also off, or 1,1,3s,5-3600s or 1,3s as in DPVS"
        ),
    ]

    static let backendLimits: [Field] = [
        field(
            "maxConnections",
            .integer(Protection.connectionCounts),
            default: "no limit",
            "connections at once, over all workers; a full backend is passed over"
        ),
        field(
            "minConnections",
            .integer(Protection.connectionCounts),
            default: "maxConnections",
            "a full backend gets new connections again when it has fewer"
        ),
    ]
}
