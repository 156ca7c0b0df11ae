// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// An address of ours, for which the slow path answers.
public struct OwnAddress: Hashable, Sendable {
    public var address: IPv4Address
    /// The network it stands in; only itself when a service implied it.
    public var prefix: IPPrefix
    /// The link it is on; nil: asked for and announced on every link.
    public var port: Int?

    public init(_ address: IPv4Address, prefix: IPPrefix, port: Int?) {
        self.address = address
        self.prefix = prefix
        self.port = port
    }
}
