// SPDX-License-Identifier: Apache-2.0

/// What an edit adds to an Internet checksum, gathered word by word (RFC 1624, equation 3).
///
/// Nothing is computed anew, so a packet that was damaged on its way stays recognisably damaged.
struct ChecksumChange: BitwiseCopyable {
    private var sum: UInt64 = 0

    /// A word that is in the packet from now on.
    mutating func add(_ word: UInt16) { sum &+= UInt64(word) }

    /// A word that was in the packet.
    mutating func subtract(_ word: UInt16) { sum &+= UInt64(~word) }

    mutating func replace(_ old: UInt16, with new: UInt16) {
        subtract(old)
        add(new)
    }

    mutating func replace(_ old: UInt32, with new: UInt32) {
        replace(UInt16(truncatingIfNeeded: old >> 16), with: UInt16(truncatingIfNeeded: new >> 16))
        replace(UInt16(truncatingIfNeeded: old), with: UInt16(truncatingIfNeeded: new))
    }

    /// One octet, `distance` octets after the start of what the checksum covers.
    mutating func replace(octet old: UInt8, with new: UInt8, distance: Int) {
        let shift: UInt16 = distance & 1 == 0 ? 8 : 0
        replace(UInt16(old) << shift, with: UInt16(new) << shift)
    }

    /// The checksum after the edit: HC' = ~(~HC + ~m + m').
    func applied(to checksum: UInt16) -> UInt16 {
        ~UInt16(truncatingIfNeeded: foldChecksum(UInt64(~checksum) &+ sum))
    }
}
