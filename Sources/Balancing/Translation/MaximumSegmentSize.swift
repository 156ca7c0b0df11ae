// SPDX-License-Identifier: Apache-2.0
public import Packet

/// The maximum segment size that the two ends of a TCP connection tell each other.
public enum MaximumSegmentSize {
    private static let kind: UInt8 = 2
    private static let syn: UInt8 = 0x02

    /// Lowers the size in a SYN or SYN-ACK whose TCP header is at `offset` to at most `limit`.
    ///
    /// Whether it did; other segments, and what is malformed, stay as they are.
    ///
    /// A segment without the option means 536 or 1220 octets (RFC 9293 section 3.7.1), which
    /// there is no need to lower.
    @discardableResult
    public static func lower(_ bytes: FrameBytes, at offset: Int, to limit: UInt16) -> Bool {
        guard
            let flags = bytes.octet(offset &+ 13), flags & syn != 0,
            let place = place(bytes, offset), let old = bytes.word(place), old > limit
        else { return false }
        bytes.set(limit, at: place)
        // At an odd place the two octets belong to different words of the sum.
        let isSwapped = (place &- offset) & 1 != 0
        var change = InternetSum()
        change.remove(isSwapped ? old.byteSwapped : old)
        change.add(isSwapped ? limit.byteSwapped : limit)
        bytes.updateChecksum(at: offset &+ 16, by: change)
        return true
    }

    /// Where the value of the option is.
    private static func place(_ bytes: FrameBytes, _ offset: Int) -> Int? {
        guard let octet = bytes.octet(offset &+ 12) else { return nil }
        let end = min(offset &+ Int(octet >> 4) &* 4, bytes.count)
        var position = offset &+ 20
        while position < end, let kind = bytes.octet(position), kind != 0 {
            guard kind != 1 else {
                position &+= 1
                continue
            }
            guard let length = bytes.octet(position &+ 1), length >= 2 else { return nil }
            if kind == Self.kind {
                return length == 4 && position &+ 4 <= end ? position &+ 2 : nil
            }
            position &+= Int(length)
        }
        return nil
    }
}
