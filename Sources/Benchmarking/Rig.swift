// SPDX-License-Identifier: Apache-2.0
import Balancing
import Dataplane
import Timing

/// One worker of a testbed between two memory ports, and the load around it: one thread's.
@safe
struct Rig: ~Copyable {
    let testbed: Testbed
    private let ports: LoopPort.Pair
    private var worker: Worker<LoopPort>
    /// Asked for all connections, again and again; nil: nobody looks.
    private let survey: SurveyCell?

    /// Worker `index`, ready to turn; nil when memory is short.
    init?(_ testbed: Testbed, worker index: Int = 0, _ load: Load) {
        self.testbed = testbed
        let ports = LoopPort.pair(load)
        self.ports = ports
        let both = [ports.client, ports.backend]
        guard let worker = testbed.makeWorker(index, receivers: both, transmitters: both) else {
            ports.destroy()
            return nil
        }
        self.worker = worker
        survey = load.isSeen ? testbed.engine.interchange.surveys[index] : nil
    }

    deinit { ports.destroy() }

    /// A function of its own, so that scripts/bench can count its instructions.
    @inline(never)
    mutating func turn(now: Instant) -> Int {
        guard let survey else { return worker.turn(now: now) }
        if survey.isAnswered { _ = survey.ask(for: FlowPattern(), from: survey.next ?? 0) }
        // The answer's part of a turn is no packet.
        return worker.turn(now: now) - 1
    }

    /// Frames of established flows that the client has sent.
    var sent: Int { unsafe Int(ports.client.state.pointee.number) }
    /// Connections whose last segment has reached the server.
    var finished: Int { unsafe ports.backend.state.pointee.finished }
    var connections: Int { worker.balancer.connections.count }
    var bytesPerConnection: Double { worker.balancer.connections.bytesPerConnection() }
    var capacity: Int { worker.balancer.connections.capacity }
}

/// Two workers on one thread; every reply may arrive at the queue of the wrong one.
///
/// Worker 0 receives what clients send and owns all connections. Replies arrive at worker 1, which
/// finds that the local port is worker 0's and hands them over; or at worker 0 as well, to compare.
@safe
struct RedirectRig: ~Copyable {
    private let ports: LoopPort.Pair
    private var owner: Worker<LoopPort>
    private var other: Worker<LoopPort>
    private let redirects: Bool

    init?(_ testbed: Testbed, _ load: Load, redirects: Bool) {
        self.redirects = redirects
        let ports = LoopPort.pair(load)
        self.ports = ports
        let both = [ports.client, ports.backend]
        guard
            let owner = testbed.makeWorker(
                0,
                receivers: redirects ? [ports.client] : both,
                transmitters: both
            ),
            let other = testbed.makeWorker(
                1,
                receivers: redirects ? [ports.backend] : [],
                transmitters: both
            )
        else {
            ports.destroy()
            return nil
        }
        self.owner = owner
        self.other = other
    }

    deinit { ports.destroy() }

    /// Packets that came from the ports: those that crossed the ring count once.
    @inline(never)
    mutating func turn(now: Instant) -> Int {
        let before = owner.counters[.redirectedIn]
        var handled = owner.turn(now: now)
        if redirects { handled += other.turn(now: now) }
        return handled - Int(owner.counters[.redirectedIn] - before)
    }

    var sent: Int { unsafe Int(ports.client.state.pointee.number) }
    var redirected: Int { Int(owner.counters[.redirectedIn]) }
    var connections: Int { owner.balancer.connections.count }
    var bytesPerConnection: Double { owner.balancer.connections.bytesPerConnection() }
}
