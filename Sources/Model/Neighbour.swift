// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// A neighbour that nobody has to ask for: its link-layer address is given.
package struct Neighbour: ConfigurationObject {
    package typealias Key = InterfaceAddress.Key

    package var interface: String
    package var address: IPAddress
    package var macAddress: MACAddress
    package var owner: Owner

    package var key: Key { Key(interface: interface, address: address) }

    package init(
        interface: String,
        address: IPAddress,
        macAddress: MACAddress,
        owner: Owner = .runtime
    ) {
        self.interface = interface
        self.address = address
        self.macAddress = macAddress
        self.owner = owner
    }
}
