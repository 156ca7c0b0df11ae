// SPDX-License-Identifier: Apache-2.0
import Addressing
public import Packet

extension Encapsulation {
    /// Carries a mark of congestion from the header at `outer` into the one at `inner`; false when
    /// the inner packet is to be dropped.
    ///
    /// RFC 6040 section 4.2: outer CE marks what is ECT or CE; "Not-ECT" inside is dropped.
    public static func carryCongestion(
        _ bytes: FrameBytes,
        from outer: Int,
        to inner: Int
    ) -> Bool {
        func service(_ offset: Int) -> UInt8 {
            let first = bytes.word(offset) ?? 0
            return UInt8(truncatingIfNeeded: first >> 12 == 6 ? first >> 4 : first)
        }
        guard service(outer) & 3 == 3 else { return true }
        let mark = service(inner) & 3
        guard mark != 3 else { return true }
        guard mark != 0, let old = bytes.word(inner) else { return false }
        let isIPv6 = old >> 12 == 6
        let new = old | (isIPv6 ? 0x30 : 3)
        bytes.set(new, at: inner)
        guard !isIPv6 else { return true }
        var change = InternetSum()
        change.remove(old)
        change.add(new)
        bytes.updateChecksum(at: inner + 10, by: change)
        return true
    }
}
