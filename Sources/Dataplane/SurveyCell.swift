// SPDX-License-Identifier: Apache-2.0
public import Balancing
import CLinux
import CPacket
import Timing

/// A question of one asker at a time to one worker about its connections: show those that fit, or end
/// these.
///
/// The worker answers over as many turns as it takes, a bounded share of its table in each, and the
/// cell belongs to it until then: an asker that gave up waiting may not ask again before that.
///
/// A handle, which its maker destroys when all threads have ended.
@safe
public struct SurveyCell: BitwiseCopyable, @unchecked Sendable {
    private struct Contents {
        /// Numbers of the last question and of the last answer.
        var asked: UInt64 = 0
        var answered: UInt64 = 0
        var isEnding = false
        var pattern = FlowPattern()
        /// Where the walk goes on; `UInt32.max`: all were seen.
        var position: UInt32 = 0
        /// Of connections to end: those that there are; of a walk: those that were found.
        var count = 0
        /// Connections that were ended.
        var ended = 0
    }

    /// Connections of one answer.
    public static let capacity = 4096
    /// Connections that one turn ends at most: each may tell two peers of it.
    static let endingShare = 8

    private let contents: UnsafeMutablePointer<Contents>
    /// Octets that cost memory only once somebody asks.
    private let room: UnsafeMutableRawPointer
    private var seen: UnsafeMutablePointer<SeenConnection> {
        unsafe room.assumingMemoryBound(to: SeenConnection.self)
    }
    private static var roomSize: Int { capacity * MemoryLayout<SeenConnection>.stride }

    init?() {
        guard let room = unsafe CLinux_map_lazily(Self.roomSize) else { return nil }
        unsafe self.room = room
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: (MemoryLayout<Contents>.size + 63) & ~63,
            alignment: 64
        )
        unsafe contents = memory.bindMemory(to: Contents.self, capacity: 1)
        unsafe contents.initialize(to: Contents())
    }

    func destroy() {
        unsafe contents.deallocate()
        unsafe CLinux_unmap_lazily(room, Self.roomSize)
    }

    private var asked: UnsafeMutablePointer<UInt64> {
        unsafe UnsafeMutableRawPointer(contents).assumingMemoryBound(to: UInt64.self)
    }
    private var answered: UnsafeMutablePointer<UInt64> { unsafe asked + 1 }

    // MARK: - The asker

    /// Asks for connections that fit from `position` on; false, and nothing was asked, while the worker
    /// still owes the answer to the question before.
    public func ask(for pattern: FlowPattern, from position: UInt32) -> Bool {
        guard isAnswered else { return false }
        unsafe contents.pointee.isEnding = false
        unsafe contents.pointee.pattern = pattern
        unsafe contents.pointee.position = position
        unsafe contents.pointee.count = 0
        unsafe CPacket_store_release(asked, CPacket_load_relaxed(asked) &+ 1)
        return true
    }

    /// Asks for the end of connections, at most `capacity`; the same.
    public func ask(toEnd connections: some Collection<SeenConnection>) -> Bool {
        precondition(connections.count <= Self.capacity)
        guard isAnswered else { return false }
        for (place, connection) in connections.enumerated() {
            unsafe (seen + place).initialize(to: connection)
        }
        unsafe contents.pointee.isEnding = true
        unsafe contents.pointee.position = 0
        unsafe contents.pointee.count = connections.count
        unsafe contents.pointee.ended = 0
        unsafe CPacket_store_release(asked, CPacket_load_relaxed(asked) &+ 1)
        return true
    }

    /// Whether the last question was answered.
    public var isAnswered: Bool {
        unsafe CPacket_load_acquire(answered) == CPacket_load_relaxed(asked)
    }

    /// What a walk has found, once it is answered.
    public var found: [SeenConnection] {
        unsafe Array(UnsafeBufferPointer(start: seen, count: contents.pointee.count))
    }

    /// Where a walk goes on, once it is answered; nil: all were seen.
    public var next: UInt32? {
        let position = unsafe contents.pointee.position
        return position == .max ? nil : position
    }

    /// How many were ended, once it is answered; others were gone.
    public var ended: Int { unsafe contents.pointee.ended }

    // MARK: - The worker

    @inline(__always)
    var isAsked: Bool {
        unsafe CPacket_load_acquire(asked) != CPacket_load_relaxed(answered)
    }

    /// A turn's share of the answer; `isBusy`: the turn has moved packets.
    func work(
        _ balancer: inout Balancer,
        _ balancing: BalancingState,
        _ now: Tick,
        isBusy: Bool
    ) {
        let share = Balancer.surveyShare(isBusy: isBusy)
        let isDone =
            unsafe contents.pointee.isEnding
            ? end(&balancer, balancing) : look(&balancer, balancing, now, share)
        if isDone { unsafe CPacket_store_release(answered, CPacket_load_relaxed(asked)) }
    }

    private func look(
        _ balancer: inout Balancer,
        _ balancing: BalancingState,
        _ now: Tick,
        _ share: UInt32
    ) -> Bool {
        let count = unsafe contents.pointee.count
        let written = unsafe balancer.survey(
            contents.pointee.pattern,
            share,
            at: &contents.pointee.position,
            seen + count,
            room: Self.capacity &- count,
            balancing,
            now
        )
        unsafe contents.pointee.count = count &+ written
        return unsafe contents.pointee.position == .max
            || contents.pointee.count >= Self.capacity
    }

    private func end(_ balancer: inout Balancer, _ balancing: BalancingState) -> Bool {
        let count = unsafe contents.pointee.count
        var place = unsafe Int(contents.pointee.position)
        let stop = min(count, place &+ Self.endingShare)
        while place < stop {
            if unsafe balancer.end(seen[place], balancing) {
                unsafe contents.pointee.ended &+= 1
            }
            place &+= 1
        }
        unsafe contents.pointee.position = UInt32(truncatingIfNeeded: place)
        return place >= count
    }
}
