// SPDX-License-Identifier: Apache-2.0

/// Where a wheel keeps the two links of each entry: inside the entry itself.
public protocol TimerLinks {
    func timerLinks(of entry: UInt32) -> UnsafeMutablePointer<TimerLink>
}

/// The place of an entry in the list of its slot.
public struct TimerLink: BitwiseCopyable, Sendable {
    /// The entry after this one, or `TimerWheel.end`.
    public var next: UInt32 = TimerWheel.end
    /// The entry before this one, or `TimerWheel.headFlag | slot` for the first of its slot.
    public var previous: UInt32 = TimerWheel.end

    public init() {}
}

/// A wheel of one-tick slots that is touched on setup, teardown and expiry, never per packet.
///
/// An entry fires at its armed tick or, when that is farther away than the wheel is round, at the
/// horizon: the owner then compares with the entry's real deadline and arms it again. Entries are
/// indices below 2^31; their links are the owner's memory.
///
///     slot:   0     1     2   ...                     slots - 1
///           [ e7 ]  [ ]  [ e3 <-> e9 <-> e1 ]            [ ]
@safe
public struct TimerWheel: ~Copyable {
    public static let end = UInt32.max
    static let headFlag: UInt32 = 1 << 31

    private let heads: UnsafeMutablePointer<UInt32>
    private let mask: UInt32
    /// Every slot before this tick has been emptied.
    private var cursor: Tick

    /// A wheel of `slots` (a power of two) whose time begins at `start`.
    public init(slots: Int = 8192, start: Tick) {
        precondition(slots.nonzeroBitCount == 1 && slots <= 1 << 20)
        // Cache lines of its own: the owner writes here all the time.
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(64, slots * 4), alignment: 64)
        unsafe heads = memory.bindMemory(to: UInt32.self, capacity: slots)
        unsafe heads.initialize(repeating: Self.end, count: slots)
        mask = UInt32(slots - 1)
        cursor = start
    }

    deinit { unsafe heads.deallocate() }

    /// Puts `entry`, which is in no slot, where it fires at `deadline` at the earliest.
    public mutating func arm(_ entry: UInt32, at deadline: Tick, in links: some TimerLinks) {
        let ahead = max(0, min(deadline.distance(from: cursor), Int32(mask)))
        let slot = (cursor.rawValue &+ UInt32(ahead)) & mask
        let link = unsafe links.timerLinks(of: entry)
        let first = unsafe heads[Int(slot)]
        unsafe link.pointee.next = first
        unsafe link.pointee.previous = Self.headFlag | slot
        if first != Self.end {
            unsafe links.timerLinks(of: first).pointee.previous = entry
        }
        unsafe heads[Int(slot)] = entry
    }

    /// Takes `entry` out of its slot.
    public mutating func disarm(_ entry: UInt32, in links: some TimerLinks) {
        let link = unsafe links.timerLinks(of: entry).pointee
        if link.previous & Self.headFlag != 0 {
            unsafe heads[Int(link.previous & ~Self.headFlag)] = link.next
        } else {
            unsafe links.timerLinks(of: link.previous).pointee.next = link.next
        }
        if link.next != Self.end {
            unsafe links.timerLinks(of: link.next).pointee.previous = link.previous
        }
    }

    /// Takes out one entry whose slot is not later than `now`, or nil when there is none left.
    ///
    /// The caller bounds its work by how often it calls; what is left fires on later calls.
    public mutating func next(dueAt now: Tick, in links: some TimerLinks) -> UInt32? {
        while now.distance(from: cursor) >= 0 {
            let entry = unsafe heads[Int(cursor.rawValue & mask)]
            if entry != Self.end {
                disarm(entry, in: links)
                return entry
            }
            if cursor == now { return nil }
            cursor = cursor + 1
        }
        return nil
    }
}
