// SPDX-License-Identifier: Apache-2.0
public import Addressing
import Packet

/// The header of the PROXY protocol (haproxy, `doc/proxy-protocol.txt`): who speaks to whom, in
/// front of the first data.
///
///     version 1    PROXY TCP4 198.51.100.7 203.0.113.1 51000 80\r\n        at most 107 octets
///     version 2    12 octets signature, version and command, family and protocol, length,
///                  source, destination, source port, destination port     28 or 52 octets
///
/// The same addresses always give the same octets, so a header can be sent again without having
/// been kept.
public struct ProxyHeader: Equatable, Sendable, BitwiseCopyable {
    public enum Version: UInt8, Sendable, BitwiseCopyable {
        case v1 = 1, v2 = 2
    }

    public enum Content: Equatable, Sendable, BitwiseCopyable {
        case proxied(source: Endpoint, destination: Endpoint)
        /// Nobody in particular: `UNKNOWN`, or the command LOCAL.
        case unknown
    }

    public var version: Version
    public var content: Content
    public var isUDP: Bool

    public init(_ version: Version, _ content: Content, isUDP: Bool = false) {
        self.version = version
        self.content = content
        self.isUDP = isUDP
    }

    /// The longest header that is ever written.
    public static let longest = 107
    /// The same over UDP: version 2 with IPv6 addresses.
    static let longestOverUDP = 52

    /// Octets of the header.
    public var length: Int {
        var writer = OctetWriter(nil, at: 0)
        write(to: &writer)
        return writer.position
    }

    /// Writes the header into `bytes`, which has room for `length` octets at `offset`.
    func write(to bytes: FrameBytes, at offset: Int) {
        var writer = OctetWriter(bytes, at: offset)
        write(to: &writer)
    }

    private func write(to writer: inout OctetWriter) {
        switch (version, content) {
        case (.v1, .unknown): writer.put("PROXY UNKNOWN\r\n")
        case (.v1, .proxied(let source, let destination)):
            Self.writeText(source, destination, to: &writer)
        case (.v2, .unknown):
            Self.writeSignature(command: 0x20, family: 0, length: 0, to: &writer)
        case (.v2, .proxied(let source, let destination)):
            writeBinary(source, destination, to: &writer)
        }
    }

    // MARK: - Version 1

    private static func writeText(
        _ source: Endpoint,
        _ destination: Endpoint,
        to writer: inout OctetWriter
    ) {
        if let from = source.address.ipv4, let to = destination.address.ipv4 {
            writer.put("PROXY TCP4 ")
            writer.put(from)
            writer.put(" ")
            writer.put(to)
        } else {
            writer.put("PROXY TCP6 ")
            writer.put(source.address.mapped)
            writer.put(" ")
            writer.put(destination.address.mapped)
        }
        writer.put(" ")
        writer.put(decimal: source.port)
        writer.put(" ")
        writer.put(decimal: destination.port)
        writer.put("\r\n")
    }

    // MARK: - Version 2

    private func writeBinary(
        _ source: Endpoint,
        _ destination: Endpoint,
        to writer: inout OctetWriter
    ) {
        let kind: UInt8 = isUDP ? 2 : 1
        if let from = source.address.ipv4, let to = destination.address.ipv4 {
            Self.writeSignature(command: 0x21, family: 0x10 | kind, length: 12, to: &writer)
            writer.put(from.rawValue)
            writer.put(to.rawValue)
        } else {
            Self.writeSignature(command: 0x21, family: 0x20 | kind, length: 36, to: &writer)
            writer.put(octets: source.address.mapped)
            writer.put(octets: destination.address.mapped)
        }
        writer.put(UInt32(source.port) << 16 | UInt32(destination.port))
    }

    private static func writeSignature(
        command: UInt8,
        family: UInt8,
        length: UInt8,
        to writer: inout OctetWriter
    ) {
        writer.put(signature.0)
        writer.put(signature.1)
        writer.put(signature.2)
        writer.put(UInt32(command) << 24 | UInt32(family) << 16 | UInt32(length))
    }

    /// The octets `\r\n\r\n\0\r\nQUIT\n`.
    static let signature: (UInt32, UInt32, UInt32) = (0x0D0A_0D0A, 0x000D_0A51, 0x5549_540A)
}

extension IPAddress {
    /// The address, or the IPv4 address as one of IPv6 (RFC 4291 section 2.5.5.2).
    fileprivate var mapped: IPv6Address {
        switch self {
        case .v4(let address):
            IPv6Address(high: 0, low: 0xFFFF_0000_0000 | UInt64(address.rawValue))
        case .v6(let address): address
        }
    }
}

/// Writes octets one after the other, or only counts them.
struct OctetWriter: BitwiseCopyable {
    private let bytes: FrameBytes?
    private(set) var position: Int

    init(_ bytes: FrameBytes?, at position: Int) {
        self.bytes = bytes
        self.position = position
    }

    mutating func put(octet: UInt8) {
        bytes?.set(octet, at: position)
        position &+= 1
    }

    mutating func put(_ text: StaticString) {
        for index in 0..<text.utf8CodeUnitCount {
            put(octet: unsafe text.utf8Start[index])
        }
    }

    mutating func put(_ long: UInt32) {
        for index in 0..<4 {
            put(octet: UInt8(truncatingIfNeeded: long >> UInt32(24 &- 8 &* index)))
        }
    }

    mutating func put(octets address: IPv6Address) {
        put(UInt32(truncatingIfNeeded: address.high >> 32))
        put(UInt32(truncatingIfNeeded: address.high))
        put(UInt32(truncatingIfNeeded: address.low >> 32))
        put(UInt32(truncatingIfNeeded: address.low))
    }

    mutating func put(decimal number: UInt16) {
        var divisor: UInt16 = 10_000
        while divisor > max(number, 1) { divisor /= 10 }
        while divisor > 0 {
            put(octet: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number / divisor % 10))
            divisor /= 10
        }
    }

    mutating func put(_ address: IPv4Address) {
        put(decimal: UInt16(truncatingIfNeeded: address.rawValue >> 24))
        put(".")
        put(decimal: UInt16(truncatingIfNeeded: address.rawValue >> 16 & 0xFF))
        put(".")
        put(decimal: UInt16(truncatingIfNeeded: address.rawValue >> 8 & 0xFF))
        put(".")
        put(decimal: UInt16(truncatingIfNeeded: address.rawValue & 0xFF))
    }

    /// All eight groups, without leading zeros: every reader takes that, and it needs no search for
    /// the longest run of zeros.
    mutating func put(_ address: IPv6Address) {
        for index in 0..<8 {
            let half = index < 4 ? address.high : address.low
            let group = UInt16(truncatingIfNeeded: half >> UInt64(48 &- 16 &* (index & 3)))
            if index > 0 { put(":") }
            put(hexadecimal: group)
        }
    }

    private mutating func put(hexadecimal number: UInt16) {
        var shift: UInt16 = 12
        while shift > 0, number >> shift == 0 { shift &-= 4 }
        while true {
            let digit = UInt8(truncatingIfNeeded: number >> shift & 0xF)
            put(octet: digit < 10 ? UInt8(ascii: "0") &+ digit : UInt8(ascii: "a") &- 10 &+ digit)
            guard shift > 0 else { return }
            shift &-= 4
        }
    }
}
