// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import Networking

/// An address of ours, for which the slow path answers; or all addresses of a network.
public struct OwnAddress: Hashable, Sendable {
    public var address: IPAddress
    /// The network it stands in; only itself when a service implied it.
    public var prefix: IPPrefix
    /// The link it is on; nil: asked for and announced on every link.
    public var interface: InterfaceID?
    /// Whether it is used only after nobody else on its link has claimed it (RFC 4862 section 5.4).
    ///
    /// Interface addresses of IPv6 are probed; what services imply is used at once, because a
    /// standby takes it over while the link may still have echoes of the one before.
    public var isProbed: Bool
    /// Every address of `prefix` is ours: answered for, but neither announced nor used as a source.
    public var isWholePrefix: Bool

    public init(
        _ address: IPAddress,
        prefix: IPPrefix,
        on interface: InterfaceID?,
        isProbed: Bool = false,
        isWholePrefix: Bool = false
    ) {
        precondition(!isProbed || interface != nil, "an address is probed on a link")
        self.address = address
        self.prefix = prefix
        self.interface = interface
        self.isProbed = isProbed
        self.isWholePrefix = isWholePrefix
    }
}
