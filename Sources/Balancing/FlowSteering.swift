// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import Packet

/// Which worker owns a local port, for each flow of a backend.
///
/// The ports fall into classes by a linear function of their bits: where a device spreads packets
/// by the Toeplitz hash, the part of the hash that the port contributes; elsewhere the port's low
/// bits. What the rest of a reply's tuple contributes, the *flow hash*, turns the class into a
/// place of a table (the device's redirection table), and there stands the worker:
///
///     owner of a reply = workers[(flow hash ^ class of its destination port) & mask]
///
/// So a worker that opens a connection picks a port of a class that leads back to itself, and
/// whoever gets a reply that is not its own finds the owner. A port is its class and its rank among
/// the ports of that class: `port = representative(class) ^ kernel(rank)`.
///
/// A handle to immutable memory that its maker destroys.
@safe
public struct FlowSteering: BitwiseCopyable, @unchecked Sendable {
    /// What a reply's owner hangs on.
    public enum Kind: BitwiseCopyable, Sendable {
        /// The port alone.
        case port
        /// The hash of the whole tuple, which the device computes as well.
        case toeplitz
    }

    private enum Table {
        static let classLow = 0, classHigh = 256, rankLow = 512, rankHigh = 768, rest = 1024
    }

    public let kind: Kind
    /// The family of the replies; meaningful for `.toeplitz`.
    let isIPv6: Bool
    public let workerCount: Int
    /// Binary logarithm of the number of classes.
    let classBits: Int
    /// `Table`, then representatives by class, kernel by rank, workers by place, where each worker's
    /// places begin, how many ports it has for one flow, and the places.
    private let tables: UnsafeMutablePointer<UInt16>
    /// By octet of the tuple and its value; nil where the tuple does not count.
    private let hashes: UnsafeMutablePointer<UInt32>?

    public var classCount: Int { 1 << classBits }
    /// Ports of a class.
    var classSize: Int { 1 << (16 - classBits) }
    private var mask: UInt32 { UInt32(classCount - 1) }
    private var representatives: Int { Table.rest }
    private var kernel: Int { representatives + classCount }
    private var workers: Int { kernel + classSize }
    private var starts: Int { workers + classCount }
    private var portCounts: Int { starts + workerCount + 1 }
    private var places: Int { portCounts + workerCount }

    // MARK: - Making

    /// Ports shared among `workers` by their low bits.
    ///
    /// There are `classes` of them, a power of two, or as many as the workers need. With the fewest
    /// (`fewestClasses`) the owner is a function of that many low bits, which
    /// flow rules of devices can match.
    public init(sharesAmong workers: Int, classes: Int = 128) {
        precondition((1...256).contains(workers))
        let count = max(classes, Self.fewestClasses(for: workers))
        let classBits = count.trailingZeroBitCount
        let owners = (0..<count).map { $0 % workers }
        let made = LinearMap(unitImages: (0..<16).map { $0 < classBits ? 1 << $0 : 0 }, classBits)
        guard let made else { preconditionFailure("low bits are independent") }
        unsafe self.init(kind: .port, made, owners, workers, isIPv6: false, hashes: nil)
    }

    /// The smallest power of two that gives each worker a class, and at least 2.
    public static func fewestClasses(for workers: Int) -> Int {
        var count = 2
        while count < workers { count *= 2 }
        return count
    }

