// SPDX-License-Identifier: Apache-2.0

/// Numbers by the intervals that hold them: an index by the leading bits, then a binary search among
/// the few intervals that begin there.
///
/// A handle to immutable memory that its maker destroys.
@safe
struct IntervalTable<Number>: BitwiseCopyable, @unchecked Sendable
where Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable & Sendable {
    private struct Interval: BitwiseCopyable {
        var first: Number
        var last: Number
    }

    private let intervals: UnsafeMutablePointer<Interval>
    /// How many intervals begin in the buckets before each; one more at the end.
    private let starts: UnsafeMutablePointer<UInt32>
    private let bucketCount: Int
    private let base: Number
    private let top: Number
    private let shift: Int
    let count: Int

    /// Intervals that begin in one bucket, on average.
    private static var share: Int { 4 }
    private static var mostBuckets: Int { 1 << 16 }

    /// `intervals` are in order and do not touch.
    init(_ all: [ClosedRange<Number>]) {
        count = all.count
        base = all.first?.lowerBound ?? 0
        top = all.last?.upperBound ?? 0
        var wanted = 1
        while wanted < min(Self.mostBuckets, all.count / Self.share) { wanted *= 2 }
        let width = Number.bitWidth - (top - base).leadingZeroBitCount
        // A shift by all bits would be one by none.
        shift = min(Number.bitWidth - 1, max(0, width - wanted.trailingZeroBitCount))
        bucketCount = Int((top - base) >> Number(shift)) + 1
        unsafe intervals = .allocate(capacity: max(1, all.count))
        unsafe starts = .allocate(capacity: bucketCount + 1)
        var next = 0
        for bucket in 0...bucketCount {
            while next < all.count,
                Int((all[next].lowerBound - base) >> Number(shift)) < bucket
            {
                next += 1
            }
            unsafe (starts + bucket).initialize(to: UInt32(next))
        }
        for (index, range) in all.enumerated() {
            unsafe (intervals + index)
                .initialize(to: Interval(first: range.lowerBound, last: range.upperBound))
        }
    }

    func destroy() {
        unsafe intervals.deallocate()
        unsafe starts.deallocate()
    }

    /// Octets of memory.
    var size: Int {
        count * MemoryLayout<Interval>.stride + (bucketCount + 1) * MemoryLayout<UInt32>.stride
    }

    @inline(__always)
    func contains(_ number: Number) -> Bool {
        guard count > 0, number >= base, number <= top else { return false }
        let bucket = Int(truncatingIfNeeded: (number &- base) &>> Number(truncatingIfNeeded: shift))
        var low = unsafe Int(starts[bucket])
        var high = unsafe Int(starts[bucket &+ 1])
        // Afterwards `low` intervals begin at the number or before it.
        while low < high {
            let middle = (low &+ high) &>> 1
            if unsafe intervals[middle].first <= number {
                low = middle &+ 1
            } else {
                high = middle
            }
        }
        guard low > 0 else { return false }
        return unsafe intervals[low &- 1].last >= number
    }
}
