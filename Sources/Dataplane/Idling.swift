// SPDX-License-Identifier: Apache-2.0
import Timing

/// How a worker spends the time when nothing comes.
public struct Idling: Equatable, Sendable {
    /// How long it goes on to poll after it has last handled a packet; nil: for ever.
    public var patience: Duration?
    /// What can be read as soon as one of its receive queues has frames, for every queue that it
    /// polls; nil: some queue has no such descriptor, and the worker looks there now and then.
    public var descriptors: [Int32]?

    /// The longest a worker waits for a signal: then it looks after its timers, which have ticks of
    /// 134 ms, and shows that it lives.
    public var longestWait = Duration.milliseconds(20)

    public init(patience: Duration?, descriptors: [Int32]? = nil) {
        self.patience = patience
        self.descriptors = descriptors
    }

    /// A clause for the log.
    public var deed: String {
        guard patience != nil else { return "polls on" }
        return descriptors == nil
            ? "looks into its queues now and then" : "waits for a signal of its queues"
    }

    /// Polls on, whatever comes.
    public static let never = Idling(patience: nil)

    /// The first nap of a worker with a queue that gives no signal; each further one is twice as long.
    public static let firstNap = Duration.microseconds(50)
    /// How long a frame may lie in a queue that gives no signal.
    public static let longestNap = Duration.milliseconds(2)
    /// Naps become longer only after so much time without a packet: traffic with pauses keeps the
    /// short ones.
    public static let doze = Duration.milliseconds(100)
}

/// When a worker polls, and when and for how long it waits: a value without clock or thread.
struct IdleState: BitwiseCopyable {
    enum Step: Equatable, BitwiseCopyable {
        /// Poll again at once.
        case poll
        /// Look once more, and if there is still nothing, wait so many nanoseconds.
        case wait(UInt64)
    }

    /// Nanoseconds; the largest number: for ever.
    private let patience: UInt64
    /// Nanoseconds to wait for a signal; nil: there are none, it naps.
    private let longestWait: UInt64?
    /// The same of `Idling`, in nanoseconds: the worker's loop computes none of them.
    private let firstNap = Idling.firstNap.wholeNanoseconds
    private let longestNap = Idling.longestNap.wholeNanoseconds
    private let doze = Idling.doze.wholeNanoseconds
    private var lastWork: Instant
    private var nap: UInt64
    /// How the latest wait ended, until the turn after it.
    private var end = End.none
    /// Waits that time ended although packets were there, since the last one that a signal ended.
    private var missed = 0
    /// So many of them, and signals are not relied upon: some drivers promise interrupts and raise none.
    private static var tolerance: Int { 2 }

    private enum End: BitwiseCopyable { case none, time, signal }

    init(_ idling: Idling, now: Instant) {
        patience = idling.patience?.wholeNanoseconds ?? .max
        longestWait = idling.descriptors == nil ? nil : idling.longestWait.wholeNanoseconds
        lastWork = now
        nap = firstNap
    }

    /// What follows a turn that ended at `now` and has handled so many packets.
    mutating func step(handled: Int, now: Instant) -> Step {
        defer { end = .none }
        if handled > 0 {
            if end == .time { missed = min(missed + 1, Self.tolerance) }
            if end == .signal { missed = 0 }
            lastWork = now
            nap = firstNap
            return .poll
        }
        // The counter of another CPU may be a little behind.
        let idle = now > lastWork ? now.nanoseconds &- lastWork.nanoseconds : 0
        guard idle >= patience else { return .poll }
        if let longestWait, missed < Self.tolerance { return .wait(longestWait) }
        if idle >= doze { nap = min(nap &* 2, longestNap) }
        return .wait(nap)
    }

    /// Notes how a wait has ended; the next turn shows whether a signal was missed.
    mutating func woke(bySignal: Bool) { end = bySignal ? .signal : .time }
}
