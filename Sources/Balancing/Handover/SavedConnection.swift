// SPDX-License-Identifier: Apache-2.0
import Addressing

/// What a connection takes along to the next process.
///
/// Everything else, checksum differences, next hops, timers, follows from it.
public struct SavedConnection: BitwiseCopyable, Sendable {
    /// How the client's packets come in.
    public var client: Flow
    /// How the backend's packets come in; of one-way connections, how they would.
    public var backend: Flow
    public var kind: ConnectionKind
    public var state: ConnectionState
    /// TCP: what the backend sends next, and what it expects next; in host order.
    public var nextFromBackend: UInt32
    public var nextFromClient: UInt32
    /// The slot of the backend; in a file, its place in the list of backends.
    public var backendSlot: UInt32
    /// The worker that owned it.
    public var worker: UInt16
    /// Ticks since its last packet.
    public var idle: UInt32
    /// How far the backend has been told of the client, of one that needs care.
    var side: SideState?
    var needsCare: Bool
    var isPersistent: Bool
}

extension SavedConnection {
    /// Octets of a connection in a file; all numbers are little-endian.
    ///
    ///      0: source, destination (16 each), ports (4) of the client's packets
    ///     36: protocol, kind, state, flags
    ///     40: source, destination (16 each), ports (4) of the backend's packets
    ///     76: worker (2), 0 (2)
    ///     80: next from backend, next from client, backend, idle ticks (4 each)
    ///     96: side state, or zeros
    public static let encodedSize = 160
    private static let sidePlace = 96
    /// Side states are kept as they lie in memory: another size is another version's.
    public static let sideSize = MemoryLayout<SideState>.size

    private enum Flag {
        static let hasSide: UInt8 = 1, needsCare: UInt8 = 2, isPersistent: UInt8 = 4
    }

    /// As in a file.
    public var encoded: [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: Self.encodedSize) { place, count in
            unsafe encode(into: UnsafeMutableRawBufferPointer(place))
            count = Self.encodedSize
        }
    }

    private func encode(into place: UnsafeMutableRawBufferPointer) {
        unsafe place.initializeMemory(as: UInt8.self, repeating: 0)
        func store<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number, _ at: Int) {
            unsafe place.storeBytes(of: number.littleEndian, toByteOffset: at, as: Number.self)
        }
        func store(_ flow: Flow, _ at: Int) {
            store(flow.source.first, at)
            store(flow.source.second, at + 8)
            store(flow.destination.first, at + 16)
            store(flow.destination.second, at + 24)
            store(flow.ports, at + 32)
        }
        store(client, 0)
        store(client.protocol.rawValue, 36)
        store(kind.rawValue, 37)
        store(state.rawValue, 38)
        let flags =
            (side == nil ? 0 : Flag.hasSide) | (needsCare ? Flag.needsCare : 0)
            | (isPersistent ? Flag.isPersistent : 0)
        store(flags, 39)
        store(backend, 40)
        store(worker, 76)
        store(nextFromBackend, 80)
        store(nextFromClient, 84)
        store(backendSlot, 88)
        store(idle, 92)
        if let side {
            unsafe place.storeBytes(of: side, toByteOffset: Self.sidePlace, as: SideState.self)
        }
    }

    /// Reads what `encoded` has made; nil when it cannot be that.
    public init?(reading octets: some Collection<UInt8>) {
        let result = octets.withContiguousStorageIfAvailable { octets in
            unsafe SavedConnection(UnsafeRawBufferPointer(octets))
        }
        guard let result = result ?? nil else { return nil }
        self = result
    }

    private init?(_ octets: UnsafeRawBufferPointer) {
        guard octets.count >= Self.encodedSize else { return nil }
        func load<Number: FixedWidthInteger & BitwiseCopyable>(_ at: Int) -> Number {
            unsafe Number(
                littleEndian: octets.loadUnaligned(fromByteOffset: at, as: Number.self)
            )
        }
        func flow(_ at: Int, _ protocol: FlowProtocol) -> Flow {
            Flow(
                source: WireAddress(first: load(at), second: load(at + 8)),
                destination: WireAddress(first: load(at + 16), second: load(at + 24)),
                ports: load(at + 32),
                protocol: `protocol`
            )
        }
        guard
            let number = FlowProtocol(rawValue: load(36)),
            let kind = ConnectionKind(rawValue: load(37)),
            let state = ConnectionState(rawValue: load(38))
        else { return nil }
        let flags: UInt8 = load(39)
        client = flow(0, number)
        backend = flow(40, number)
        // An IPv6 flow and an IPv4 flow each have both addresses of their family.
        guard client.source.isIPv6 == client.destination.isIPv6,
            backend.source.isIPv6 == backend.destination.isIPv6
        else { return nil }
        self.kind = kind
        self.state = state
        worker = load(76)
        nextFromBackend = load(80)
        nextFromClient = load(84)
        backendSlot = load(88)
        idle = load(92)
        needsCare = flags & Flag.needsCare != 0
        isPersistent = flags & Flag.isPersistent != 0
        side =
            flags & Flag.hasSide == 0
            ? nil
            : unsafe octets.loadUnaligned(fromByteOffset: Self.sidePlace, as: SideState.self)
    }
}
