// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// What a station at the other end of a link says of itself by LLDP.
public struct LinkNeighbour: Equatable, Sendable {
    /// What names a chassis or a port: a kind and octets that mean something by it.
    public struct Identifier: Hashable, Sendable {
        var subtype: UInt8
        var octets: [UInt8]
        /// For people: printable whatever the octets are.
        public var text: String
    }

    /// A field of an organisation, not interpreted.
    public struct OrganisationField: Equatable, Sendable {
        /// 24 bits.
        public var organisation: UInt32
        public var subtype: UInt8
        public var octets: [UInt8]
    }

    /// Bits of IEEE Std 802.1AB-2016 table 8-4.
    public struct Capabilities: OptionSet, Hashable, Sendable {
        public var rawValue: UInt16

        public init(rawValue: UInt16) {
            self.rawValue = rawValue
        }

        public static let stationOnly = Capabilities(rawValue: 1 << 7)
        private static let words = [
            "other", "repeater", "bridge", "wlan", "router", "telephone", "docsis", "station",
            "c-vlan", "s-vlan", "tpmr",
        ]

        /// The words of the bits that have one.
        public var names: [String] {
            Self.words.indices.filter { rawValue & (1 << UInt16($0)) != 0 }.map { Self.words[$0] }
        }
    }

    public var chassis: Identifier
    public var port: Identifier
    /// Seconds; 0 takes leave.
    public var timeToLive: UInt16
    public var portDescription = ""
    public var systemName = ""
    public var systemDescription = ""
    public var capabilities: Capabilities = []
    public var enabledCapabilities: Capabilities = []
    public var managementAddresses: [IPAddress] = []
    public var organisationFields: [OrganisationField] = []

    /// Whether both are the same port of the same chassis (`MSAP identifier`).
    func isSamePort(as other: LinkNeighbour) -> Bool {
        chassis == other.chassis && port == other.port
    }
}
