// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// One IP packet of either family in parts, read and built independently of the code under test.
///
/// Reading and building again gives the same octets for headers without options.
public struct IPPacket: Equatable, Sendable {
    public var source: IPAddress
    public var destination: IPAddress
    public var trafficClass: UInt8 = 0
    public var flowLabel: UInt32 = 0
    public var timeToLive: UInt8 = 64
    public var identification: UInt32 = 0
    public var dontFragment = false
    /// In octets; with `hasMore` what makes a packet a fragment.
    public var fragmentOffset = 0
    public var hasMore = false
    /// Whether an IPv6 packet has a fragment header, which it may without being a fragment.
    public var hasFragmentHeader = false
    public var protocolNumber: UInt8
    /// Transport header and data.
    public var payload: [UInt8]
    /// What the header says, which in a quotation is more than there is.
    public var claimedPayloadLength: Int?
    /// Whether the IPv4 header checksum is right.
    public var hasValidHeader = true

    public init(
        from source: String,
        to destination: String,
        _ protocolNumber: UInt8,
        _ payload: [UInt8],
        _ change: (inout IPPacket) -> Void = { _ in }
    ) {
        guard let source = IPAddress(source), let destination = IPAddress(destination) else {
            preconditionFailure("not addresses: \(source), \(destination)")
        }
        self.source = source
        self.destination = destination
        self.protocolNumber = protocolNumber
        self.payload = payload
        change(&self)
    }

    public var isIPv6: Bool { source.ipv4 == nil }

    // MARK: - Reading

    /// Reads the packet at the beginning of `octets`; a quotation may end early.
    public init?(_ octets: [UInt8]) {
        guard let first = octets.first else { return nil }
        switch first >> 4 {
        case 4: self.init(ipv4: octets)
        case 6: self.init(ipv6: octets)
        default: return nil
        }
    }

    /// The packet in an untagged frame, when the EtherType is the right one.
    public init?(frame: [UInt8]) {
        guard frame.count > 14 else { return nil }
        self.init(Array(frame[14...]))
        let type: [UInt8] = isIPv6 ? [0x86, 0xDD] : [0x08, 0x00]
        guard Array(frame[12..<14]) == type else { return nil }
    }

    private init?(ipv4 octets: [UInt8]) {
        guard octets.count >= 20 else { return nil }
        let headerLength = Int(octets[0] & 0xF) * 4
        guard headerLength >= 20, octets.count >= headerLength else { return nil }
        let total = Int(Self.number(octets, 2, 2))
        guard total >= headerLength else { return nil }
        source = .v4(IPv4Address(rawValue: UInt32(Self.number(octets, 12, 4))))
        destination = .v4(IPv4Address(rawValue: UInt32(Self.number(octets, 16, 4))))
        trafficClass = octets[1]
        timeToLive = octets[8]
        identification = UInt32(Self.number(octets, 4, 2))
        dontFragment = octets[6] & 0x40 != 0
        hasMore = octets[6] & 0x20 != 0
        fragmentOffset = Int(Self.number(octets, 6, 2) & 0x1FFF) * 8
        protocolNumber = octets[9]
        payload = Array(octets[headerLength..<min(total, octets.count)])
        claimedPayloadLength = total - headerLength
        hasValidHeader = Checksum.of(Array(octets[..<headerLength])) == 0
    }

    private init?(ipv6 octets: [UInt8]) {
        guard octets.count >= 40 else { return nil }
        var claimed = Int(Self.number(octets, 4, 2))
        source = .v6(Self.address(octets, 8))
        destination = .v6(Self.address(octets, 24))
        trafficClass = UInt8(Self.number(octets, 0, 2) >> 4 & 0xFF)
        flowLabel = UInt32(Self.number(octets, 0, 4) & 0xF_FFFF)
        timeToLive = octets[7]
        protocolNumber = octets[6]
        var rest = Array(octets[40..<min(40 + claimed, octets.count)])
        if protocolNumber == 44 {
            guard rest.count >= 8 else { return nil }
            hasFragmentHeader = true
            protocolNumber = rest[0]
            fragmentOffset = Int(Self.number(rest, 2, 2) & 0xFFF8)
            hasMore = rest[3] & 1 != 0
            identification = UInt32(Self.number(rest, 4, 4))
            rest.removeFirst(8)
            claimed -= 8
        }
        payload = rest
        claimedPayloadLength = claimed
    }

