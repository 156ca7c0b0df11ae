// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// An interface of its own whose packets go wrapped to another node.
package struct TunnelInterface: CompanionBearer, ConfigurationObject {
    /// Tunnels of one configuration.
    package static let limit = 256

    package enum Kind: String, Codable, Sendable, CaseIterable {
        /// IP in IP.
        case ipip
        /// Generic routing encapsulation (RFC 2784, RFC 2890).
        case gre
    }

    /// The optional words of GRE headers, of one direction.
    package struct Words: Equatable, Codable, Sendable {
        package var key: UInt32?
        package var hasChecksum = false
        package var hasSequence = false

        package init(key: UInt32? = nil, hasChecksum: Bool = false, hasSequence: Bool = false) {
            self.key = key
            self.hasChecksum = hasChecksum
            self.hasSequence = hasSequence
        }

        package var isEmpty: Bool { self == Words() }
    }

    package var name: String
    package var kind: Kind
    /// The other end; nil: any, and nothing can be sent.
    package var remote: IPAddress?
    /// Own address of outer packets; nil: any, and what is sent has that of the way out.
    package var local: IPAddress?
    /// The only interface that outer packets may use; nil: any.
    package var link: String?
    /// Of what arrives, and of what is sent.
    package var input: Words
    package var output: Words
    /// Time to live of outer packets; 0: the inner packet's.
    package var timeToLive: Int
    /// TOS or traffic class of outer packets; nil: the inner packet's.
    package var service: Int?
    /// Of inner packets; nil: what the devices leave.
    package var mtu: Int?
    package var companionName: String?
    package var companionType: CompanionType
    package var owner: Owner

    package var key: String { name }

    package init(
        name: String,
        kind: Kind,
        remote: IPAddress?,
        local: IPAddress? = nil,
        link: String? = nil,
        input: Words = Words(),
        output: Words = Words(),
        timeToLive: Int = 0,
        service: Int? = nil,
        mtu: Int? = nil,
        companionName: String? = nil,
        companionType: CompanionType = .auto,
        owner: Owner = .runtime
    ) {
        self.name = name
        self.kind = kind
        self.remote = remote
        self.local = local
        self.link = link
        self.input = input
        self.output = output
        self.timeToLive = timeToLive
        self.service = service
        self.mtu = mtu
        self.companionName = companionName
        self.companionType = companionType
        self.owner = owner
    }

    /// `gre remote 192.0.2.9 local any key 7`: what no two may have in common.
    package var way: String {
        let remote = remote.map { "\($0)" } ?? "any"
        let local = local.map { "\($0)" } ?? "any"
        let link = link.map { " dev \($0)" } ?? ""
        return "\(kind.rawValue) remote \(remote) local \(local)\(link)"
            + (input.key.map { " key \($0)" } ?? "")
    }
}
