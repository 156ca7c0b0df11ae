// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// Builds frames whose lengths and checksums are right unless told otherwise.
public struct Frame: Sendable {
    public var destinationMAC = MACAddress(rawValue: 0x0200_0000_0001)
    public var sourceMAC = MACAddress(rawValue: 0x0200_0000_00AA)
    public var vlan: UInt16?
    public var source = IPv4Address(10, 0, 0, 10)
    public var destination = IPv4Address(10, 0, 0, 100)
    public var timeToLive: UInt8 = 64
    public var options: [UInt8] = []
    /// Flags and fragment offset as they stand in the header.
    public var fragment: UInt16 = 0x4000
    public var transport: Transport

    public enum Transport: Sendable {
        case tcp(
            source: UInt16,
            destination: UInt16,
            flags: UInt8,
            sequence: UInt32 = 1000,
            acknowledgment: UInt32 = 1001,
            data: [UInt8] = []
        )
        /// Without a checksum when `hasChecksum` is false.
        case udp(source: UInt16, destination: UInt16, data: [UInt8] = [], hasChecksum: Bool = true)
        case icmp(type: UInt8, code: UInt8, rest: UInt32 = 0, data: [UInt8] = [])
        case other(protocol: UInt8, data: [UInt8])
    }

    public init(_ transport: Transport, _ change: (inout Frame) -> Void = { _ in }) {
        self.transport = transport
        change(&self)
    }

    public static let syn: UInt8 = 0x02, synAck: UInt8 = 0x12, ack: UInt8 = 0x10
    public static let finAck: UInt8 = 0x11, rst: UInt8 = 0x04, rstAck: UInt8 = 0x14
    public static let push: UInt8 = 0x18

    public static func tcp(
        from source: String,
        to destination: String,
        _ flags: UInt8,
        data: [UInt8] = [],
        _ change: (inout Frame) -> Void = { _ in }
    ) -> [UInt8] {
        let (from, to) = endpoints(source, destination)
        let segment = Transport.tcp(
            source: from.port,
            destination: to.port,
            flags: flags,
            data: data
        )
        return build(segment, from, to, change)
    }

    public static func udp(
        from source: String,
        to destination: String,
        data: [UInt8] = [1, 2, 3, 4],
        hasChecksum: Bool = true,
        _ change: (inout Frame) -> Void = { _ in }
    ) -> [UInt8] {
        let (from, to) = endpoints(source, destination)
        let datagram = Transport.udp(
            source: from.port,
            destination: to.port,
            data: data,
            hasChecksum: hasChecksum
        )
        return build(datagram, from, to, change)
    }

    public static func echo(
        from source: String,
        to destination: String,
        data: [UInt8] = [7, 7, 7],
        _ change: (inout Frame) -> Void = { _ in }
    ) -> [UInt8] {
        let (from, to) = endpoints(source + ":0", destination + ":0")
        return build(.icmp(type: 8, code: 0, rest: 0x0001_0002, data: data), from, to, change)
    }

    /// An ARP packet; a request goes to everybody.
    public static func arp(
        isReply: Bool = false,
        from source: String,
        at mac: MACAddress,
        to target: String,
        at targetMAC: MACAddress = .zero
    ) -> [UInt8] {
        let frameTo: MACAddress = isReply ? targetMAC : .broadcast
        var bytes = octets(frameTo.rawValue, 6) + octets(mac.rawValue, 6) + [0x08, 0x06]
        bytes += [0, 1, 8, 0, 6, 4, 0, isReply ? 2 : 1]
        bytes += octets(mac.rawValue, 6) + octets(address(source).rawValue, 4)
        bytes += octets(targetMAC.rawValue, 6) + octets(address(target).rawValue, 4)
        return bytes + Array(repeating: 0, count: 60 - bytes.count)
    }

    // MARK: - Octets

