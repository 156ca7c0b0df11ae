// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import Balancing

/// A whole frame of a flow, made up to ask what would become of it.
public struct RehearsalFrame: Sendable {
    public var flow: Flow
    /// Of TCP; a SYN by default.
    public var tcpFlags: UInt8 = 0x02
    public var destinationMAC: UInt64
    public var timeToLive: UInt8 = 64
    /// Octets behind the transport header.
    public var dataLength = 0

    public init(_ flow: Flow, to mac: MACAddress) {
        self.flow = flow
        destinationMAC = mac.rawValue
    }

    public var octets: [UInt8] {
        var transport = transportOctets
        let isIPv6 = flow.isIPv6
        let number = flow.protocol.number(isIPv6: isIPv6)
        let (source, destination) = (Self.octets(flow.source), Self.octets(flow.destination))
        let pseudo =
            source + destination + Self.octets(UInt64(transport.count), 4)
            + [0, 0, 0, number]
        if let offset = checksumOffset {
            let covered = flow.protocol == .icmp && !isIPv6 ? [] : pseudo
            let sum = Self.checksum(covered + transport)
            transport.replaceSubrange(offset..<offset + 2, with: Self.octets(UInt64(sum), 2))
        }
        let link =
            Self.octets(destinationMAC, 6) + [2, 0, 0, 0, 0, 0xFE]
            + (isIPv6 ? [0x86, 0xDD] : [0x08, 0x00])
        guard !isIPv6 else {
            let header: [UInt8] =
                [0x60, 0, 0, 0] + Self.octets(UInt64(transport.count), 2)
                + [number, timeToLive]
            return link + header + source + destination + transport
        }
        var header: [UInt8] = [0x45, 0] + Self.octets(UInt64(20 + transport.count), 2)
        header += [0, 1, 0x40, 0, timeToLive, number, 0, 0] + source + destination
        header.replaceSubrange(
            10..<12,
            with: Self.octets(UInt64(Self.checksum(header)), 2)
        )
        return link + header + transport
    }

    private var checksumOffset: Int? {
        switch flow.protocol {
        case .tcp: 16
        case .udp: 6
        case .icmp: 2
        case .sctp: nil
        }
    }

    private var transportOctets: [UInt8] {
        let ports =
            Self.octets(UInt64(flow.sourcePort), 2) + Self.octets(UInt64(flow.destinationPort), 2)
        let data = Array(repeating: UInt8(0), count: dataLength)
        switch flow.protocol {
        case .tcp:
            return ports + [0, 0, 0, 1, 0, 0, 0, 0, 0x50, tcpFlags, 0xFF, 0xFF, 0, 0, 0, 0] + data
        case .udp: return ports + Self.octets(UInt64(8 + dataLength), 2) + [0, 0] + data
        case .icmp:
            let type: UInt8 = flow.isIPv6 ? 128 : 8
            return [type, 0, 0, 0] + Self.octets(UInt64(flow.sourcePort), 2) + [0, 1] + data
        // An INIT chunk (RFC 9260 section 3.3.2).
        case .sctp:
            var packet =
                ports + [0, 0, 0, 0, 0, 0, 0, 0] + [1, 0, 0, 20, 0, 0, 0, 1]
                + [0, 0, 0x10, 0, 0, 1, 0, 1, 0, 0, 0, 1]
            unsafe packet.withUnsafeMutableBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                unsafe SCTPPacket(at: base, length: UInt16(bytes.count))?.recomputeChecksum()
            }
            return packet
        }
    }

    private static func octets(_ address: WireAddress) -> [UInt8] {
        switch address.address {
        case .v4(let address): octets(UInt64(address.rawValue), 4)
        case .v6(let address): octets(address.high, 8) + octets(address.low, 8)
        }
    }

    private static func octets(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }

    private static func checksum(_ octets: [UInt8]) -> UInt16 {
        var sum = 0
        for (index, octet) in octets.enumerated() {
            sum += index.isMultiple(of: 2) ? Int(octet) << 8 : Int(octet)
        }
        while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
        return ~UInt16(sum)
    }
}