    // MARK: - Building

    /// The packet.
    public var octets: [UInt8] {
        let length = claimedPayloadLength ?? payload.count
        guard case .v4(let from) = source, case .v4(let to) = destination else {
            return ipv6Octets(length)
        }
        var header: [UInt8] = [0x45, trafficClass] + Self.octets(UInt64(20 + length), 2)
        header += Self.octets(UInt64(identification & 0xFFFF), 2)
        let flags = (dontFragment ? 0x4000 : 0) | (hasMore ? 0x2000 : 0) | fragmentOffset / 8
        header += Self.octets(UInt64(flags), 2) + [timeToLive, protocolNumber, 0, 0]
        header += Self.octets(UInt64(from.rawValue), 4) + Self.octets(UInt64(to.rawValue), 4)
        header.replaceSubrange(10..<12, with: Self.octets(UInt64(Checksum.of(header)), 2))
        return header + payload
    }

    private func ipv6Octets(_ length: Int) -> [UInt8] {
        let hasHeader = hasFragmentHeader || hasMore || fragmentOffset != 0
        let first = UInt64(6) << 28 | UInt64(trafficClass) << 20 | UInt64(flowLabel)
        var header = Self.octets(first, 4) + Self.octets(UInt64(length + (hasHeader ? 8 : 0)), 2)
        header += [hasHeader ? 44 : protocolNumber, timeToLive]
        header += addressOctets
        if hasHeader {
            header += [protocolNumber, 0]
            header += Self.octets(UInt64(fragmentOffset | (hasMore ? 1 : 0)), 2)
            header += Self.octets(UInt64(identification), 4)
        }
        return header + payload
    }

