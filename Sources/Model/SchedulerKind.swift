// SPDX-License-Identifier: Apache-2.0

/// How a backend is chosen for a new connection; doc/scheduling.md tells when to use which.
package enum SchedulerKind: String, Codable, Sendable, CaseIterable {
    /// Round robin.
    case rr
    /// Weighted round robin.
    case wrr
    /// Least connections.
    case lc
    /// Least connections for the weight.
    case wlc
    /// Shortest expected delay: least connections for the weight, the new one included.
    case sed
    /// Never queue: an idle backend if there is one, else as `sed`.
    case nq
    /// Failover: the highest weight takes all.
    case fo
    /// Maglev hash of the source.
    case mh
    /// A ring of hashes of the source address or the QUIC connection id.
    case conhash
    /// Source hash.
    case sh
    /// Destination hash.
    case dh

    /// Schedulers of `ipvsadm` that are not there, and what serves in their place.
    package static let alternatives: [String: String] = [
        "lblc": "mh or dh", "lblcr": "mh or dh", "ovf": "fo or wlc",
    ]

    /// Whether a backend counts by being above weight 0 alone.
    package var ignoresWeights: Bool { [.rr, .lc, .dh].contains(self) }
}

/// Variants of a scheduler; each fits some kinds only: see `Service.schedulingProblems`.
package struct SchedulerOptions: Hashable, Codable, Sendable {
    /// Flags by the names of `ipvsadm`.
    package enum Flag: String, Codable, Sendable, CaseIterable {
        /// The source port counts beside the source address.
        case mhPort = "mh-port"
        case shPort = "sh-port"
        /// A flow whose backend takes no connections at the moment goes to another one.
        case mhFallback = "mh-fallback"
        case shFallback = "sh-fallback"
        /// Segments of connections that another instance had are scheduled (`sloppy_tcp` of IPVS).
        case mhSloppy = "mh-sloppy"
        case conhashSloppy = "conhash-sloppy"

        package var scheduler: SchedulerKind {
            switch self {
            case .mhPort, .mhFallback, .mhSloppy: .mh
            case .conhashSloppy: .conhash
            case .shPort, .shFallback: .sh
            }
        }
    }

    /// What `conhash` hashes.
    package enum HashTarget: String, Codable, Sendable, CaseIterable {
        /// The source address.
        case sip
        /// The QUIC connection id, or the source address of a packet without one.
        case qid
    }

    /// Slots of a Maglev table that has no size of its own.
    ///
    /// A removal moves under 1.5 % of the flows of others (`MaglevTableTests`): up to 10 backends take
    /// the table of Linux, more of them that of Katran and Envoy. Three sizes and no more, since a
    /// service that passes from one to another is laid out anew.
    package static func defaultTableSize(for backends: Int) -> Int {
        switch backends {
        case ...10: 4093
        case ...655: 65_537
        default: 131_071
        }
    }
    package static let tableSizes = 251...131_071

    package var flags: Set<Flag>
    /// nil: `sip`.
    package var hashTarget: HashTarget?
    /// Slots of a Maglev table, a prime; nil: see `defaultTableSize`.
    package var maglevTableSize: Int?

    package init(
        flags: Set<Flag> = [],
        hashTarget: HashTarget? = nil,
        maglevTableSize: Int? = nil
    ) {
        self.flags = flags
        self.hashTarget = hashTarget
        self.maglevTableSize = maglevTableSize
    }

    package var usesPort: Bool { flags.contains(.mhPort) || flags.contains(.shPort) }
    package var isSloppy: Bool {
        flags.contains(.mhSloppy) || flags.contains(.conhashSloppy)
    }
    package var fallsBack: Bool { flags.contains(.mhFallback) || flags.contains(.shFallback) }
}