    /// Ports as a device with this hash and redirection table sees them.
    ///
    /// `table` has the worker for each of its places, a power of two of them. Nil when a worker has
    /// none, when the table is larger than 1024, or when the key does not tell ports apart.
    public init?(_ toeplitz: Toeplitz, table: [Int], workers: Int, isIPv6: Bool = false) {
        let input: Toeplitz.Places = isIPv6 ? .ipv6 : .ipv4
        let bits = table.count.trailingZeroBitCount
        guard table.count.nonzeroBitCount == 1, bits <= 10, (1...256).contains(workers),
            Set(table) == Set(0..<workers)
        else { return nil }
        let units = (0..<16)
            .map { bit in
                let port = UInt16(1) << UInt16(bit)
                let octets = [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)]
                let hash = toeplitz.hash(octets, at: input.destinationPort)
                return UInt16(truncatingIfNeeded: hash) & UInt16(table.count - 1)
            }
        guard let made = LinearMap(unitImages: units, bits) else { return nil }
        let hashes = UnsafeMutablePointer<UInt32>.allocate(capacity: input.destinationPort * 256)
        for octet in 0..<input.destinationPort {
            for value in 0..<256 {
                unsafe (hashes + octet * 256 + value)
                    .initialize(to: toeplitz.hash([UInt8(value)], at: octet))
            }
        }
        unsafe self.init(kind: .toeplitz, made, table, workers, isIPv6: isIPv6, hashes: hashes)
    }

    private init(
        kind: Kind,
        _ map: LinearMap,
        _ owners: [Int],
        _ workerCount: Int,
        isIPv6: Bool,
        hashes: UnsafeMutablePointer<UInt32>?
    ) {
        self.kind = kind
        self.isIPv6 = isIPv6
        self.workerCount = workerCount
        classBits = map.classBits
        unsafe self.hashes = unsafe hashes
        let octets = (0..<256).map { UInt16($0) }
        var words = octets.map(map.classOf) + octets.map { map.classOf($0 << 8) }
        words += octets.map(map.rankOf) + octets.map { map.rankOf($0 << 8) }
        words += map.representatives + map.kernel + owners.map { UInt16($0) }
        let places = (0..<workerCount)
            .map { worker in owners.indices.filter { owners[$0] == worker }.map { UInt16($0) } }
        words += places.reduce(into: [0]) { $0.append($0[$0.count - 1] + UInt16($1.count)) }
        var portCounts = Array(repeating: UInt16(0), count: workerCount)
        for port in LocalPortPool.ports {
            let portClass =
                words[Table.classLow + (port & 0xFF)] ^ words[Table.classHigh + (port >> 8)]
            portCounts[owners[Int(portClass)]] += 1
        }
        words += portCounts + places.flatMap { $0 }
        unsafe tables = .allocate(capacity: words.count)
        for (index, word) in words.enumerated() { unsafe (tables + index).initialize(to: word) }
    }

    public func destroy() {
        unsafe tables.deallocate()
        unsafe hashes?.deallocate()
    }

    // MARK: - Flows

    /// What a backend's address and port, in wire order, add to the flow hash of its replies.
    public func flowHash(ofBackend address: WireAddress, port: UInt16) -> UInt32 {
        flowHash(source: address, destination: .zero, sourcePort: port)
    }

    /// What a local address adds to the flow hash of replies to it.
    public func flowHash(ofLocalAddress address: WireAddress) -> UInt32 {
        flowHash(source: .zero, destination: address, sourcePort: 0)
    }

    /// The worker whose connection a reply from a backend to a local address can belong to.
    ///
    /// Of a query the identifier counts once, as the destination port: its replies come from no
    /// port that was known when the identifier was chosen.
    public func owner(ofReply flow: Flow) -> Int {
        let sourcePort = flow.protocol.isQuery ? 0 : UInt16(truncatingIfNeeded: flow.ports)
        return owner(
            of: flow.destinationPort,
            flowHash: flowHash(
                source: flow.source,
                destination: flow.destination,
                sourcePort: sourcePort
            )
        )
    }

    public func owner(of port: UInt16, flowHash: UInt32) -> Int {
        let place = (flowHash ^ portClass(of: port)) & mask
        return unsafe Int(tables[workers &+ Int(place)])
    }

    /// Of everything in a reply but the destination port.
    private func flowHash(
        source: WireAddress,
        destination: WireAddress,
        sourcePort: UInt16
    ) -> UInt32 {
        guard let hashes = unsafe hashes else { return 0 }
        var result: UInt32
        let place: Int
        if isIPv6 {
            result =
                unsafe Self.hash(source.first, 8, hashes, at: 0)
                ^ Self.hash(source.second, 8, hashes, at: 8)
                ^ Self.hash(destination.first, 8, hashes, at: 16)
                ^ Self.hash(destination.second, 8, hashes, at: 24)
            place = 32
        } else {
            result =
                unsafe Self.hash(UInt64(source.ipv4), 4, hashes, at: 0)
                ^ Self.hash(UInt64(destination.ipv4), 4, hashes, at: 4)
            place = 8
        }
        result ^= unsafe Self.hash(UInt64(sourcePort), 2, hashes, at: place)
        return result
    }

    /// The lowest `count` octets of `octets`, which stand at `place` of the input.
    private static func hash(
        _ octets: UInt64,
        _ count: Int,
        _ hashes: UnsafeMutablePointer<UInt32>,
        at place: Int
    ) -> UInt32 {
        var result: UInt32 = 0
        var rest = octets
        for index in 0..<count {
            result ^= unsafe hashes[(place &+ index) &* 256 &+ Int(rest & 0xFF)]
            rest >>= 8
        }
        return result
    }

    // MARK: - Ports

    /// How many places of the table are `worker`'s.
    func placeCount(of worker: Int) -> Int {
        unsafe Int(tables[starts &+ worker &+ 1] &- tables[starts &+ worker])
    }

    /// How many ports `worker` has toward a backend whose flow hash is 0, and so for any but a few.
    func portCount(of worker: Int) -> Int { unsafe Int(tables[portCounts &+ worker]) }

    /// The class of ports that brings a flow to the `number`-th place of `worker`.
    func portClass(atPlace number: Int, of worker: Int, flowHash: UInt32) -> Int {
        let place = unsafe tables[places &+ Int(tables[starts &+ worker]) &+ number]
        return Int((flowHash ^ UInt32(place)) & mask)
    }

    func portClass(of port: UInt16) -> UInt32 {
        unsafe UInt32(
            tables[Table.classLow &+ Int(port & 0xFF)] ^ tables[Table.classHigh &+ Int(port >> 8)]
        )
    }

    /// The place of `port` among those of `portClass`, its own.
    func rank(of port: UInt16, in portClass: Int) -> Int {
        let rest = unsafe port ^ tables[representatives &+ portClass]
        return unsafe Int(
            tables[Table.rankLow &+ Int(rest & 0xFF)] ^ tables[Table.rankHigh &+ Int(rest >> 8)]
        )
    }

    func port(in portClass: Int, rank: Int) -> UInt16 {
        unsafe tables[representatives &+ portClass] ^ tables[kernel &+ rank]
    }
}

