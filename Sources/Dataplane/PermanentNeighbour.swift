// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import Networking

/// A neighbour whose link-layer address is given: it is neither asked nor believed about that.
public struct PermanentNeighbour: Hashable, Sendable {
    public var address: IPAddress
    /// The number of an interface.
    public var interface: InterfaceID
    public var macAddress: MACAddress

    public init(_ address: IPAddress, on interface: InterfaceID, macAddress: MACAddress) {
        self.address = address
        self.interface = interface
        self.macAddress = macAddress
    }
}
