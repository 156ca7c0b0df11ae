// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// Whether an address is in a set of networks, as the packet path asks it.
///
/// A handle to immutable memory that its maker destroys.
@safe
public struct AddressFilter: BitwiseCopyable, @unchecked Sendable {
    private let ipv4: IntervalTable<UInt32>
    private let ipv6: IntervalTable<UInt128>

    public init(_ coverage: AddressCoverage) {
        ipv4 = IntervalTable(coverage.ipv4)
        ipv6 = IntervalTable(coverage.ipv6)
    }

    public func destroy() {
        ipv4.destroy()
        ipv6.destroy()
    }

    public func contains(_ address: WireAddress) -> Bool {
        address.isIPv6
            ? ipv6.contains(address.number) : ipv4.contains(UInt32(bigEndian: address.ipv4))
    }

    /// Octets of memory.
    public var size: Int { ipv4.size + ipv6.size }
}
