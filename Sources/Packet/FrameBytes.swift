// SPDX-License-Identifier: Apache-2.0

/// The octets of one frame, in network order, with every access checked.
///
/// For packets that are rare; plain ones are read without asking twice: see `Lookahead`. The octets
/// belong to a packet that outlives this value.
@safe
public struct FrameBytes: BitwiseCopyable {
    private let base: UnsafeMutableRawPointer
    public let count: Int

    @unsafe
    public init(_ base: UnsafeMutableRawPointer, count: Int) {
        unsafe self.base = unsafe base
        self.count = count
    }

    /// One octet, or nil outside the frame.
    public func octet(_ offset: Int) -> UInt8? {
        guard offset >= 0, offset < count else { return nil }
        return unsafe base.load(fromByteOffset: offset, as: UInt8.self)
    }

    /// Two octets as a host-order number.
    public func word(_ offset: Int) -> UInt16? {
        guard offset >= 0, offset <= count &- 2 else { return nil }
        return unsafe UInt16(
            bigEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt16.self)
        )
    }

    /// Four octets as a host-order number.
    public func long(_ offset: Int) -> UInt32? {
        guard offset >= 0, offset <= count &- 4 else { return nil }
        return unsafe UInt32(
            bigEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        )
    }

    /// Six octets as an address.
    public func address(_ offset: Int) -> UInt64? {
        guard let high = word(offset), let low = long(offset &+ 2) else { return nil }
        return UInt64(high) << 32 | UInt64(low)
    }

    // MARK: - Writing; outside the frame nothing happens

    public func set(_ value: UInt8, at offset: Int) {
        guard offset >= 0, offset < count else { return }
        unsafe base.storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }

    public func set(_ value: UInt16, at offset: Int) {
        guard offset >= 0, offset <= count &- 2 else { return }
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }

    public func set(_ value: UInt32, at offset: Int) {
        guard offset >= 0, offset <= count &- 4 else { return }
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }

    public func setAddress(_ value: UInt64, at offset: Int) {
        set(UInt16(truncatingIfNeeded: value >> 32), at: offset)
        set(UInt32(truncatingIfNeeded: value), at: offset &+ 2)
    }

    /// Copies `length` octets from elsewhere, as far as both frames have them; they may overlap.
    public func copy(_ length: Int, from other: FrameBytes, at source: Int, to offset: Int) {
        let shared = min(length, other.count - source, count - offset)
        guard source >= 0, offset >= 0, shared > 0 else { return }
        unsafe (base + offset).copyMemory(from: other.base + source, byteCount: shared)
    }

    // MARK: - Checksums

    /// The Internet checksum (RFC 1071) over `length` octets from `offset`, in host order: what to
    /// store when the field is zero, and 0 when a stored one is right.
    public func checksum(_ offset: Int, _ length: Int, adding seed: UInt32 = 0) -> UInt16 {
        var sum = UInt64(seed)
        var position = offset
        let end = min(offset + length, count)
        while position + 2 <= end {
            sum &+= UInt64(word(position) ?? 0)
            position += 2
        }
        if position < end { sum &+= UInt64(octet(position) ?? 0) << 8 }
        while sum > 0xFFFF { sum = (sum & 0xFFFF) &+ sum >> 16 }
        return ~UInt16(truncatingIfNeeded: sum)
    }
}
