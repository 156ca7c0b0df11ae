// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// Builds TCP segments and UDP datagrams of either family, with any options; lengths and checksums
/// are right.
public struct TransportFrame: Sendable {
    public var source: Endpoint
    public var destination: Endpoint
    public var isUDP: Bool
    public var flags: UInt8 = Frame.ack
    public var sequence: UInt32 = 1000
    public var acknowledgment: UInt32 = 2000
    public var urgentPointer: UInt16 = 0
    /// A multiple of four octets, at most 40.
    public var tcpOptions: [UInt8] = []
    /// A multiple of four octets, at most 40; IPv4 only.
    public var ipOptions: [UInt8] = []
    public var data: [UInt8] = []
    /// Octets after the packet, as Ethernet pads.
    public var padding: [UInt8] = []
    public var hasChecksum = true

    public init(
        from source: String,
        to destination: String,
        isUDP: Bool = false,
        _ change: (inout Self) -> Void = { _ in }
    ) {
        guard let from = Endpoint(source), let to = Endpoint(destination),
            from.address.family == to.address.family
        else { preconditionFailure("not endpoints of one family: \(source), \(destination)") }
        self.source = from
        self.destination = to
        self.isUDP = isUDP
        change(&self)
    }

    public var isIPv6: Bool { source.address.family == .ipv6 }

    public var transportOffset: Int { 14 + (isIPv6 ? 40 : 20 + ipOptions.count) }

    public var octets: [UInt8] {
        let mac: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xAA]
        let body = transport
        let number: UInt8 = isUDP ? 17 : 6
        if isIPv6 {
            let header = [0x60, 0, 0, 0] + bigEndian(UInt16(body.count)) + [number, 64]
            return mac + [0x86, 0xDD] + header + addresses + body + padding
        }
        let length = 20 + ipOptions.count
        var header: [UInt8] = [0x40 | UInt8(length / 4), 0]
        header += bigEndian(UInt16(length + body.count)) + [0x12, 0x34, 0x40, 0]
        header += [64, number, 0, 0] + addresses + ipOptions
        header.replaceSubrange(10..<12, with: bigEndian(Checksum.of(header)))
        return mac + [0x08, 0x00] + header + body + padding
    }

    private var addresses: [UInt8] { source.address.octets + destination.address.octets }

    private var transport: [UInt8] {
        var body = bigEndian(source.port) + bigEndian(destination.port)
        if isUDP {
            body += bigEndian(UInt16(8 + data.count)) + [0, 0] + data
        } else {
            body += bigEndian(sequence) + bigEndian(acknowledgment)
            body += [UInt8(20 + tcpOptions.count) << 2, flags, 0xFF, 0xFF, 0, 0]
            body += bigEndian(urgentPointer) + tcpOptions + data
        }
        guard hasChecksum else { return body }
        let pseudo = addresses + bigEndian(UInt32(body.count)) + [0, 0, 0, isUDP ? 17 : 6]
        let sum = Checksum.of(pseudo + body)
        let at = isUDP ? 6 : 16
        body.replaceSubrange(at..<(at + 2), with: bigEndian(isUDP && sum == 0 ? 0xFFFF : sum))
        return body
    }
}

extension IPAddress {
    /// In network order.
    public var octets: [UInt8] {
        switch self {
        case .v4(let address): bigEndian(address.rawValue)
        case .v6(let address): bigEndian(address.high) + bigEndian(address.low)
        }
    }

    /// Four or sixteen octets in network order.
    public init?(octets: some Collection<UInt8>) {
        func number(_ part: some Sequence<UInt8>) -> UInt64 {
            part.reduce(0) { $0 << 8 | UInt64($1) }
        }
        switch octets.count {
        case 4: self = .v4(IPv4Address(rawValue: UInt32(number(octets))))
        case 16:
            self = .v6(
                IPv6Address(high: number(octets.prefix(8)), low: number(octets.suffix(8)))
            )
        default: return nil
        }
    }
}

/// The octets of a number in network order.
public func bigEndian<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
    (0..<(Number.bitWidth / 8)).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}
