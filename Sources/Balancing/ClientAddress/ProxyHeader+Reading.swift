// SPDX-License-Identifier: Apache-2.0
import Addressing
public import Packet

/// What the data of a client starts with.
public enum ProxyPresence: Equatable, Sendable, BitwiseCopyable {
    /// Not a header, or one that is malformed: data.
    case absent
    /// The start of a header whose rest is not here. A sender has to send it at once ("the sender
    /// must always ensure that the header is sent at once"), so this counts as data too.
    case partial
    /// A header of `length` octets, those of version 2's additional fields (TLV) included.
    case present(length: Int, ProxyHeader)
}

extension ProxyHeader {
    /// Octets before version 2's addresses.
    private static let prefixLength = 16

    /// Reads what stands in `bytes` from `start` to `end`, whatever it is.
    public static func presence(
        in bytes: FrameBytes,
        from start: Int,
        to end: Int
    ) -> ProxyPresence {
        let end = min(end, bytes.count)
        guard start >= 0, start < end, let first = bytes.octet(start) else { return .absent }
        switch first {
        case UInt8(ascii: "P"): return textPresence(in: bytes, start, end)
        case 0x0D: return binaryPresence(in: bytes, start, end)
        default: return .absent
        }
    }

    // MARK: - Version 2

    private static func binaryPresence(
        in bytes: FrameBytes,
        _ start: Int,
        _ end: Int
    ) -> ProxyPresence {
        for index in 0..<min(12, end &- start) {
            let long = index < 4 ? signature.0 : index < 8 ? signature.1 : signature.2
            let expected = UInt8(truncatingIfNeeded: long >> UInt32(24 &- 8 &* (index & 3)))
            guard bytes.octet(start &+ index) == expected else { return .absent }
        }
        guard end &- start >= prefixLength, let command = bytes.octet(start &+ 12),
            let family = bytes.octet(start &+ 13), let rest = bytes.word(start &+ 14)
        else { return .partial }
        guard command == 0x20 || command == 0x21 else { return .absent }
        let length = prefixLength &+ Int(rest)
        let needed = command == 0x21 ? addressLength(family) : 0
        guard Int(rest) >= needed else { return .absent }
        guard start &+ length <= end else { return .partial }
        let isUDP = family & 0xF == 2
        let header = ProxyHeader(
            .v2,
            needed == 0
                ? .unknown : addresses(in: bytes, start &+ prefixLength, isIPv6: needed == 36),
            isUDP: isUDP
        )
        return .present(length: length, header)
    }

    /// Octets of addresses and ports; 0 for a family that says nothing to an IP host.
    private static func addressLength(_ family: UInt8) -> Int {
        switch family {
        case 0x11, 0x12: 12
        case 0x21, 0x22: 36
        default: 0
        }
    }

    private static func addresses(
        in bytes: FrameBytes,
        _ start: Int,
        isIPv6: Bool
    ) -> Content {
        let size = isIPv6 ? 16 : 4
        guard let source = address(in: bytes, start, isIPv6),
            let destination = address(in: bytes, start &+ size, isIPv6),
            let ports = bytes.long(start &+ 2 &* size)
        else { return .unknown }
        return .proxied(
            source: Endpoint(source, UInt16(truncatingIfNeeded: ports >> 16)),
            destination: Endpoint(destination, UInt16(truncatingIfNeeded: ports))
        )
    }

    private static func address(in bytes: FrameBytes, _ start: Int, _ isIPv6: Bool) -> IPAddress? {
        isIPv6
            ? bytes.ipv6Address(start).map(IPAddress.v6)
            : bytes.long(start).map { .v4(IPv4Address(rawValue: $0)) }
    }

    // MARK: - Version 1

    private static func textPresence(
        in bytes: FrameBytes,
        _ start: Int,
        _ end: Int
    ) -> ProxyPresence {
        var reader = TextReader(bytes, from: start, to: min(end, start &+ longest))
        guard reader.skip("PROXY ") else { return reader.isAtEnd ? .partial : .absent }
        var line = reader
        guard let length = line.skipLine(from: start) else {
            return end &- start < longest ? .partial : .absent
        }
        if reader.skip("UNKNOWN") { return .present(length: length, ProxyHeader(.v1, .unknown)) }
        guard let content = reader.addresses(), reader.skip("\r\n"),
            reader.position == start &+ length
        else { return .absent }
        return .present(length: length, ProxyHeader(.v1, content))
    }
}

/// Reads the text of version 1, octet by octet.
private struct TextReader: BitwiseCopyable {
    private let bytes: FrameBytes
    private(set) var position: Int
    private let end: Int