/// A linear function from 16-bit ports onto classes, taken apart: control side only.
private struct LinearMap {
    let classBits: Int
    /// The class of each port that is a power of two.
    private let units: [UInt16]
    /// A port of each class that is a power of two.
    private var unitPorts: [UInt16] = []
    /// Ports of class 0 from which all others of class 0 are combined; the highest bit of each is
    /// in no other.
    private var basis: [UInt16] = []

    /// Nil when some class has no port.
    init?(unitImages: [UInt16], _ classBits: Int) {
        self.classBits = classBits
        units = unitImages
        var rows = (0..<16).map { (port: UInt16(1) << UInt16($0), image: unitImages[$0]) }
        for bit in 0..<classBits {
            let flag = UInt16(1) << UInt16(bit)
            guard let pivot = (bit..<16).first(where: { rows[$0].image & flag != 0 }) else {
                return nil
            }
            // Moved, not swapped: what is left stays in order.
            rows.insert(rows.remove(at: pivot), at: bit)
            for other in 0..<16 where other != bit && rows[other].image & flag != 0 {
                rows[other].port ^= rows[bit].port
                rows[other].image ^= rows[bit].image
            }
        }
        unitPorts = rows[..<classBits].map(\.port)
        basis = Self.reduced(rows[classBits...].map(\.port))
    }

    /// The same span, each vector with a highest bit of its own.
    private static func reduced(_ vectors: [UInt16]) -> [UInt16] {
        var result: [UInt16] = []
        for vector in vectors {
            var rest = vector
            for known in result where rest & highestBit(known) != 0 { rest ^= known }
            let flag = highestBit(rest)
            for index in result.indices where result[index] & flag != 0 { result[index] ^= rest }
            result.append(rest)
        }
        return result.sorted()
    }

    private static func highestBit(_ value: UInt16) -> UInt16 {
        value == 0 ? 0 : 0x8000 >> UInt16(value.leadingZeroBitCount)
    }

    func classOf(_ port: UInt16) -> UInt16 { Self.combine(units, port) }

    /// For ports of class 0; linear, so that it may be asked of parts.
    func rankOf(_ port: UInt16) -> UInt16 {
        var rank: UInt16 = 0
        for (bit, vector) in basis.enumerated() where port & Self.highestBit(vector) != 0 {
            rank |= 1 << UInt16(bit)
        }
        return rank
    }

    var representatives: [UInt16] {
        (0..<1 << classBits).map { Self.combine(unitPorts, UInt16($0)) }
    }

    var kernel: [UInt16] { (0..<1 << (16 - classBits)).map { Self.combine(basis, UInt16($0)) } }

    private static func combine(_ vectors: [UInt16], _ bits: UInt16) -> UInt16 {
        vectors.enumerated().reduce(0) { bits & 1 << UInt16($1.offset) != 0 ? $0 ^ $1.element : $0 }
    }
}
