// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// A neighbour whose link-layer address is given: it is neither asked nor believed about that.
public struct PermanentNeighbour: Hashable, Sendable {
    public var address: IPAddress
    /// The number of an interface.
    public var port: Int
    public var macAddress: MACAddress

    public init(_ address: IPAddress, port: Int, macAddress: MACAddress) {
        self.address = address
        self.port = port
        self.macAddress = macAddress
    }
}
