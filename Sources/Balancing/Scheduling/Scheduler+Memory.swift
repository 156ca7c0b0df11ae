// SPDX-License-Identifier: Apache-2.0

// What lies where in a scheduler's memory. Callers stay below the counts.

extension Scheduler {
    func member(_ index: UInt32) -> Member {
        assert(index < memberCount)
        return unsafe memory.load(fromByteOffset: Int(index) &* 8, as: Member.self)
    }

    /// The backend of a turn, a slot or a point.
    func entry(_ position: UInt32) -> UInt32 {
        assert(position < entryCount)
        if options.contains(.isPlain) { return position }
        let offset = entriesOffset &+ Int(position) &* 2
        return unsafe UInt32(memory.load(fromByteOffset: offset, as: UInt16.self))
    }

    /// The first point of the ring at or after `target`, around the end if need be.
    func firstPoint(from target: UInt32) -> UInt32 {
        assert(kind == .ring && entryCount > 0)
        let part = Int(UInt64(target) >> UInt64(32 &- Self.partBits(Int(entryCount))))
        let offset = pointsOffset &+ (Int(entryCount) &+ part) &* 4
        var position = unsafe memory.load(fromByteOffset: offset, as: UInt32.self)
        while position < entryCount, point(position) < target { position &+= 1 }
        return position == entryCount ? 0 : position
    }

    private func point(_ position: UInt32) -> UInt32 {
        unsafe memory.load(fromByteOffset: pointsOffset &+ Int(position) &* 4, as: UInt32.self)
    }

    private var pointsOffset: Int { Int(memberCount) &* 8 }

    private var entriesOffset: Int {
        guard kind == .ring else { return pointsOffset }
        let parts = 1 &<< Self.partBits(Int(entryCount))
        return pointsOffset &+ (Int(entryCount) &+ parts) &* 4
    }
}