    public var octets: [UInt8] {
        var bytes = Self.octets(destinationMAC.rawValue, 6) + Self.octets(sourceMAC.rawValue, 6)
        if let vlan { bytes += [0x81, 0x00] + Self.octets(UInt64(vlan), 2) }
        bytes += [0x08, 0x00]
        let payload = transportOctets
        let headerLength = 20 + options.count
        var header: [UInt8] = [0x40 | UInt8(headerLength / 4), 0]
        header += Self.octets(UInt64(headerLength + payload.count), 2) + [0x12, 0x34]
        header += Self.octets(UInt64(fragment), 2) + [timeToLive, protocolNumber, 0, 0]
        header += Self.octets(source.rawValue, 4) + Self.octets(destination.rawValue, 4) + options
        header.replaceSubrange(10..<12, with: Self.octets(UInt64(Checksum.of(header)), 2))
        return bytes + header + payload
    }

    private var protocolNumber: UInt8 {
        switch transport {
        case .tcp: 6
        case .udp: 17
        case .icmp: 1
        case .other(let number, _): number
        }
    }

    private var transportOctets: [UInt8] {
        switch transport {
        case .tcp(let from, let to, let flags, let sequence, let acknowledgment, let data):
            var bytes = Self.octets(UInt64(from), 2) + Self.octets(UInt64(to), 2)
            bytes += Self.octets(sequence, 4) + Self.octets(acknowledgment, 4)
            bytes += [0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0] + data
            return withChecksum(bytes, at: 16)
        case .udp(let from, let to, let data, let hasChecksum):
            var bytes = Self.octets(UInt64(from), 2) + Self.octets(UInt64(to), 2)
            bytes += Self.octets(UInt64(8 + data.count), 2) + [0, 0] + data
            return hasChecksum ? withChecksum(bytes, at: 6) : bytes
        case .icmp(let type, let code, let rest, let data):
            var bytes = [type, code, 0, 0] + Self.octets(rest, 4) + data
            bytes.replaceSubrange(2..<4, with: Self.octets(UInt64(Checksum.of(bytes)), 2))
            return bytes
        case .other(_, let data): return data
        }
    }

    private func withChecksum(_ bytes: [UInt8], at offset: Int) -> [UInt8] {
        var bytes = bytes
        let pseudo =
            Self.octets(source.rawValue, 4) + Self.octets(destination.rawValue, 4)
            + [0, protocolNumber] + Self.octets(UInt64(bytes.count), 2)
        let checksum = Checksum.of(pseudo + bytes)
        let sent = checksum == 0 && protocolNumber == 17 ? 0xFFFF : checksum
        bytes.replaceSubrange(offset..<(offset + 2), with: Self.octets(UInt64(sent), 2))
        return bytes
    }

    private static func build(
        _ transport: Transport,
        _ from: Endpoint,
        _ to: Endpoint,
        _ change: (inout Frame) -> Void
    ) -> [UInt8] {
        Frame(transport) { frame in
            frame.source = from.address.ipv4 ?? .any
            frame.destination = to.address.ipv4 ?? .any
            change(&frame)
        }
        .octets
    }

    private static func endpoints(_ source: String, _ destination: String) -> (Endpoint, Endpoint) {
        guard let from = Endpoint(source), let to = Endpoint(destination) else {
            preconditionFailure("not endpoints: \(source), \(destination)")
        }
        return (from, to)
    }

    private static func address(_ text: String) -> IPv4Address {
        guard let address = IPv4Address(text) else { preconditionFailure("no address: \(text)") }
        return address
    }

    private static func octets(_ value: some UnsignedInteger, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: UInt64(value) >> UInt64($0 * 8)) }
    }
}

/// The Internet checksum (RFC 1071), written for reading.
public enum Checksum {
    public static func of(_ bytes: [UInt8]) -> UInt16 {
        var sum = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += Int(bytes[index]) << 8 + (index + 1 < bytes.count ? Int(bytes[index + 1]) : 0)
        }
        while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
        return ~UInt16(sum)
    }
}
