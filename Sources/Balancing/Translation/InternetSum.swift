// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet

/// What a change of octets adds to the checksums that cover them (RFC 1071, RFC 1624).
///
/// A number and its complement add up to 0 in ones' complement, so that "remove" is adding the
/// complement. As 2^16 is 1 there, wider numbers need not be taken apart either.
struct InternetSum: BitwiseCopyable {
    private var value: UInt64 = 0

    mutating func add(_ number: UInt16) { value &+= UInt64(number) }

    mutating func add(_ number: UInt32) { value &+= UInt64(number) }

    mutating func add(_ address: IPv6Address) {
        value &+= (address.high >> 32) &+ (address.high & 0xFFFF_FFFF)
        value &+= (address.low >> 32) &+ (address.low & 0xFFFF_FFFF)
    }

    mutating func add(_ address: IPAddress) {
        switch address {
        case .v4(let address): add(address.rawValue)
        case .v6(let address): add(address)
        }
    }

    mutating func remove(_ number: UInt16) { add(~number) }

    mutating func remove(_ number: UInt32) { add(~number) }

    mutating func remove(_ address: IPAddress) {
        switch address {
        case .v4(let address): remove(address.rawValue)
        case .v6(let address): add(IPv6Address(high: ~address.high, low: ~address.low))
        }
    }

    /// The sum in 16 bits.
    var folded: UInt16 {
        var sum = value
        while sum > 0xFFFF { sum = (sum & 0xFFFF) &+ sum >> 16 }
        return UInt16(truncatingIfNeeded: sum)
    }

    /// What `checksum` becomes by the change.
    ///
    /// RFC 1624, equation 3: HC' = ~(~HC + ~m + m').
    func updating(_ checksum: UInt16) -> UInt16 {
        var sum = self
        sum.add(~checksum)
        return ~sum.folded
    }
}

extension FrameBytes {
    /// Updates the checksum at `offset` by `change`, when the frame has it.
    func updateChecksum(at offset: Int, by change: InternetSum) {
        guard let old = word(offset) else { return }
        set(change.updating(old), at: offset)
    }

    /// The same for UDP, where 0 means "none" and stays, and 0xFFFF stands for 0 (RFC 768).
    func updateUDPChecksum(at offset: Int, by change: InternetSum) {
        guard let old = word(offset), old != 0 else { return }
        let new = change.updating(old)
        set(new == 0 ? 0xFFFF : new, at: offset)
    }
}
