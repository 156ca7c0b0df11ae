// SPDX-License-Identifier: Apache-2.0

/// How one service chooses backends for new connections: flat, immutable, 16 octets in the record.
///
/// A handle to memory that its maker destroys. Backends go by their place in the service's list;
/// what a worker changes (its cursor, its counters) is handed in. One layout serves all kinds:
///
///     members  8 octets a backend: counter slot and weight
///     points   4 octets an entry, ring only: positions in ascending order
///     starts   4 octets each, ring only: where the points of an equal part of the circle begin
///     entries  2 octets each: backends
///
/// A circle that is every backend in order has no entries: a plain `rr` reads no memory here.
@safe
public struct Scheduler: BitwiseCopyable, @unchecked Sendable {
    /// What the entries are.
    public enum Kind: UInt8, BitwiseCopyable, Sendable {
        /// Turns, taken one after the other: `rr`, `wrr`.
        case circle
        /// Best first: `fo`.
        case preference
        /// Found by a hash of the flow: `mh`, `sh`, `dh`.
        case table
        /// At points of a ring; the next one after the flow's hash: `conhash`.
        case ring
        /// Turns that decide between backends of equal load: `lc`, `wlc`, `sed`, `nq`.
        case leastLoaded
    }

    /// Variants; each concerns the kinds that it names.
    public struct Options: OptionSet, BitwiseCopyable, Sendable {
        public var rawValue: UInt8

        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// Table: the source port counts beside the source address.
        public static let usesPort = Options(rawValue: 1 << 0)
        /// Table: a flow whose backend is unusable goes to another one.
        public static let fallsBack = Options(rawValue: 1 << 1)
        /// Table: the destination address counts, nothing else.
        public static let usesDestination = Options(rawValue: 1 << 2)
        /// Ring: the QUIC connection id counts where there is one.
        public static let usesConnectionID = Options(rawValue: 1 << 3)
        /// Least loaded: the connection to be made counts as well.
        public static let countsNext = Options(rawValue: 1 << 4)
        /// Least loaded: the first backend without active connections is taken.
        public static let prefersIdle = Options(rawValue: 1 << 5)
        /// Table and ring: packets of connections that nobody here knows are scheduled, too.
        public static let isSloppy = Options(rawValue: 1 << 6)
        /// Circle: the backends in order; there are no entries.
        static let isPlain = Options(rawValue: 1 << 7)
    }

    /// A backend as schedulers see it.
    public struct Member: BitwiseCopyable, Sendable, Equatable {
        /// Where its counters are.
        public var slot: UInt32
        /// 0: never chosen.
        public var weight: UInt32

        public init(slot: UInt32, weight: UInt32) {
            self.slot = slot
            self.weight = weight
        }
    }

    /// A place of a ring.
    public struct Point: Hashable, Comparable, Sendable {
        public var position: UInt32
        public var backend: UInt16

        public init(position: UInt32, backend: UInt16) {
            self.position = position
            self.backend = backend
        }

        public static func < (left: Self, right: Self) -> Bool {
            (left.position, left.backend) < (right.position, right.backend)
        }
    }

    /// Backends that a service may have.
    public static let memberLimit = Int(UInt16.max)

    let memory: UnsafeMutableRawPointer
    let entryCount: UInt32
    let memberCount: UInt16
    public let kind: Kind
    public let options: Options

    /// A scheduler over backends in the service's order; `entries` name members, at most
    /// `memberLimit`, whose weights are above zero.
    public init(
        _ kind: Kind,
        members: [Member],
        entries: [UInt16],
        options: Options = []
    ) {
        precondition(kind != .ring)
        let isPlain =
            kind == .circle && entries.elementsEqual(members.indices.lazy.map { UInt16($0) })
        self.init(
            kind,
            members,
            points: [],
            starts: [],
            entries: isPlain ? [] : entries,
            entryCount: entries.count,
            options: isPlain ? options.union(.isPlain) : options
        )
    }

    /// A ring of points, in ascending order.
    public init(ring points: [Point], members: [Member], options: Options = []) {
        self.init(
            .ring,
            members,
            points: points.map(\.position),
            starts: Self.starts(of: points),
            entries: points.map(\.backend),
            entryCount: points.count,
            options: options
        )
    }

    private init(
        _ kind: Kind,
        _ members: [Member],
        points: [UInt32],
        starts: [UInt32],
        entries: [UInt16],
        entryCount: Int,
        options: Options
    ) {
        precondition(members.count <= Self.memberLimit && entryCount < 1 << 31)
        self.kind = kind
        self.options = options
        self.entryCount = UInt32(entryCount)
        memberCount = UInt16(members.count)
        let size = members.count * 8 + points.count * 4 + starts.count * 4 + entries.count * 2
        unsafe memory = .allocate(byteCount: max(1, size), alignment: 64)
        var end = unsafe Self.store(members, at: memory)
        unsafe end = Self.store(points, at: end)
        unsafe end = Self.store(starts, at: end)
        _ = unsafe Self.store(entries, at: end)
    }

    public func destroy() { unsafe memory.deallocate() }

    /// Copies `elements` to `place` and returns where they end.
    @unsafe
    private static func store<Element: BitwiseCopyable>(
        _ elements: [Element],
        at place: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        for (index, element) in elements.enumerated() {
            unsafe (place + index * MemoryLayout<Element>.stride)
                .storeBytes(of: element, as: Element.self)
        }
        return unsafe place + elements.count * MemoryLayout<Element>.stride
    }

    /// For each of as many equal parts of the circle as there are points, rounded up to a power of
    /// two, the first point that is not before it.
    private static func starts(of points: [Point]) -> [UInt32] {
        guard !points.isEmpty else { return [] }
        let bits = partBits(points.count)
        var starts: [UInt32] = []
        var next = 0
        for part in 0..<(1 << bits) {
            let beginning = UInt64(part) << (32 - bits)
            while next < points.count, UInt64(points[next].position) < beginning { next += 1 }
            starts.append(UInt32(next))
        }
        return starts
    }

    static func partBits(_ count: Int) -> Int {
        Int.bitWidth - (count - 1).leadingZeroBitCount
    }
}
