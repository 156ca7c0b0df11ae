// SPDX-License-Identifier: Apache-2.0
public import Balancing
import CPacket
import Containers
import Networking
public import Packet
public import Timing

/// One run-to-completion loop: receives, decides, rewrites and transmits on one CPU.
///
/// Everything here belongs to the worker's thread. Other threads reach it through the `Interchange`:
/// snapshots, packets of other workers, frames of the slow path; it never waits for any of them.
/// The interchange outlives every worker: its owner sees to that, and nothing here counts references.
@safe
public struct Worker<Port: PacketPort>: ~Copyable {
    /// Frames taken from a queue at once.
    public static var burstSize: Int { 32 }

    let index: Int
    let cell: SnapshotCell
    let quiescent: QuiescentState
    public let counters: WorkerCounters
    let inspection: InspectionCell
    let survey: SurveyCell
    let punts: Ring<PuntedPacket>
    /// By class.
    let exceptions: UnsafeMutablePointer<Ring<PuntedPacket>>
    let exceptionRates: CounterBlock
    let exceptionCounters: ExceptionCounters
    let interfaceCounters: InterfaceCounters
    let receiveCounters: ReceiveCounters
    let injections: Ring<InjectedPacket>
    let staleNeighbours: Ring<AdjacencyHandle>
    let doorbell: Doorbell
    /// Rung by others for this worker.
    let bell: Doorbell
    /// Those of the other workers.
    private let bells: UnsafeMutablePointer<Doorbell>
    /// Of the snapshot that the turn uses.
    var interfaces: InterfaceTable
    let tunnelSequences: TunnelSequences
    let workerCount: Int
    /// Redirected packets, by the worker that sends or takes them.
    let outgoing: UnsafeMutablePointer<Ring<PacketBuffer>>
    let incoming: UnsafeMutablePointer<Ring<PacketBuffer>>

    /// Handles that receive, one for each queue of each port.
    let receivers: UnsafeMutablePointer<Port>
    let receiverCount: Int
    /// By port index.
    let slots: UnsafeMutablePointer<PortSlot<Port>>
    let slotCount: Int

    public var balancer: Balancer
    var arrivals: Burst
    var discarded: Burst
    let lookahead: UnsafeMutablePointer<Lookahead>
    /// Packets of known connections from backends, in the burst at hand.
    var replies = 0
    /// Whether the burst at hand comes from another worker, which has counted it.
    var isHandedOver = false
    /// Whether frames of a port may say by which tunnel they came: in a rehearsal.
    var believesMarks = false
    /// Of the latest packet that got a header of ours.
    var identification: UInt16 = 0
    /// Fragments that waited at the end of the latest turn.
    var heldFragments = 0
    /// Whether the slow path has something new to look at.
    var hasPunted = false
    /// Workers that got packets in this turn, a bit each.
    var handedOver: UInt64 = 0
    /// Cycles of this turn that went to the kernel's send and receive.
    var kernelCycles: UInt64 = 0
    /// Whether ports are driven by system calls.
    private let callsKernel: Bool
    /// Whether it has taken over what the process before has left.
    private var hasAdopted = false
    /// Timers that may fire in one turn: more than connections that one turn can open.
    static var expiryBudget: Int { 128 }

