// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// What a receiver is to do, and for whom.
package struct ReceiverOptions: Sendable {
    /// What is done with the client's address of UDP flows.
    package enum Datagrams: String, Codable, Sendable, CaseIterable {
        /// recvfrom and its kin tell it, and answers to it go to the balancer.
        case rewrite
        /// Only getsockopt 2048 tells it, as with uoa.ko; addresses stay as they are.
        case api
    }

    /// The directories of the control groups whose programs are served.
    package var groups: [String]
    /// Interfaces by which datagrams of the balancer come in; none: UDP is left alone.
    package var interfaces: [String] = []
    package var datagrams = Datagrams.rewrite
    /// UDP flows that are known at a time; the least recently used is forgotten for a new one.
    package var flows = 32768
    /// A UDP flow that was not seen for so long is forgotten.
    package var idle = Duration.seconds(360)
    package var beliefs = BeliefSources()
    /// Where the next receiver of the name finds what this one knew.
    package var pins = PinPlace.nowhere

    package init(groups: [String]) {
        self.groups = groups
    }
}

/// Where it is said which addresses are a balancer's.
package struct BeliefSources: Equatable, Sendable {
    package var listed: [IPPrefix] = []
    /// A file with an address or a network a line.
    package var file: String?
    /// The control socket of a `dpvs` on this host.
    package var balancer: String?

    package init() {}
}
