// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// The addresses and ports of a packet exactly as they lie in it, loaded without swapping.
///
/// The packet path is generic over this: one text, one specialised copy a family. Whatever need not
/// be fast uses `Flow`, which holds either family.
public protocol FlowTuple: Hashable, Sendable, BitwiseCopyable {
    static var isIPv6: Bool { get }
    /// Octets of the IP header before the source address.
    static var addressOffset: Int { get }

    /// Source (2), destination (2).
    var ports: UInt32 { get set }
    var source: WireAddress { get }
    var destination: WireAddress { get }

    init(source: WireAddress, destination: WireAddress, ports: UInt32)
    /// Loads both addresses, which lie one behind the other.
    @unsafe init(addressesAt base: UnsafeRawPointer, ports: UInt32)
    @unsafe func storeAddresses(at base: UnsafeMutableRawPointer)

    /// A keyed hash: without `key`, nobody can choose tuples that collide.
    func hash(_ protocol: FlowProtocol, key: HashKey) -> UInt64
    /// The tuple of a packet that goes the other way.
    var reversed: Self { get }
    /// The ones'-complement sum of the addresses (RFC 1071), at most 0xFFFF, in wire order.
    var addressSum: UInt32 { get }
}

extension FlowTuple {
    public var sourcePort: UInt16 { UInt16(truncatingIfNeeded: ports).byteSwapped }
    public var destinationPort: UInt16 { UInt16(truncatingIfNeeded: ports >> 16).byteSwapped }
    @inline(__always)
    var reversedPorts: UInt32 { ports << 16 | ports >> 16 }
}

/// What is balanced, in the numbers that connections store.
public enum FlowProtocol: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    case tcp = 0
    case udp = 1
    case sctp = 2
    /// Queries by their identifier: of ICMP in IPv4, of ICMPv6 in IPv6.
    case icmp = 3

    public init?(_ number: IPProtocol, isIPv6: Bool) {
        switch number {
        case .tcp: self = .tcp
        case .udp: self = .udp
        case .sctp: self = .sctp
        case .icmp where !isIPv6, .icmpv6 where isIPv6: self = .icmp
        default: return nil
        }
    }

    /// An identifier is in the place of both ports.
    public var isQuery: Bool { self == .icmp }

    /// As the IP headers of a family name it.
    public func number(isIPv6: Bool) -> UInt8 {
        switch self {
        case .tcp: 6
        case .udp: 17
        case .sctp: 132
        case .icmp: isIPv6 ? 58 : 1
        }
    }
}

/// The tuple of an IPv4 packet.
///
///     addresses: source (4), destination (4)
public struct IPv4Tuple: FlowTuple {
    public var addresses: UInt64
    public var ports: UInt32

    public static var isIPv6: Bool { false }
    public static var addressOffset: Int { 12 }

    @inline(__always)
    public init(addresses: UInt64, ports: UInt32) {
        self.addresses = addresses
        self.ports = ports
    }

    public init(source: WireAddress, destination: WireAddress, ports: UInt32) {
        self.init(
            addresses: UInt64(source.ipv4) | UInt64(destination.ipv4) << 32,
            ports: ports
        )
    }

    public init(
        source: IPv4Address,
        sourcePort: UInt16,
        destination: IPv4Address,
        destinationPort: UInt16
    ) {
        addresses =
            UInt64(source.rawValue.bigEndian) | UInt64(destination.rawValue.bigEndian) << 32
        ports = UInt32(sourcePort.bigEndian) | UInt32(destinationPort.bigEndian) << 16
    }

    @unsafe
    @inline(__always)
    public init(addressesAt base: UnsafeRawPointer, ports: UInt32) {
        unsafe addresses = base.loadUnaligned(as: UInt64.self)
        self.ports = ports
    }

    @unsafe
    @inline(__always)
    public func storeAddresses(at base: UnsafeMutableRawPointer) {
        unsafe base.storeBytes(of: addresses, as: UInt64.self)
    }

    public var reversed: IPv4Tuple {
        IPv4Tuple(addresses: addresses << 32 | addresses >> 32, ports: reversedPorts)
    }