    /// Worker `index` of `interchange`, to run on one thread.
    ///
    /// `receivers` are the queues that it polls; `transmitters` one handle a port, in order of port
    /// index.
    public init(
        index: Int,
        interchange: Interchange,
        receivers: [Port],
        transmitters: [Port],
        balancer: consuming Balancer
    ) {
        self.index = index
        workerCount = interchange.workerCount
        cell = interchange.cell
        quiescent = interchange.quiescent[index]
        counters = interchange.counters[index]
        inspection = interchange.inspections[index]
        survey = interchange.surveys[index]
        punts = interchange.punts[index]
        let classes = ExceptionClass.allCases.count
        unsafe exceptions = .allocate(capacity: classes)
        for number in 0..<classes {
            unsafe (exceptions + number)
                .initialize(to: interchange.exceptions[index * classes + number])
        }
        exceptionRates = interchange.exceptionRates
        exceptionCounters = interchange.exceptionCounters[index]
        interfaceCounters = interchange.interfaceCounters[index]
        receiveCounters = interchange.receiveCounters[index]
        injections = interchange.injections[index]
        staleNeighbours = interchange.stale[index]
        doorbell = interchange.doorbell
        bell = interchange.workerBells[index]
        unsafe bells = .allocate(capacity: workerCount)
        for other in 0..<workerCount {
            unsafe (bells + other).initialize(to: interchange.workerBells[other])
        }
        callsKernel = (receivers + transmitters)
            .contains { $0.traits.offloads.contains(.callsKernel) }
        interfaces = interchange.interfaces
        tunnelSequences = interchange.tunnelSequences
        unsafe outgoing = .allocate(capacity: workerCount)
        unsafe incoming = .allocate(capacity: workerCount)
        for other in 0..<workerCount {
            unsafe (outgoing + other)
                .initialize(to: interchange.redirects[index * workerCount + other])
            unsafe (incoming + other)
                .initialize(to: interchange.redirects[other * workerCount + index])
        }
        receiverCount = receivers.count
        unsafe self.receivers = .allocate(capacity: max(1, receivers.count))
        for (position, receiver) in receivers.enumerated() {
            unsafe (self.receivers + position).initialize(to: receiver)
        }
        slotCount = transmitters.count
        unsafe slots = .allocateLines(capacity: transmitters.count)
        for (position, transmitter) in transmitters.enumerated() {
            precondition(Int(transmitter.traits.index) == position)
            unsafe (slots + position)
                .initialize(to: PortSlot(transmitter, burstSize: Self.burstSize * 2))
        }
        self.balancer = balancer
        arrivals = Burst(capacity: Self.burstSize)
        discarded = Burst(capacity: Self.burstSize * 2)
        unsafe lookahead = .allocateLines(capacity: Self.burstSize)
    }

    deinit {
        unsafe slots.deinitialize(count: slotCount)
        unsafe slots.deallocate()
        unsafe receivers.deallocate()
        unsafe exceptions.deallocate()
        unsafe bells.deallocate()
        unsafe outgoing.deallocate()
        unsafe incoming.deallocate()
        unsafe lookahead.deallocate()
    }

    // MARK: - The loop

    /// Looks once at everything there is to do; returns how many packets were handled.
    ///
    /// One snapshot serves the whole turn, so every packet sees one configuration.
    public mutating func turn(now: Instant) -> Int {
        let snapshot = unsafe cell.current()
        unsafe interfaces = snapshot.pointee.interfaces
        let tick = now.tick
        balancer.now = now
        if let adoption = unsafe snapshot.pointee.adoption, !hasAdopted {
            unsafe adopt(adoption, snapshot, tick)
        }
        var handled = 0
        for position in 0..<receiverCount {
            receive(from: position)
            guard !arrivals.isEmpty else { continue }
            handled &+= arrivals.count
            counters.add(arrivals.count, to: .received)
            let port = unsafe receivers[position].traits.index
            unsafe process(in: snapshot, from: port, now: tick)
        }
        if workerCount > 1 { unsafe handled &+= takeRedirected(in: snapshot, now: tick) }
        unsafe handled &+= takeInjected(in: snapshot)
        if inspection.isAsked { answerInspection() }
        if survey.isAsked {
            unsafe goOnSurveying(snapshot, tick, isBusy: handled != 0)
            // Whoever has something to do does not wait.
            handled &+= 1
        }
        unsafe balancer.expire(
            budget: Self.expiryBudget,
            balancing: snapshot.pointee.balancing,
            now: tick
        )
        if balancer.fragments.packetCount | heldFragments != 0 {
            handled &+= tendFragments(tick)
        }
        if balancer.hasResets {
            balancer.hasResets = false
            hasPunted = true
        }
        flush()
        unsafe quiescent.report(snapshot.pointee.generation)
        return handled
    }

