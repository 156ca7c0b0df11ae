// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// The question of `dpvs explain`.
///
/// What would become of the first packet of this flow, or of its next?
package struct ExplanationRequest: Codable, Sendable, Equatable {
    package var source: Endpoint
    package var destination: Endpoint
    package var `protocol`: TransportProtocol
    /// Of TCP: `syn`, `ack`, ...; nil: a SYN when there is no connection, else an ACK.
    package var flags: [String]?
    /// Where it arrives; nil: by the route back to its source.
    package var interface: String?
    /// Who receives it; nil: whoever has the connection, else the first.
    package var worker: Int?

    package init(
        source: Endpoint,
        destination: Endpoint,
        protocol: TransportProtocol,
        flags: [String]? = nil,
        interface: String? = nil,
        worker: Int? = nil
    ) {
        self.source = source
        self.destination = destination
        self.protocol = `protocol`
        self.flags = flags
        self.interface = interface
        self.worker = worker
    }
}

/// The way of one made-up packet, step by step.
package struct Explanation: Codable, Sendable, Equatable {
    package struct Step: Codable, Sendable, Equatable {
        /// `arrival`, `connection`, `service`, `backend`, `health`, `rewrite`, `next hop`, `end`.
        package var name: String
        package var text: String

        package init(_ name: String, _ text: String) {
            self.name = name
            self.text = text
        }
    }

    package enum Verdict: String, Codable, Sendable {
        case forwarded
        /// The slow path goes on with it.
        case slowPath = "slow_path"
        /// Another worker goes on with it.
        case redirected
        case dropped
    }

    package var verdict: Verdict
    /// The reason under which it counts, of a dropped one.
    package var dropReason: String?
    package var steps: [Step]

    package init(verdict: Verdict, dropReason: String? = nil, steps: [Step]) {
        self.verdict = verdict
        self.dropReason = dropReason
        self.steps = steps
    }
}
