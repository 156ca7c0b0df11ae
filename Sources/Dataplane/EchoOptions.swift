// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import Timing

/// Options of an IPv4 echo request that its reply has as well.
///
/// "If a Record Route and/or Time Stamp option is received in an ICMP Echo Request, this option (these
/// options) SHOULD be updated to include the current host and included in the IP header of the Echo
/// Reply message, without 'truncation'" (RFC 1122 section 3.2.2.6).
enum EchoOptions {
    private enum Kind {
        static let end: UInt8 = 0, none: UInt8 = 1, recordRoute: UInt8 = 7, timestamp: UInt8 = 68
    }

    /// The options of the header at `range`, as `address` passes them on; a whole number of words.
    static func updated(
        _ bytes: FrameBytes,
        _ range: Range<Int>,
        by address: IPv4Address,
        at now: Instant
    ) -> [UInt8] {
        var result: [UInt8] = []
        var place = range.lowerBound
        while place < range.upperBound, let kind = bytes.octet(place), kind != Kind.end {
            if kind == Kind.none {
                place += 1
                continue
            }
            guard let length = bytes.octet(place + 1).map(Int.init), length >= 4,
                place + length <= range.upperBound
            else { break }
            var option = (0..<length).map { bytes.octet(place + $0) ?? 0 }
            place += length
            switch kind {
            case Kind.recordRoute: record(octets(address.rawValue), &option, least: 4)
            case Kind.timestamp: stamp(&option, address, now)
            default: continue
            }
            result += option
        }
        while result.count % 4 != 0 { result.append(Kind.end) }
        return result
    }

    /// RFC 791 section 3.1: the third octet points at the place for the next entry, from 1 on.
    private static func record(_ entry: [UInt8], _ option: inout [UInt8], least: UInt8) {
        let place = Int(option[2]) - 1
        guard option[2] >= least, place + entry.count <= option.count else { return }
        option.replaceSubrange(place..<place + entry.count, with: entry)
        option[2] += UInt8(entry.count)
    }

    /// Flag 0 has times alone, 1 addresses with them, 3 times for given addresses.
    ///
    /// Nobody here knows how long it is since midnight: "any time may be inserted as a timestamp
    /// provided the high order bit of the timestamp is set to one".
    private static func stamp(_ option: inout [UInt8], _ address: IPv4Address, _ now: Instant) {
        let time = octets(UInt32(truncatingIfNeeded: now.nanoseconds / 1_000_000) | 1 << 31)
        let own = octets(address.rawValue)
        let place = Int(option[2]) - 1
        switch option[3] & 0xF {
        case 0 where place + 4 <= option.count: record(time, &option, least: 5)
        case 1 where place + 8 <= option.count: record(own + time, &option, least: 5)
        case 3 where place >= 4 && place + 8 <= option.count:
            guard Array(option[place..<place + 4]) == own else { return }
            record(own + time, &option, least: 5)
        // "If there is insufficient room ... the overflow count is incremented".
        case 0, 1:
            if option[3] < 0xF0 { option[3] += 0x10 }
        default: return
        }
    }

    private static func octets(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }
}
