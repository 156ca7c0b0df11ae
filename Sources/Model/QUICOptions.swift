// SPDX-License-Identifier: Apache-2.0

/// How the connection ids of a QUIC service name its backends: doc/quic-connection-ids.md.
package struct QUICOptions: Equatable, Codable, Sendable {
    /// Backends write their addresses into ids, as those of DPVS do.
    package var namesAddresses: Bool
    /// Backends write their `quicServerID` into ids.
    package var configurations: [Configuration]

    /// One configuration of QUIC-LB.
    package struct Configuration: Equatable, Codable, Sendable {
        package static let ids = 0...6
        package static let serverIDLengths = 1...15
        package static let nonceLengths = 4...18

        package var id: Int
        package var serverIDLength: Int
        package var nonceLength: Int
        /// nil: ids are in the clear.
        package var key: QUICKey?

        package init(id: Int, serverIDLength: Int, nonceLength: Int, key: QUICKey?) {
            self.id = id
            self.serverIDLength = serverIDLength
            self.nonceLength = nonceLength
            self.key = key
        }
    }

    package init(namesAddresses: Bool = false, configurations: [Configuration] = []) {
        self.namesAddresses = namesAddresses
        self.configurations = configurations
    }
}

/// A secret of 16 octets: nobody gets to see it, whoever asks.
package struct QUICKey: Equatable, Codable, Sendable, CustomStringConvertible {
    package static let length = 16

    package let octets: [UInt8]

    /// Nil unless `text` is 32 hexadecimal digits.
    package init?(hexadecimal text: String) {
        guard let octets = [UInt8](hexadecimal: text), octets.count == Self.length else {
            return nil
        }
        self.octets = octets
    }

    package var description: String { "(secret)" }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    /// What was encoded is no key: the reader only shows it.
    package init(from decoder: any Decoder) throws {
        octets = []
    }
}

extension [UInt8] {
    /// Nil unless `text` is pairs of hexadecimal digits.
    package init?(hexadecimal text: String) {
        let digits = text.compactMap(\.hexDigitValue)
        guard digits.count == text.count, digits.count % 2 == 0 else { return nil }
        self = stride(from: 0, to: digits.count, by: 2)
            .map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

extension Service {
    /// What does not fit together: sentences about `quic`.
    package var quicProblems: [String] {
        guard let quic else { return [] }
        var problems: [String] = []
        if key.protocol != .udp { problems.append("needs protocol udp") }
        if !quic.namesAddresses, quic.configurations.isEmpty {
            problems.append("says nothing: serverID or quicLB")
        }
        let ids = quic.configurations.map(\.id)
        if Set(ids).count != ids.count { problems.append("has a configID twice") }
        for configuration in quic.configurations
        where configuration.serverIDLength + configuration.nonceLength > 19 {
            problems.append(
                "has more than 19 octets of server id and nonce in configID \(configuration.id)"
            )
        }
        let lengths = Set(quic.configurations.map(\.serverIDLength))
        if lengths.count > 1 { problems.append("has server ids of several lengths") }
        let servers = backends.compactMap(\.quicServerID)
        if Set(servers).count != servers.count { problems.append("has a backend's serverID twice") }
        if let length = lengths.first, servers.contains(where: { $0.count != length }) {
            problems.append("has a backend's serverID that is not \(length) octets long")
        }
        return problems
    }
}
