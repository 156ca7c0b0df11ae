// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// Who talks to whom, of either family: what connection setup and everything rarer works with.
public struct Flow: Hashable, Sendable, BitwiseCopyable {
    public var source: WireAddress
    public var destination: WireAddress
    /// Source (2), destination (2), in wire order.
    public var ports: UInt32
    public var `protocol`: FlowProtocol

    @inline(__always)
    public init(
        source: WireAddress,
        destination: WireAddress,
        ports: UInt32,
        protocol: FlowProtocol
    ) {
        self.source = source
        self.destination = destination
        self.ports = ports
        self.protocol = `protocol`
    }

    @inline(__always)
    public init(_ tuple: some FlowTuple, _ protocol: FlowProtocol) {
        self.init(
            source: tuple.source,
            destination: tuple.destination,
            ports: tuple.ports,
            protocol: `protocol`
        )
    }

    /// Ports in host order.
    public init(
        from source: IPAddress,
        _ sourcePort: UInt16,
        to destination: IPAddress,
        _ destinationPort: UInt16,
        _ protocol: FlowProtocol
    ) {
        self.init(
            source: WireAddress(source),
            destination: WireAddress(destination),
            ports: UInt32(sourcePort.bigEndian) | UInt32(destinationPort.bigEndian) << 16,
            protocol: `protocol`
        )
    }

    public var reversed: Flow {
        Flow(
            source: destination,
            destination: source,
            ports: ports << 16 | ports >> 16,
            protocol: `protocol`
        )
    }

    public var isIPv6: Bool { source.isIPv6 }
    public var sourcePort: UInt16 { UInt16(truncatingIfNeeded: ports).byteSwapped }
    public var destinationPort: UInt16 { UInt16(truncatingIfNeeded: ports >> 16).byteSwapped }

    /// The ones'-complement sums (RFC 1071) of the addresses, and of addresses and ports.
    var addressSum: UInt32 {
        foldChecksum(UInt64(source.checksum) &+ UInt64(destination.checksum))
    }
    var tupleSum: UInt32 { foldChecksum(UInt64(addressSum) &+ UInt64(ports)) }

    /// As in tables of connections: see `FlowTuple.hash`.
    func hash(key: HashKey) -> UInt64 {
        isIPv6
            ? IPv6Tuple(source: source, destination: destination, ports: ports)
                .hash(`protocol`, key: key)
            : IPv4Tuple(source: source, destination: destination, ports: ports)
                .hash(`protocol`, key: key)
    }
}
