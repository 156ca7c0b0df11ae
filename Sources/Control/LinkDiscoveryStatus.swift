// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Link-layer discovery on one port: an element of the answer of `GET /v1/lldp`.
package struct LinkDiscoveryStatus: Equatable, Codable, Sendable {
    /// What one neighbour said of itself.
    package struct Neighbour: Equatable, Codable, Sendable {
        package var chassis: String
        package var port: String
        package var portDescription = ""
        package var systemName = ""
        package var systemDescription = ""
        /// Words of IEEE Std 802.1AB: "bridge", "router", ...; those in use.
        package var capabilities: [String] = []
        package var managementAddresses: [IPAddress] = []
        /// Fields of organisations in hexadecimal digits: "00-80-C2 1 0001".
        package var organisationFields: [String] = []
        /// Seconds after which it is forgotten.
        package var expiresIn: Int = 0

        package init(chassis: String, port: String) {
            self.chassis = chassis
            self.port = port
        }
    }

    package var port: String
    package var isOn: Bool
    package var sent: UInt64 = 0
    package var received: UInt64 = 0
    /// Among those received.
    package var malformed: UInt64 = 0
    /// Of neighbours for whom there was no room.
    package var ignored: UInt64 = 0
    package var neighbours: [Neighbour] = []
    /// What we say of ourselves; nil while discovery is off.
    package var own: Neighbour?

    package init(port: String, isOn: Bool) {
        self.port = port
        self.isOn = isOn
    }
}

extension [LinkDiscoveryStatus] {
    /// What `dpvs lldp` prints.
    package var text: String {
        if !contains(where: \.isOn) { return "link-layer discovery is off: global_defs.lldp\n" }
        return [portTable, neighbourTable].filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private var portTable: String {
        var table = TextTable(
            .left("PORT"),
            .left("LLDP"),
            .right("NEIGHBOURS"),
            .right("SENT"),
            .right("RECEIVED"),
            .right("MALFORMED"),
            .right("IGNORED")
        )
        for port in self {
            table.append(
                port.port,
                port.isOn ? "on" : "off",
                String(port.neighbours.count),
                Quantity.count(port.sent),
                Quantity.count(port.received),
                Quantity.count(port.malformed),
                Quantity.count(port.ignored)
            )
        }
        return table.text()
    }

    private var neighbourTable: String {
        var table = TextTable(
            .left("PORT"),
            .left("SYSTEM"),
            .left("CHASSIS"),
            .left("ITS PORT"),
            .left("CAPABILITIES"),
            .left("ADDRESSES"),
            .right("EXPIRES")
        )
        for port in self {
            for neighbour in port.neighbours {
                table.append(
                    port.port,
                    neighbour.systemName,
                    neighbour.chassis,
                    neighbour.port,
                    neighbour.capabilities.joined(separator: " "),
                    neighbour.managementAddresses.map(\.description).joined(separator: " "),
                    Quantity.duration(seconds: Double(neighbour.expiresIn))
                )
            }
        }
        return table.isEmpty ? "" : table.text()
    }
}