    @inline(__always)
    private mutating func receive(from position: Int) {
        guard callsKernel else {
            unsafe receivers[position].receive(into: &arrivals)
            return
        }
        let start = CPacket_cycles()
        unsafe receivers[position].receive(into: &arrivals)
        kernelCycles &+= CPacket_cycles() &- start
    }

    /// Gives back what the worker holds; call once, when no more turns follow.
    public mutating func stop() {
        abandonFragments(Tick(rawValue: 0))
        flush()
        quiescent.leave()
    }

    // MARK: - Other threads' packets

    private mutating func takeRedirected(
        in snapshot: UnsafeMutablePointer<Snapshot>,
        now: Tick
    ) -> Int {
        var taken = 0
        for other in 0..<workerCount where other != index {
            while !arrivals.isFull, let buffer = unsafe incoming[other].pop() {
                unsafe arrivals.append(Packet(owning: buffer))
            }
            guard !arrivals.isEmpty else { continue }
            taken &+= arrivals.count
            counters.add(arrivals.count, to: .redirectedIn)
            unsafe process(in: snapshot, from: nil, now: now)
        }
        return taken
    }

    @inline(never)
    private mutating func adopt(
        _ adoption: Adoption,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        hasAdopted = true
        unsafe adoption.carryOut(by: index, &balancer, snapshot.pointee.balancing, now)
    }

    @inline(never)
    private mutating func answerInspection() { inspection.answer(from: &balancer) }

    @inline(never)
    private mutating func goOnSurveying(
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick,
        isBusy: Bool
    ) {
        unsafe survey.work(&balancer, snapshot.pointee.balancing, now, isBusy: isBusy)
    }

    private mutating func takeInjected(in snapshot: UnsafeMutablePointer<Snapshot>) -> Int {
        var taken = 0
        while taken < Self.burstSize, let injected = injections.pop() {
            taken &+= 1
            let packet = unsafe Packet(owning: injected.buffer)
            if injected.interface.isPort {
                transmit(packet, on: injected.interface.index)
            } else {
                unsafe enterTunnel(packet, injected.interface, snapshot)
            }
        }
        counters.add(taken, to: .injected)
        return taken
    }

    // MARK: - Leaving

    /// Puts a complete frame into the queue of a port.
    mutating func transmit(_ packet: consuming Packet, on port: Int) {
        if unsafe slots[port].egress.isFull { flush(port) }
        unsafe slots[port].egress.append(packet)
    }

    mutating func drop(_ packet: consuming Packet, _ reason: DropReason) {
        counters.count(reason)
        discard(packet)
    }

    /// Frees a packet that somebody has counted.
    mutating func discard(_ packet: consuming Packet) {
        if discarded.isFull { unsafe slots[0].port.free(&discarded) }
        discarded.append(packet)
    }

    mutating func flush() {
        for port in 0..<slotCount where unsafe !slots[port].egress.isEmpty { flush(port) }
        if !discarded.isEmpty { unsafe slots[0].port.free(&discarded) }
        if hasPunted {
            hasPunted = false
            doorbell.ring()
        }
        if handedOver != 0 { ringOthers() }
    }

    /// Wakes the workers that got packets.
    @inline(never)
    private mutating func ringOthers() {
        for other in 0..<workerCount where handedOver >> UInt64(other & 63) & 1 != 0 {
            unsafe bells[other].ring()
        }
        handedOver = 0
    }

    private mutating func flush(_ port: Int) {
        let waiting = unsafe slots[port].egress.count
        let start = callsKernel ? CPacket_cycles() : 0
        unsafe slots[port].port.transmit(&slots[port].egress)
        if callsKernel { kernelCycles &+= CPacket_cycles() &- start }
        let left = unsafe slots[port].egress.count
        counters.add(waiting &- left, to: .transmitted)
        guard left > 0 else { return }
        counters.count(.transmitRingFull, packets: left)
        unsafe slots[port].port.free(&slots[port].egress)
    }
}
