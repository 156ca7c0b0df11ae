// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// Which connections somebody wants to see: the bits of the client's flow that count, and states.
public struct FlowPattern: BitwiseCopyable, Sendable {
    /// How the client's packets come in; what the mask leaves out says nothing.
    private let flow: Flow
    private let source: WireAddress
    private let destination: WireAddress
    private let ports: UInt32
    /// Bits by `FlowProtocol` and `ConnectionState`.
    private let protocols: UInt8
    private let states: UInt32
    /// Whether only one flow fits.
    let isExact: Bool

    /// A part of a flow: addresses of a network, and a port.
    public struct End: BitwiseCopyable, Sendable {
        let address: WireAddress
        let mask: WireAddress
        let port: UInt16?

        /// `port`: nil means any.
        public init(_ prefix: IPPrefix, port: UInt16?) {
            address = WireAddress(prefix.network.address)
            // Of IPv4 the octets before the address are those of every IPv4 address.
            let length = prefix.length + (prefix.address.family == .ipv4 ? 96 : 0)
            let bits = UInt128.max << UInt128(128 - length)
            mask = WireAddress(
                first: UInt64(truncatingIfNeeded: bits >> 64).bigEndian,
                second: UInt64(truncatingIfNeeded: bits).bigEndian
            )
            self.port = port
        }

        fileprivate var isExact: Bool {
            mask.first == .max && mask.second == .max && port != nil
        }
    }

    /// Everything fits where nothing is said; `states` that are empty are all.
    public init(
        client: End? = nil,
        virtual: End? = nil,
        protocol: FlowProtocol? = nil,
        states: [ConnectionState] = []
    ) {
        let anywhere = WireAddress.zero
        flow = Flow(
            source: client?.address ?? anywhere,
            destination: virtual?.address ?? anywhere,
            ports: UInt32((client?.port ?? 0).bigEndian)
                | UInt32((virtual?.port ?? 0).bigEndian) << 16,
            protocol: `protocol` ?? .tcp
        )
        source = client?.mask ?? anywhere
        destination = virtual?.mask ?? anywhere
        ports = (client?.port == nil ? 0 : 0xFFFF) | (virtual?.port == nil ? 0 : 0xFFFF << 16)
        protocols = `protocol`.map { 1 << $0.rawValue } ?? .max
        self.states = states.isEmpty ? .max : states.reduce(0) { $0 | 1 << UInt32($1.rawValue) }
        isExact = `protocol` != nil && client?.isExact ?? false && virtual?.isExact ?? false
    }

    /// The one flow that fits, of a pattern that is exact.
    var only: Flow { flow }

    @inline(__always)
    func fits(_ state: ConnectionState, _ protocol: FlowProtocol) -> Bool {
        states >> UInt32(state.rawValue) & 1 != 0 && protocols >> `protocol`.rawValue & 1 != 0
    }

    @inline(__always)
    func fits(_ client: Flow) -> Bool {
        let difference =
            (client.source.first ^ flow.source.first) & source.first
            | (client.source.second ^ flow.source.second) & source.second
            | (client.destination.first ^ flow.destination.first) & destination.first
            | (client.destination.second ^ flow.destination.second) & destination.second
        return difference == 0 && (client.ports ^ flow.ports) & ports == 0
    }
}
