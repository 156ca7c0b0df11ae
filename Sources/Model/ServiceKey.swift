// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Which packets belong to a service.
package enum ServiceSelector: Hashable, Sendable {
    /// Those to the addresses of a network, which are ours, and to some ports.
    case destination(IPPrefix, PortRange)
    /// Those that are to pass through and fit.
    case match(TrafficMatch)
    /// Those with a firewall mark: nobody marks packets here, so such a service gets none. It is
    /// kept and shown, so that configurations of `ipvsadm` can be read.
    case mark(UInt32)
}

/// What a packet that is addressed to somebody else must be like to belong to a service.
package struct TrafficMatch: Hashable, Sendable, Codable {
    package var source: AddressRange
    /// Of the same family.
    package var destination: AddressRange
    package var sourcePorts: PortRange
    package var ports: PortRange
    /// The port by which it came; nil: any.
    package var inputInterface: String?
    /// The port by which the route to its destination leaves; nil: any.
    package var outputInterface: String?

    package init(
        source: AddressRange,
        destination: AddressRange,
        sourcePorts: PortRange = .all,
        ports: PortRange = .all,
        inputInterface: String? = nil,
        outputInterface: String? = nil
    ) {
        self.source = source
        self.destination = destination
        self.sourcePorts = sourcePorts
        self.ports = ports
        self.inputInterface = inputInterface
        self.outputInterface = outputInterface
    }
}

extension TrafficMatch: CustomStringConvertible {
    /// `10.1.0.0/16 → 0.0.0.0/0 on lan → wan`.
    package var description: String {
        var text = Self.side(source, sourcePorts) + " → " + Self.side(destination, ports)
        if inputInterface != nil || outputInterface != nil {
            text += " on \(inputInterface ?? "any") → \(outputInterface ?? "any")"
        }
        return text
    }

    private static func side(_ addresses: AddressRange, _ ports: PortRange) -> String {
        if ports == .all { return addresses.description }
        return "\(addresses.family == .ipv6 ? "[\(addresses)]" : "\(addresses)"):\(ports)"
    }
}

extension Service {
    /// What tells packets of a service from others; no two services share it.
    package struct Key: Hashable, Sendable {
        package var selector: ServiceSelector
        package var `protocol`: TransportProtocol

        package init(_ selector: ServiceSelector, _ protocol: TransportProtocol) {
            self.selector = selector
            self.protocol = `protocol`
        }

        /// One address and port; protocols without ports have all of them.
        package init(address: IPAddress, port: UInt16, protocol: TransportProtocol) {
            let ports = `protocol`.hasPorts ? PortRange(port) : .all
            self.init(.destination(IPPrefix(host: address), ports), `protocol`)
        }

        /// The virtual addresses; nil for services that have none of their own.
        package var prefix: IPPrefix? {
            guard case .destination(let prefix, _) = selector else { return nil }
            return prefix
        }

        /// The first virtual address; without one, that which stands for all of the family.
        package var address: IPAddress {
            prefix?.address ?? IPPrefix.any(family).address
        }

        /// Of its clients.
        package var family: AddressFamily {
            switch selector {
            case .destination(let prefix, _): prefix.address.family
            case .match(let match): match.source.family
            case .mark: .ipv4
            }
        }

        /// What clients ask.
        package var ports: PortRange {
            switch selector {
            case .destination(_, let ports): ports
            case .match(let match): match.ports
            case .mark: .all
            }
        }

        /// The address as labels of metrics have it: `10.0.0.1`, `203.0.113.0/24`, a match, a mark.
        package var addressText: String {
            switch selector {
            case .destination(let prefix, _):
                prefix.isHost ? prefix.address.description : prefix.description
            case .match(let match): match.description
            case .mark(let mark): "fwmark \(mark)"
            }
        }

        /// The same for ports: `80`, `8000-8999`, `all`.
        package var portText: String { ports.description }
    }
}

extension Service.Key: CustomStringConvertible {
    /// `tcp 10.0.0.100:80`, `icmp 10.0.0.100`, `tcp 203.0.113.0/24:8000-8999`, `udp 10.1.0.0/16 → 0.0.0.0/0`.
    package var description: String {
        guard case .destination(let prefix, let ports) = selector else {
            return "\(`protocol`.rawValue) \(addressText)"
        }
        guard `protocol`.hasPorts else { return "\(`protocol`.rawValue) \(addressText)" }
        if prefix.isHost, let port = ports.single {
            return "\(`protocol`.rawValue) \(Endpoint(prefix.address, port))"
        }
        let address = prefix.address.family == .ipv6 ? "[\(addressText)]" : addressText
        return "\(`protocol`.rawValue) \(address):\(ports)"
    }
}

extension Service.Key {
    /// Reads what `description` writes of one address and one port: `tcp 10.0.0.100:80`.
    package init?(addressAndPort text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, let transport = TransportProtocol(rawValue: String(words[0])) else {
            return nil
        }
        if let endpoint = Endpoint(words[1]), transport.hasPorts, endpoint.port != 0 {
            self.init(address: endpoint.address, port: endpoint.port, protocol: transport)
        } else if !transport.hasPorts, let address = IPAddress(words[1]) {
            self.init(address: address, port: 0, protocol: transport)
        } else {
            return nil
        }
    }
}

extension Service.Key: Comparable {
    package static func < (left: Self, right: Self) -> Bool {
        (left.address, left.ports, left.protocol.rawValue, left.addressText)
            < (right.address, right.ports, right.protocol.rawValue, right.addressText)
    }
}

extension Service.Key: Codable {
    private enum CodingKeys: String, CodingKey {
        case address, port, match, fwmark, `protocol`
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let selector: ServiceSelector
        if let match = try container.decodeIfPresent(TrafficMatch.self, forKey: .match) {
            selector = .match(match)
        } else if let mark = try container.decodeIfPresent(UInt32.self, forKey: .fwmark) {
            selector = .mark(mark)
        } else {
            selector = .destination(
                try container.decode(IPPrefix.self, forKey: .address),
                try container.decode(PortRange.self, forKey: .port)
            )
        }
        self.init(selector, try container.decode(TransportProtocol.self, forKey: .protocol))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch selector {
        case .destination(let prefix, let ports):
            try container.encode(addressText, forKey: .address)
            try container.encode(ports, forKey: .port)
            assert(prefix == prefix.network)
        case .match(let match): try container.encode(match, forKey: .match)
        case .mark(let mark): try container.encode(mark, forKey: .fwmark)
        }
        try container.encode(`protocol`, forKey: .protocol)
    }
}
