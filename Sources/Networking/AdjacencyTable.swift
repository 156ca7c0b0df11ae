// SPDX-License-Identifier: Apache-2.0
public import Addressing
import CLinux
import CPacket

/// Names a neighbour on a link for as long as it is known: position and generation.
///
///      31        20 19                    0
///     +------------+-----------------------+
///     | generation | position              |
///     +------------+-----------------------+
public struct AdjacencyHandle: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    public var rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    static let positionBits: UInt32 = 20

    /// Fits no adjacency: generations begin at 1.
    public static let none = AdjacencyHandle(rawValue: 0)

    public var positionNumber: Int { position }
    public var generationNumber: UInt32 { rawValue >> Self.positionBits }
    var position: Int { Int(rawValue & (1 << Self.positionBits - 1)) }
    var generation: UInt64 { UInt64(rawValue >> Self.positionBits) }
}

/// The neighbours of all interfaces: one thread writes, every worker reads.
///
/// An entry is one cache line. Its first word holds all that may change while the entry is in use,
/// so that a reader sees a whole answer with one load:
///
///      63   60 59        48 47                                0
///     +-------+------------+-----------------------------------+
///     | state | generation | MAC address, in wire order        |
///     +-------+------------+-----------------------------------+
///
/// The rest, port and address, is written before the handle is given out and stays until the entry
/// is retired; it is reused when every worker has finished two more turns (`QuiescentState.turns`).
@safe
public struct AdjacencyTable: BitwiseCopyable, @unchecked Sendable {
    /// What a worker may do with a packet for this neighbour.
    public enum State: UInt64, Sendable {
        /// Nothing is known: ask the slow path.
        case unresolved = 0
        /// Send.
        case reachable = 1
        /// Send, and tell the slow path that somebody did: it then probes.
        case stale = 2
    }

    private enum Layout {
        static let entry = 64
        static let interface = 8
        static let family = 10
        static let address = 16
        /// A slot whose handle was removed: searches pass it, insertions reuse it.
        static let removed: UInt64 = 1
        /// Slots that a search looks at, so that no history of insertions makes it long.
        static let probes: UInt64 = 64
    }

    private let base: UnsafeMutableRawPointer
    /// Hash slots: low half a handle, high half bits of the hash; 0 is empty, 1 was removed.
    private let index: UnsafeMutablePointer<UInt64>
    public let capacity: Int
    private var indexMask: UInt64 { UInt64(capacity * 2 - 1) }

    /// Room for `capacity` neighbours (a power of two, at most 2^20); nil when memory is short.
    public init?(capacity: Int) {
        precondition(capacity.nonzeroBitCount == 1 && capacity <= 1 << 20)
        self.capacity = capacity
        guard
            let entries = unsafe CLinux_map_lazily(capacity * Layout.entry),
            let slots = unsafe CLinux_map_lazily(capacity * 16)
        else { return nil }
        unsafe base = entries
        unsafe index = slots.assumingMemoryBound(to: UInt64.self)
    }

    public func destroy() {
        unsafe CLinux_unmap_lazily(base, capacity * Layout.entry)
        unsafe CLinux_unmap_lazily(index, capacity * 16)
    }

    // MARK: - Workers

    /// What is known now of the neighbour behind a handle.
    public struct Answer: BitwiseCopyable {
        private let word: UInt64
        private let generation: UInt64

        init(word: UInt64, for handle: AdjacencyHandle) {
            self.word = word
            generation = handle.generation
        }

        /// The common case in one comparison.
        public var isReachable: Bool {
            word >> 48 == State.reachable.rawValue << 12 | generation
        }

        /// False when the neighbour was forgotten and the packet's next hop must be looked up anew.
        public var isCurrent: Bool { word >> 48 & 0xFFF == generation }
        public var state: State { State(rawValue: word >> 60) ?? .unresolved }
        /// Six octets in wire order in the low bits, as a frame's first eight octets are loaded.
        public var destination: UInt64 { word & 0xFFFF_FFFF_FFFF }
    }

    /// Any thread.
    public func answer(for handle: AdjacencyHandle) -> Answer {
        let word = unsafe entry(handle.position).assumingMemoryBound(to: UInt64.self)
        return unsafe Answer(word: CPacket_load_relaxed(word), for: handle)
    }

    /// The interface that reaches the neighbour; meaningful while the handle is current.
    public func interface(of handle: AdjacencyHandle) -> InterfaceID {
        let stored = unsafe entry(handle.position) + Layout.interface
        return InterfaceID(rawValue: unsafe stored.loadUnaligned(as: UInt16.self))
    }

    /// The handle of `address` on the link of `interface`, or `none`.
    public func find(_ address: IPAddress, on interface: InterfaceID) -> AdjacencyHandle {
        let hash = Self.hash(address, interface)
        for step in 0..<Layout.probes {
            let slot = (hash &+ step) & indexMask
            let word = unsafe CPacket_load_acquire(index + Int(slot))
            if word == 0 { return .none }
            if word >> 32 == hash >> 32 {
                let handle = AdjacencyHandle(rawValue: UInt32(truncatingIfNeeded: word))
                if holds(handle, address, interface) { return handle }
            }
        }
        return .none
    }