    init(_ bytes: FrameBytes, from start: Int, to end: Int) {
        self.bytes = bytes
        position = start
        self.end = end
    }

    var isAtEnd: Bool { position >= end }

    private var octet: UInt8? { isAtEnd ? nil : bytes.octet(position) }

    /// Goes over `text`, or as far as it agrees.
    mutating func skip(_ text: StaticString) -> Bool {
        for index in 0..<text.utf8CodeUnitCount {
            let expected = unsafe text.utf8Start[index]
            guard octet == expected else { return false }
            position &+= 1
        }
        return true
    }

    /// Goes behind the next CR LF; the octets from `start` to there.
    mutating func skipLine(from start: Int) -> Int? {
        while !isAtEnd {
            if bytes.octet(position) == 0x0D, position &+ 1 < end,
                bytes.octet(position &+ 1) == 0x0A
            {
                return position &+ 2 &- start
            }
            position &+= 1
        }
        return nil
    }

    /// `TCP4 source destination port port`, or the same of TCP6.
    mutating func addresses() -> ProxyHeader.Content? {
        guard skip("TCP"), let family = octet else { return nil }
        position &+= 1
        guard family == UInt8(ascii: "4") || family == UInt8(ascii: "6"), skip(" "),
            let source = address(family), skip(" "), let destination = address(family), skip(" "),
            let sourcePort = decimal(UInt16.max), skip(" "), let port = decimal(UInt16.max)
        else { return nil }
        return .proxied(
            source: Endpoint(source, sourcePort),
            destination: Endpoint(destination, port)
        )
    }

    private mutating func address(_ family: UInt8) -> IPAddress? {
        family == UInt8(ascii: "4") ? ipv4().map(IPAddress.v4) : ipv6().map(IPAddress.v6)
    }

    /// A number of at most `limit`, without leading zeros.
    private mutating func decimal(_ limit: UInt16) -> UInt16? {
        var value: UInt32 = 0
        var count = 0
        while let digit = octet, digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") {
            if count > 0, value == 0 { return nil }
            value = value &* 10 &+ UInt32(digit &- UInt8(ascii: "0"))
            guard value <= UInt32(limit) else { return nil }
            count &+= 1
            position &+= 1
        }
        return count > 0 ? UInt16(truncatingIfNeeded: value) : nil
    }

    private mutating func ipv4() -> IPv4Address? {
        var value: UInt32 = 0
        for index in 0..<4 {
            if index > 0, !skip(".") { return nil }
            guard let part = decimal(255) else { return nil }
            value = value << 8 | UInt32(part)
        }
        return IPv4Address(rawValue: value)
    }

    /// Eight groups, a run of zeros as `::`, the last two perhaps in the form of IPv4 (RFC 4291
    /// section 2.2).
    private mutating func ipv6() -> IPv6Address? {
        var head: UInt128 = 0
        var groups: UInt128 = 0
        /// Groups before the gap; nil while there was none.
        var headCount: Int?
        var count = 0
        while count < 8 {
            if octet == UInt8(ascii: ":") {
                position &+= 1
                if octet == UInt8(ascii: ":") {
                    guard headCount == nil else { return nil }
                    position &+= 1
                    (head, headCount, groups) = (groups, count, 0)
                    guard let next = octet, Self.digit(next) != nil else { break }
                } else if count == 0 || count == headCount {
                    return nil
                }
            } else if count > 0, count != headCount {
                break
            }
            let start = position
            guard let group = hexadecimal() else { return nil }
            if octet == UInt8(ascii: "."), count <= 6 {
                position = start
                guard let tail = ipv4() else { return nil }
                groups = groups << 32 | UInt128(tail.rawValue)
                count &+= 2
                break
            }
            groups = groups << 16 | UInt128(group)
            count &+= 1
        }
        guard headCount == nil ? count == 8 : count < 8 else { return nil }
        if let headCount { groups |= head << UInt128(truncatingIfNeeded: 16 &* (8 &- headCount)) }
        return IPv6Address(
            high: UInt64(truncatingIfNeeded: groups >> 64),
            low: UInt64(truncatingIfNeeded: groups)
        )
    }

    private mutating func hexadecimal() -> UInt16? {
        var value: UInt16 = 0
        var count = 0
        while count < 4, let digit = octet.flatMap(Self.digit) {
            value = value << 4 | digit
            count &+= 1
            position &+= 1
        }
        return count > 0 ? value : nil
    }

    private static func digit(_ octet: UInt8) -> UInt16? {
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(octet &- UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(octet &- UInt8(ascii: "a") &+ 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(octet &- UInt8(ascii: "A") &+ 10)
        default: nil
        }
    }
}
