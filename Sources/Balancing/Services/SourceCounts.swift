// SPDX-License-Identifier: Apache-2.0
import Addressing
import CLinux

/// How many ports of SNAT each source holds at one worker: counted in bounded memory.
///
/// Four rows of counters; a source has one in each, which a keyed hash says, and holds at most what
/// the least of the four tells (a count-min sketch, which takes connections out as exactly as in).
/// So no source ever gets past its limit, the memory does not grow with the number of sources, and
/// there is nothing to evict. A source is refused without cause only when each of its four counters
/// is shared with others that hold many ports: with a thousand such, one in 70 000.
///
/// A host of IPv6 has as many addresses as it likes, so its /64 network counts as one source.
@safe
public struct SourceCounts: ~Copyable, @unchecked Sendable {
    private static var rows: Int { 4 }
    private static var columns: Int { 1 << 14 }
    private static var size: Int { rows * columns * MemoryLayout<UInt32>.stride }

    private let counters: UnsafeMutablePointer<UInt32>
    private let key: HashKey

    /// Nil when memory is short; untouched pages cost none.
    public init?(seed: UInt64) {
        guard let memory = unsafe CLinux_map_lazily(Self.size) else { return nil }
        unsafe counters = memory.assumingMemoryBound(to: UInt32.self)
        key = HashKey(seed: seed)
    }

    deinit { unsafe CLinux_unmap_lazily(counters, Self.size) }

    /// Ports that a source holds, or a few more.
    func count(of source: WireAddress) -> UInt32 {
        let hash = hash(source)
        var least = UInt32.max
        for row in 0..<Self.rows { least = unsafe min(least, counters[place(hash, row)]) }
        return least
    }

    func add(_ source: WireAddress, ports: UInt32 = 1) {
        let hash = hash(source)
        for row in 0..<Self.rows { unsafe counters[place(hash, row)] &+= ports }
    }

    /// Takes out what `add` has put in.
    func remove(_ source: WireAddress) {
        let hash = hash(source)
        for row in 0..<Self.rows { unsafe counters[place(hash, row)] &-= 1 }
    }

    private func hash(_ source: WireAddress) -> UInt64 {
        let network = WireAddress(first: source.first, second: source.isIPv6 ? 0 : source.second)
        return IPv6Tuple(source: network, destination: .zero, ports: 0).hash(.tcp, key: key)
    }

    private func place(_ hash: UInt64, _ row: Int) -> Int {
        let column = hash >> UInt64(row &* 14) & UInt64(Self.columns &- 1)
        return row &* Self.columns &+ Int(column)
    }
}
