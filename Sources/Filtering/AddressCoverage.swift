// SPDX-License-Identifier: Apache-2.0

/// What a set of networks covers: intervals of each family in order, none of which touch.
public struct AddressCoverage: Equatable, Sendable {
    public private(set) var ipv4: [ClosedRange<UInt32>] = []
    public private(set) var ipv6: [ClosedRange<UInt128>] = []

    /// Some addresses that are in the set or, `isExcluded`, not.
    public struct Piece<Number: FixedWidthInteger & UnsignedInteger & Sendable>: Sendable {
        public var range: ClosedRange<Number>
        public var isExcluded: Bool

        public init(_ range: ClosedRange<Number>, isExcluded: Bool = false) {
            self.range = range
            self.isExcluded = isExcluded
        }
    }

    public init() {}

    /// Of pieces that hold an address, the smallest network counts, as in `ipset`; of two that are
    /// equal the excluded one.
    public init(ipv4: [Piece<UInt32>], ipv6: [Piece<UInt128>]) {
        self.ipv4 = Self.cover(ipv4)
        self.ipv6 = Self.cover(ipv6)
    }

    private static func cover<Number>(_ pieces: [Piece<Number>]) -> [ClosedRange<Number>] {
        guard pieces.contains(where: \.isExcluded) else { return union(of: pieces.map(\.range)) }
        let parts: [Piece<Number>] = pieces.flatMap { piece in
            networks(of: piece.range).map { Piece($0, isExcluded: piece.isExcluded) }
        }
        return union(of: matching(parts.sorted(by: isBefore)))
    }

    /// The outer network first; of equal ones the excluded one last, so that it counts.
    private static func isBefore<Number>(_ left: Piece<Number>, _ right: Piece<Number>) -> Bool {
        if left.range.lowerBound != right.range.lowerBound {
            return left.range.lowerBound < right.range.lowerBound
        }
        if left.range.upperBound != right.range.upperBound {
            return left.range.upperBound > right.range.upperBound
        }
        return !left.isExcluded && right.isExcluded
    }

    /// What is in the set, of networks in order: each lies inside the one before it or behind it.
    private static func matching<Number>(_ networks: [Piece<Number>]) -> [ClosedRange<Number>] {
        var result: [ClosedRange<Number>] = []
        var open: [Piece<Number>] = []
        // The first address that nothing is said of yet; nil behind the last one.
        var next: Number? = 0
        func take(until last: Number, _ isExcluded: Bool) {
            guard let first = next, first <= last else { return }
            if !isExcluded { result.append(first...last) }
            next = last == .max ? nil : last + 1
        }
        for network in networks {
            while let outer = open.last, outer.range.upperBound < network.range.lowerBound {
                take(until: outer.range.upperBound, outer.isExcluded)
                open.removeLast()
            }
            if let outer = open.last, network.range.lowerBound > outer.range.lowerBound {
                take(until: network.range.lowerBound - 1, outer.isExcluded)
            }
            if let first = next, first < network.range.lowerBound {
                next = network.range.lowerBound
            }
            open.append(network)
        }
        while let outer = open.popLast() { take(until: outer.range.upperBound, outer.isExcluded) }
        return result
    }

    private static func union<Number: FixedWidthInteger>(
        of ranges: [ClosedRange<Number>]
    ) -> [ClosedRange<Number>] {
        var result: [ClosedRange<Number>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            guard let last = result.last,
                last.upperBound == .max || range.lowerBound <= last.upperBound + 1
            else {
                result.append(range)
                continue
            }
            let end = max(last.upperBound, range.upperBound)
            result[result.count - 1] = last.lowerBound...end
        }
        return result
    }

    /// The fewest networks that hold a range together.
    static func networks<Number: FixedWidthInteger & UnsignedInteger>(
        of range: ClosedRange<Number>
    ) -> [ClosedRange<Number>] {
        var result: [ClosedRange<Number>] = []
        var first = range.lowerBound
        while true {
            // As large as its place allows, and then small enough for what is left.
            var bits: Int = first == Number.zero ? Number.bitWidth : first.trailingZeroBitCount
            while end(of: first, bits) > range.upperBound { bits -= 1 }
            let last: Number = end(of: first, bits)
            result.append(first...last)
            guard last < range.upperBound else { return result }
            first = last + 1
        }
    }

    /// The last address of a network whose last `bits` are its hosts'.
    private static func end<Number: FixedWidthInteger & UnsignedInteger>(
        of first: Number,
        _ bits: Int
    ) -> Number {
        guard bits < Number.bitWidth else { return Number.max }
        let hosts: Number = Number(1) << Number(bits)
        return first | (hosts &- 1)
    }
}