    public var source: WireAddress { WireAddress(ipv4: UInt32(truncatingIfNeeded: addresses)) }
    public var destination: WireAddress {
        WireAddress(ipv4: UInt32(truncatingIfNeeded: addresses >> 32))
    }

    /// Two folded multiplications.
    public func hash(_ protocol: FlowProtocol, key: HashKey) -> UInt64 {
        let tail = UInt64(ports) | UInt64(`protocol`.rawValue) << 32
        let first = (addresses ^ key.first).multipliedFullWidth(by: tail ^ key.second)
        let second = (first.high ^ first.low ^ key.first).multipliedFullWidth(by: key.third)
        return second.high ^ second.low
    }

    public var addressSum: UInt32 {
        let sum = (addresses & 0xFFFF_FFFF) &+ addresses >> 32
        return foldChecksum(sum)
    }
}

/// The tuple of an IPv6 packet.
public struct IPv6Tuple: FlowTuple {
    public var source: WireAddress
    public var destination: WireAddress
    public var ports: UInt32

    public static var isIPv6: Bool { true }
    public static var addressOffset: Int { 8 }

    @inline(__always)
    public init(source: WireAddress, destination: WireAddress, ports: UInt32) {
        self.source = source
        self.destination = destination
        self.ports = ports
    }

    @unsafe
    @inline(__always)
    public init(addressesAt base: UnsafeRawPointer, ports: UInt32) {
        unsafe source = WireAddress(
            first: base.loadUnaligned(as: UInt64.self),
            second: base.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        )
        unsafe destination = WireAddress(
            first: base.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
            second: base.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
        )
        self.ports = ports
    }

    @unsafe
    @inline(__always)
    public func storeAddresses(at base: UnsafeMutableRawPointer) {
        unsafe base.storeBytes(of: source.first, as: UInt64.self)
        unsafe base.storeBytes(of: source.second, toByteOffset: 8, as: UInt64.self)
        unsafe base.storeBytes(of: destination.first, toByteOffset: 16, as: UInt64.self)
        unsafe base.storeBytes(of: destination.second, toByteOffset: 24, as: UInt64.self)
    }

    public var reversed: IPv6Tuple {
        IPv6Tuple(source: destination, destination: source, ports: reversedPorts)
    }

    /// Four folded multiplications, two of which run side by side.
    public func hash(_ protocol: FlowProtocol, key: HashKey) -> UInt64 {
        let tail = UInt64(ports) | UInt64(`protocol`.rawValue) << 32
        let from = (source.first ^ key.first).multipliedFullWidth(by: source.second ^ key.second)
        let to = (destination.first ^ key.third)
            .multipliedFullWidth(by: destination.second ^ key.fourth)
        let both = (from.high ^ from.low ^ key.second ^ tail)
            .multipliedFullWidth(by: to.high ^ to.low ^ key.fourth)
        let last = (both.high ^ both.low ^ tail ^ key.first).multipliedFullWidth(by: key.third)
        return last.high ^ last.low
    }

    public var addressSum: UInt32 {
        foldChecksum(UInt64(source.checksum) &+ UInt64(destination.checksum))
    }
}

/// Four words derived from one secret; the third is odd.
public struct HashKey: Sendable, BitwiseCopyable {
    let first: UInt64
    let second: UInt64
    let third: UInt64
    let fourth: UInt64

    /// SplitMix64 spreads even a poor seed over all bits.
    public init(seed: UInt64) {
        var state = seed
        func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
            return value ^ value >> 31
        }
        first = next()
        second = next()
        third = next() | 1
        fourth = next()
    }
}

/// Adds the 16-bit halves of `sum` until one is left.
func foldChecksum(_ sum: UInt64) -> UInt32 {
    var sum = (sum & 0xFFFF_FFFF) &+ sum >> 32
    sum = (sum & 0xFFFF) &+ (sum >> 16 & 0xFFFF) &+ sum >> 32
    sum = (sum & 0xFFFF) &+ sum >> 16
    sum = (sum & 0xFFFF) &+ sum >> 16
    return UInt32(truncatingIfNeeded: sum)
}
