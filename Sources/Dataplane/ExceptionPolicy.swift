// SPDX-License-Identifier: Apache-2.0
import Balancing
import Containers

/// How many packets of each class may go to the kernel.
///
/// The rate is what the operator wrote, whichever workers receive the packets: they pay from one
/// account (`RateLimiter`). Dividing it among them would leave a BGP session, which one worker
/// receives, a fraction of it.
public struct ExceptionPolicy: BitwiseCopyable, Sendable {
    /// Ports that can be told apart here: more than DPDK has.
    public static let portLimit = 64

    private let limiters: InlineArray<4, RateLimiter>

    /// Without limits.
    public init() { self.init(rates: { _ in 0 }) }

    /// `rates` are packets a second and port, 0: any number.
    public init(rates: (ExceptionClass) -> Int) {
        limiters = InlineArray { index in
            let rate = ExceptionClass(rawValue: index).map(rates) ?? 0
            return RateLimiter(perSecond: UInt64(max(0, rate)))
        }
    }

    subscript(class: ExceptionClass) -> RateLimiter { limiters[`class`.rawValue] }

    /// Where the account of a class at a port is.
    static func account(_ class: ExceptionClass, port: Int) -> Int {
        port % portLimit * ExceptionClass.allCases.count + `class`.rawValue
    }
}

/// What one thread counts of packets between ports and the kernel; it writes, anybody reads.
public struct ExceptionCounters: BitwiseCopyable, Sendable {
    public enum Event: Int, CaseIterable, Sendable {
        /// Handed to the kernel.
        case passed
        /// Dropped because the rate of the class was used up.
        case policed
        /// Dropped because the companion took no more.
        case full
        /// From the kernel, to be sent on the port.
        case sent
    }

    private let block: CounterBlock

    init?() {
        let classes = ExceptionPolicy.portLimit * ExceptionClass.allCases.count
        guard let block = CounterBlock(count: classes * Event.allCases.count) else { return nil }
        self.block = block
    }

    func destroy() { block.destroy() }

    private static func index(_ event: Event, _ class: ExceptionClass, _ port: Int) -> Int {
        ExceptionPolicy.account(`class`, port: port) * Event.allCases.count + event.rawValue
    }

    func count(_ event: Event, _ class: ExceptionClass, port: Int) {
        add(1, event, `class`, port: port)
    }

    public subscript(event: Event, class: ExceptionClass, port: Int) -> UInt64 {
        block[Self.index(event, `class`, port)]
    }

    /// Counts on from what another process has counted; before the writer begins.
    public func add(_ packets: UInt64, _ event: Event, _ class: ExceptionClass, port: Int) {
        block.add(packets, at: Self.index(event, `class`, port))
    }
}

extension Interchange {
    /// Packets between a port and the kernel, over all threads.
    public func exceptions(
        _ event: ExceptionCounters.Event,
        _ class: ExceptionClass,
        port: Int
    ) -> UInt64 {
        exceptionCounters.reduce(0) { $0 &+ $1[event, `class`, port] }
    }
}