    // MARK: - The one writer

    /// Writes the unused entry at `position` and makes it findable; nil when the index is crowded.
    public func insert(
        _ address: IPAddress,
        on interface: InterfaceID,
        at position: Int,
        generation: UInt32
    ) -> AdjacencyHandle? {
        precondition((0..<capacity).contains(position) && (1...0xFFF).contains(generation))
        let handle = AdjacencyHandle(
            rawValue: generation << AdjacencyHandle.positionBits | UInt32(position)
        )
        let record = unsafe entry(position)
        unsafe (record + Layout.interface).storeBytes(of: interface.rawValue, as: UInt16.self)
        unsafe write(address, to: record)
        set(.unresolved, .zero, for: handle)
        let hash = Self.hash(address, interface)
        for step in 0..<Layout.probes {
            let slot = unsafe index + Int((hash &+ step) & indexMask)
            guard unsafe CPacket_load_relaxed(slot) <= Layout.removed else { continue }
            unsafe CPacket_store_release(slot, (hash >> 32) << 32 | UInt64(handle.rawValue))
            return handle
        }
        return nil
    }

    /// Changes what workers see; one store.
    public func set(_ state: State, _ address: MACAddress, for handle: AdjacencyHandle) {
        let word = state.rawValue << 60 | handle.generation << 48 | Self.wireOrder(address)
        let target = unsafe entry(handle.position).assumingMemoryBound(to: UInt64.self)
        unsafe CPacket_store_release(target, word)
    }

    /// Makes the entry unfindable and its handle stale; wait for the workers before reuse.
    public func remove(_ handle: AdjacencyHandle) {
        let address = address(of: handle)
        let hash = Self.hash(address, interface(of: handle))
        for step in 0..<Layout.probes {
            let slot = unsafe index + Int((hash &+ step) & indexMask)
            guard
                unsafe UInt32(truncatingIfNeeded: CPacket_load_relaxed(slot)) == handle.rawValue
            else { continue }
            unsafe CPacket_store_release(slot, Layout.removed)
            break
        }
        let target = unsafe entry(handle.position).assumingMemoryBound(to: UInt64.self)
        unsafe CPacket_store_release(target, 0)
    }

    /// The neighbour's network address; meaningful while the handle is current.
    public func address(of handle: AdjacencyHandle) -> IPAddress {
        let record = unsafe entry(handle.position)
        let high = unsafe record.load(fromByteOffset: Layout.address, as: UInt64.self)
        let low = unsafe record.load(fromByteOffset: Layout.address + 8, as: UInt64.self)
        let isIPv6 = unsafe record.load(fromByteOffset: Layout.family, as: UInt8.self) == 6
        return isIPv6
            ? .v6(IPv6Address(high: high, low: low))
            : .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: low)))
    }

    // MARK: - Memory

    private func entry(_ position: Int) -> UnsafeMutableRawPointer {
        unsafe base + (position & (capacity &- 1)) &* Layout.entry
    }

    private func holds(
        _ handle: AdjacencyHandle,
        _ wanted: IPAddress,
        _ interface: InterfaceID
    ) -> Bool {
        answer(for: handle).isCurrent && self.interface(of: handle) == interface
            && address(of: handle) == wanted
    }

    private func write(_ address: IPAddress, to record: UnsafeMutableRawPointer) {
        let (family, high, low): (UInt8, UInt64, UInt64) =
            switch address {
            case .v4(let address): (4, 0, UInt64(address.rawValue))
            case .v6(let address): (6, address.high, address.low)
            }
        unsafe record.storeBytes(of: family, toByteOffset: Layout.family, as: UInt8.self)
        unsafe record.storeBytes(of: high, toByteOffset: Layout.address, as: UInt64.self)
        unsafe record.storeBytes(of: low, toByteOffset: Layout.address + 8, as: UInt64.self)
    }

    private static func wireOrder(_ address: MACAddress) -> UInt64 {
        (address.rawValue << 16).byteSwapped
    }

    /// Never below 2 in its high half's slot word, because handles are never 0 or 1.
    private static func hash(_ address: IPAddress, _ interface: InterfaceID) -> UInt64 {
        let (high, low): (UInt64, UInt64) =
            switch address {
            case .v4(let address): (0, UInt64(address.rawValue))
            case .v6(let address): (address.high, address.low)
            }
        var value = (low ^ (UInt64(interface.rawValue) << 40)) &* 0x9E37_79B9_7F4A_7C15
        value ^= value >> 29
        value = (value ^ high) &* 0xBF58_476D_1CE4_E5B9
        return value ^ value >> 32
    }
}
