// SPDX-License-Identifier: Apache-2.0
import Addressing

extension LinkNeighbour {
    /// Reads a message, without its Ethernet header; any octets are welcome, and nil is said of those
    /// that IEEE Std 802.1AB-2016 clause 9.2.7.7 has discarded.
    init?(message: ArraySlice<UInt8>) {
        var rest = message
        // "the first three TLVs" are these, in this order (clause 9.2.7.7.1).
        guard
            let first = LinkDiscoveryField(takenFrom: &rest), first.kind == .chassis,
            let second = LinkDiscoveryField(takenFrom: &rest), second.kind == .port,
            let third = LinkDiscoveryField(takenFrom: &rest), third.kind == .timeToLive,
            let chassis = Identifier(
                first.value,
                LinkDiscoveryField.Naming.chassisMAC,
                LinkDiscoveryField.Naming.chassisAddress
            ),
            let port = Identifier(
                second.value,
                LinkDiscoveryField.Naming.portMAC,
                LinkDiscoveryField.Naming.portAddress
            ),
            third.value.count >= 2
        else { return nil }
        self.chassis = chassis
        self.port = port
        timeToLive = third.value.prefix(2).number()
        while let field = LinkDiscoveryField(takenFrom: &rest) {
            switch field.kind {
            case .end: return
            // A second one makes the message invalid.
            case .chassis, .port, .timeToLive: return nil
            default: take(field)
            }
        }
        // The end may be missing, but no field may be cut.
        guard rest.isEmpty else { return nil }
    }

    /// What does not fit its field is passed over.
    private mutating func take(_ field: LinkDiscoveryField) {
        let value = field.value
        switch field.kind {
        case .portDescription: portDescription = String(printable: value)
        case .systemName: systemName = String(printable: value)
        case .systemDescription: systemDescription = String(printable: value)
        case .capabilities where value.count >= 4:
            capabilities = Capabilities(rawValue: value.prefix(2).number())
            enabledCapabilities = Capabilities(rawValue: value.dropFirst(2).prefix(2).number())
        case .managementAddress:
            guard let length = value.first, Int(length) < value.count else { return }
            if let address = IPAddress(numbered: value.dropFirst().prefix(Int(length))) {
                managementAddresses.append(address)
            }
        case .organisation where value.count >= 4:
            organisationFields.append(
                OrganisationField(
                    organisation: value.prefix(3).number(),
                    subtype: value[3],
                    octets: Array(value.dropFirst(4))
                )
            )
        default: break
        }
    }
}

extension LinkNeighbour.Identifier {
    /// Reads a value whose first octet is the kind; `mac` and `address` are the kinds of those.
    fileprivate init?(_ value: [UInt8], _ mac: UInt8, _ address: UInt8) {
        guard let kind = value.first, (2...256).contains(value.count) else { return nil }
        subtype = kind
        octets = Array(value.dropFirst())
        if kind == mac, octets.count == 6 {
            text = MACAddress(rawValue: octets[...].number()).description
        } else if kind == address, let address = IPAddress(numbered: octets[...]) {
            text = address.description
        } else {
            text = String(printable: octets)
        }
    }
}

extension IPAddress {
    /// Reads an address behind its family, a number of IANA's: 1 for IPv4, 2 for IPv6.
    fileprivate init?(numbered octets: ArraySlice<UInt8>) {
        switch (octets.first, octets.count) {
        case (1, 5): self = .v4(IPv4Address(rawValue: octets.dropFirst().number()))
        case (2, 17):
            let high: UInt64 = octets.dropFirst().prefix(8).number()
            self = .v6(IPv6Address(high: high, low: octets.suffix(8).number()))
        default: return nil
        }
    }
}

extension ArraySlice<UInt8> {
    /// A number in network order, of as many octets as there are.
    fileprivate func number<Number: FixedWidthInteger>() -> Number {
        reduce(0) { $0 << 8 | Number($1) }
    }
}

extension String {
    /// Text that a neighbour sent, without anything that a terminal could take for a command.
    fileprivate init(printable octets: [UInt8]) {
        self = String(
            String.UnicodeScalarView(
                String(decoding: octets, as: UTF8.self).unicodeScalars
                    .map { scalar in
                        switch scalar.properties.generalCategory {
                        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate,
                            .privateUse, .unassigned:
                            "\u{FFFD}"
                        default: scalar
                        }
                    }
            )
        )
    }
}
