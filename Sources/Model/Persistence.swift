// SPDX-License-Identifier: Apache-2.0

/// A client's connections go to the backend that its earlier ones went to.
package struct Persistence: Hashable, Codable, Sendable {
    /// What dpvs can tell apart on the packet path.
    package static let longest = Duration.seconds(31 * 86_400)
    /// As `ipvsadm -p` without a number.
    package static let defaultTimeout = Duration.seconds(360)

    /// How long a client is remembered after its last connection.
    package var timeout: Duration
    /// Leading bits of IPv4 clients that are one client.
    package var mask: Int
    /// The same for IPv6.
    package var maskV6: Int

    package init(
        timeout: Duration = Self.defaultTimeout,
        mask: Int = 32,
        maskV6: Int = 128
    ) {
        self.timeout = timeout
        self.mask = mask
        self.maskV6 = maskV6
    }
}

extension Persistence: CustomStringConvertible {
    /// Time, IPv4 length, IPv6 length: `6m /24 /64`.
    package var description: String { "\(timeout) /\(mask) /\(maskV6)" }
}
