// SPDX-License-Identifier: Apache-2.0
public import Packet

/// Which worker owns a local port, for flows of either family: devices hash the two differently.
@safe
public struct FamilySteering: BitwiseCopyable, Sendable {
    public let ipv4: FlowSteering
    public let ipv6: FlowSteering

    public init(ipv4: FlowSteering, ipv6: FlowSteering) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }

    /// Ports shared among `workers` by their low bits: see `FlowSteering`.
    public init(sharesAmong workers: Int, classes: Int = 128) {
        ipv4 = FlowSteering(sharesAmong: workers, classes: classes)
        ipv6 = FlowSteering(sharesAmong: workers, classes: classes)
    }

    /// Ports as a device with this hash and redirection table sees them; nil when it does not tell
    /// the ports of IPv4 apart.
    ///
    /// Where the device does not hash the ports of IPv6, or the key is too short for it, the ports
    /// of that family are shared by their low bits.
    public init?(_ toeplitz: Toeplitz, table: [Int], workers: Int, hashesIPv6: Bool = true) {
        guard let ipv4 = FlowSteering(toeplitz, table: table, workers: workers) else { return nil }
        self.ipv4 = ipv4
        let hashed =
            hashesIPv6
            ? FlowSteering(toeplitz, table: table, workers: workers, isIPv6: true) : nil
        ipv6 = hashed ?? FlowSteering(sharesAmong: workers)
    }

    public func destroy() {
        ipv4.destroy()
        ipv6.destroy()
    }

    @inline(__always)
    public func of(isIPv6: Bool) -> FlowSteering { isIPv6 ? ipv6 : ipv4 }
}