    /// The packet in a frame, with `padding` octets after it.
    public func frame(padding: Int = 0) -> [UInt8] {
        let link: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xAA]
        return link + (isIPv6 ? [0x86, 0xDD] : [8, 0]) + octets
            + Array(repeating: 0xEE, count: padding)
    }

    /// The same for one of several balancer ports.
    public func frame(to mac: MACAddress) -> [UInt8] {
        octets(of: mac) + frame().dropFirst(6)
    }

    private func octets(of mac: MACAddress) -> [UInt8] { Self.octets(mac.rawValue, 6) }

    // MARK: - Fragments

    /// The packet cut into fragments with at most `size` octets of payload, a multiple of 8.
    public func fragments(of size: Int, identification: UInt32 = 7) -> [IPPacket] {
        stride(from: 0, to: payload.count, by: size)
            .map { start in
                var part = self
                let end = min(start + size, payload.count)
                part.payload = Array(payload[start..<end])
                part.fragmentOffset = start
                part.hasMore = end < payload.count
                part.hasFragmentHeader = isIPv6
                part.identification = identification
                part.claimedPayloadLength = nil
                return part
            }
    }

    /// The packet that `fragments` are the whole of, in any order; nil when something is missing or
    /// they are not of one datagram.
    public init?(reassembling fragments: [IPPacket]) {
        let sorted = fragments.sorted { $0.fragmentOffset < $1.fragmentOffset }
        guard var whole = sorted.first, let last = sorted.last, !last.hasMore else { return nil }
        whole.payload = []
        for part in sorted {
            guard
                part.fragmentOffset == whole.payload.count, part.source == whole.source,
                part.destination == whole.destination, part.hasValidHeader,
                part.identification == whole.identification
            else { return nil }
            whole.payload += part.payload
        }
        whole.hasMore = false
        whole.hasFragmentHeader = false
        whole.claimedPayloadLength = nil
        self = whole
    }

    // MARK: - Checksums

    /// Source and destination as they are in pseudo-headers.
    private var addressOctets: [UInt8] {
        [source, destination]
            .flatMap { address in
                switch address {
                case .v4(let address): Self.octets(UInt64(address.rawValue), 4)
                case .v6(let address):
                    Self.octets(address.high, 8) + Self.octets(address.low, 8)
                }
            }
    }

    /// The transport checksum over the pseudo-header and `payload` as it is: 0 when the one in it
    /// is right.
    public var transportChecksum: UInt16 {
        guard protocolNumber != 1 else { return Checksum.of(payload) }
        let length = Self.octets(UInt64(payload.count), 4)
        return Checksum.of(addressOctets + length + [0, 0, 0, protocolNumber] + payload)
    }

    /// Where the checksum is in `payload`.
    public var checksumOffset: Int? {
        switch protocolNumber {
        case 6: 16
        case 17: 6
        case 1, 58: 2
        default: nil
        }
    }

    /// The same packet with the checksum computed anew.
    public var withChecksum: IPPacket {
        guard let offset = checksumOffset, offset + 2 <= payload.count else { return self }
        var copy = self
        copy.payload[offset] = 0
        copy.payload[offset + 1] = 0
        let sum = copy.transportChecksum
        let sent = sum == 0 && protocolNumber == 17 ? 0xFFFF : sum
        copy.payload.replaceSubrange(offset..<(offset + 2), with: Self.octets(UInt64(sent), 2))
        return copy
    }

    /// The same packet as a sender leaves it whose device is to finish the checksum: with the sum of
    /// the pseudo-header in its place, or 0 in SCTP.
    public var withUnfinishedChecksum: IPPacket {
        var copy = self
        if protocolNumber == 132 {
            copy.payload.replaceSubrange(8..<12, with: [0, 0, 0, 0])
        } else if let offset = checksumOffset {
            let pseudo = Self.octets(UInt64(payload.count), 4) + [0, 0, 0, protocolNumber]
            let sum = ~Checksum.of(addressOctets + pseudo)
            copy.payload.replaceSubrange(offset..<(offset + 2), with: Self.octets(UInt64(sum), 2))
        }
        return copy
    }

    // MARK: - Numbers

    /// `count` octets of `octets` as a number.
    public static func number(_ octets: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
        octets[offset..<(offset + count)].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The low `count` octets of `value`, highest first.
    public static func octets(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }

    private static func address(_ octets: [UInt8], _ offset: Int) -> IPv6Address {
        IPv6Address(high: number(octets, offset, 8), low: number(octets, offset + 8, 8))
    }
}

// MARK: - Transport headers

extension IPPacket {
    /// A TCP header with `data` and without a checksum.
    public static func tcp(
        _ source: UInt16,
        _ destination: UInt16,
        sequence: UInt32 = 1000,
        flags: UInt8 = 0x10,
        options: [UInt8] = [],
        _ data: [UInt8] = []
    ) -> [UInt8] {
        let ports = octets(UInt64(source), 2) + octets(UInt64(destination), 2)
        let length = UInt8((20 + options.count) / 4) << 4
        // What a peer with the same first number is acknowledged.
        return ports + octets(UInt64(sequence), 4) + octets(1001, 4) + [length, flags, 0xFF, 0xFF]
            + [0, 0, 0, 0] + options + data
    }

    /// A UDP header with `data` and without a checksum.
    public static func udp(
        _ source: UInt16,
        _ destination: UInt16,
        _ data: [UInt8] = []
    ) -> [UInt8] {
        octets(UInt64(source), 2) + octets(UInt64(destination), 2)
            + octets(UInt64(8 + data.count), 2) + [0, 0] + data
    }

    /// An ICMP or ICMPv6 message without a checksum.
    public static func icmp(
        _ type: UInt8,
        _ code: UInt8 = 0,
        rest: UInt32 = 0,
        _ data: [UInt8] = []
    ) -> [UInt8] {
        [type, code, 0, 0] + octets(UInt64(rest), 4) + data
    }
}
