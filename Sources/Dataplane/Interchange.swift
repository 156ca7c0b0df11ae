// SPDX-License-Identifier: Apache-2.0
public import Addressing
import Balancing
import CLinux
public import CPacket
import Containers
public import Networking

public typealias PacketBuffer = UnsafeMutablePointer<CPacket_buffer>

/// A packet that a worker hands to the slow path, which owns it from then on.
@safe
public struct PuntedPacket: BitwiseCopyable {
    public enum Reason: UInt8, BitwiseCopyable, Sendable {
        /// An ARP packet.
        case arp
        /// A message of link-layer discovery.
        case lldp
        /// For one of our addresses and not balanced: ICMP and ICMPv6, groups included.
        case local
        /// Rewritten and complete, but its next hop is not known: see `offset`.
        case unresolved
        /// TCP or UDP to an own address where nobody listens, or no backend is left.
        case refused
        /// The time to live ended here.
        case timeExceeded
        /// Longer than the next link takes, and not to be fragmented; `mtu` says what would fit.
        case tooBig
        /// No route leads to where it would have to go.
        case noRoute
        /// For the kernel, by the companion of `interface`.
        case exception
    }

    public var buffer: PacketBuffer
    public var reason: Reason
    /// Which drop reason counts when no answer saves the packet.
    public var dropReason: UInt8
    /// Which received it; of a tagged frame the port of that.
    public var interface: InterfaceID
    /// Where the IP header begins in the frame.
    public var offset: UInt16
    public var mtu: UInt16
    /// Of an unresolved packet, whose way it goes; zero: its own destination's.
    public var destination: WireAddress
}

/// What the slow path hands to a worker.
@safe
public struct InjectedPacket: BitwiseCopyable {
    /// A complete frame.
    public var buffer: PacketBuffer
    /// The port to transmit it on, or the tunnel to send its packet by.
    public var interface: InterfaceID
}

/// All wires between the threads of one dataplane: made before the workers, freed after them.
///
/// Rings have one producer and one consumer each, so there is a ring for every pair of workers, and
/// there are several for each worker and the slow path.
@safe
public final class Interchange: @unchecked Sendable {
    public let workerCount: Int
    public let cell: SnapshotCell
    let tunnelSequences: TunnelSequences
    public let quiescent: [QuiescentState]
    /// Of the slow path, which reads snapshots, too; it has left while there is none.
    public let slowPathQuiescent: QuiescentState
    public let counters: [WorkerCounters]
    public let inspections: [InspectionCell]
    public let surveys: [SurveyCell]
    let punts: [Ring<PuntedPacket>]
    /// Packets for the kernel and about neighbours, by worker, then by class: a ring each, so that a
    /// flood of one class leaves the others their room.
    let exceptions: [Ring<PuntedPacket>]
    /// How far the rate of each class is used up, by port, then by class; see `RateLimiter`.
    let exceptionRates: CounterBlock
    /// Of each worker, and last of the slow path.
    public let exceptionCounters: [ExceptionCounters]
    /// Of each worker, and last of the slow path.
    public let interfaceCounters: [InterfaceCounters]
    /// Of each worker.
    let receiveCounters: [ReceiveCounters]
    let injections: [Ring<InjectedPacket>]
    /// Indexed by producer, then consumer.
    let redirects: [Ring<PacketBuffer>]
    /// Neighbours that packets went to although they were stale.
    let stale: [Ring<AdjacencyHandle>]
    /// Connections that ended while both ends believe in them.
    let resets: [Ring<ConnectionReset>]
    public let doorbell: Doorbell
    /// Of each worker: it is rung by whoever puts something into a ring of the worker's or asks it.
    public let workerBells: [Doorbell]

    /// Those of the published snapshot, for whoever is in the quiescence set or holds the snapshot.
    public var interfaces: InterfaceTable { unsafe cell.current().pointee.interfaces }

    /// Wires for `workers` that begin with the snapshot `initial`; nil when memory is short.
    ///
    /// `ringSize` is how many packets fit each ring; `workerBells` are nobody's where workers never
    /// wait.
    public init?(
        workers: Int,
        initial: UnsafeMutablePointer<Snapshot>,
        ringSize: Int = 2048,
        doorbell: Doorbell = Doorbell(descriptor: -1),
        workerBells: [Doorbell] = []
    ) {
        self.workerBells = (0..<workers)
            .map { workerBells.indices.contains($0) ? workerBells[$0] : Doorbell(descriptor: -1) }
        workerCount = workers
        unsafe cell = SnapshotCell(initial)
        guard let sequences = TunnelSequences() else { return nil }
        tunnelSequences = sequences
        quiescent = (0..<workers).map { _ in QuiescentState() }
        slowPathQuiescent = QuiescentState()
        slowPathQuiescent.leave()
        counters = (0..<workers).compactMap { _ in WorkerCounters() }
        inspections = (0..<workers).map { _ in InspectionCell() }
        surveys = (0..<workers).compactMap { _ in SurveyCell() }
        punts = (0..<workers).map { _ in Ring(capacity: ringSize) }
        let classes = ExceptionClass.allCases.count
        exceptions = (0..<workers * classes).map { _ in Ring(capacity: ringSize) }
        exceptionCounters = (0...workers).compactMap { _ in ExceptionCounters() }
        interfaceCounters = (0...workers).compactMap { _ in InterfaceCounters() }
        receiveCounters = (0..<workers).compactMap { _ in ReceiveCounters() }
        guard let rates = CounterBlock(count: ExceptionPolicy.portLimit * classes) else {
            return nil
        }
        exceptionRates = rates
        injections = (0..<workers).map { _ in Ring(capacity: ringSize) }
        unsafe redirects = (0..<workers * workers).map { _ in unsafe Ring(capacity: ringSize) }
        stale = (0..<workers).map { _ in Ring(capacity: 256) }
        resets = (0..<workers).map { _ in Ring(capacity: 1024) }
        self.doorbell = doorbell
        guard counters.count == workers, exceptionCounters.count == workers + 1,
            interfaceCounters.count == workers + 1, receiveCounters.count == workers,
            surveys.count == workers
        else { return nil }
    }

    /// Lets the sequence numbers of tunnel `identifier` go on at `number`; before anything is sent.
    public func beginTunnel(_ identifier: Int, at number: UInt32) {
        tunnelSequences.begin(at: number, of: identifier)
    }

    /// The sequence number of the next packet that goes into tunnel `identifier`.
    public func upcomingNumber(ofTunnel identifier: Int) -> UInt32 {
        tunnelSequences.upcoming(of: identifier)
    }

    /// Frees everything; every thread that holds a copy of anything here has ended.
    public func destroy() {
        cell.destroy()
        quiescent.forEach { $0.destroy() }
        slowPathQuiescent.destroy()
        counters.forEach { $0.destroy() }
        inspections.forEach { $0.destroy() }
        surveys.forEach { $0.destroy() }
        punts.forEach { $0.destroy() }
        exceptions.forEach { $0.destroy() }
        exceptionRates.destroy()
        tunnelSequences.destroy()
        exceptionCounters.forEach { $0.destroy() }
        interfaceCounters.forEach { $0.destroy() }
        receiveCounters.forEach { $0.destroy() }
        injections.forEach { $0.destroy() }
        unsafe redirects.forEach { unsafe $0.destroy() }
        stale.forEach { $0.destroy() }
        resets.forEach { $0.destroy() }
        doorbell.destroy()
        workerBells.forEach { $0.destroy() }
    }

    /// Has every worker that waits turn now: there is another snapshot, or a question.
    public func wakeWorkers() { workerBells.forEach { $0.ring() } }

    /// The oldest generation that some worker may still use.
    public var oldestGeneration: UInt64 { quiescent.map(\.generation).min() ?? .max }

    /// The oldest generation that some thread may still read: older ones can be freed.
    public var oldestReadable: UInt64 { min(oldestGeneration, slowPathQuiescent.generation) }
}

/// Wakes a thread through an eventfd, with a system call only when it sleeps.
@safe
public struct Doorbell: BitwiseCopyable, @unchecked Sendable {
    let descriptor: Int32
    /// 1 while the consumer is about to sleep or asleep.
    private let sleeping: UnsafeMutablePointer<UInt64>

    /// A doorbell on the eventfd `descriptor`; -1 rings nowhere.
    public init(descriptor: Int32) {
        self.descriptor = descriptor
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
        unsafe sleeping = memory.bindMemory(to: UInt64.self, capacity: 8)
        unsafe sleeping.initialize(repeating: 0, count: 8)
    }

    func destroy() { unsafe sleeping.deallocate() }

    /// Producer, after it has put something into a ring.
    public func ring() {
        guard descriptor >= 0 else { return }
        CPacket_fence()
        guard unsafe CPacket_load_relaxed(sleeping) != 0 else { return }
        unsafe CPacket_store_relaxed(sleeping, 0)
        CLinux_signal_event(descriptor)
    }

    /// Consumer: from here on rings wake it; it looks into its rings once more before it sleeps.
    public func prepareToSleep() {
        unsafe CPacket_store_relaxed(sleeping, 1)
        CPacket_fence()
    }

    /// Consumer, when it has woken by itself: rings need not wake it.
    func wake() { unsafe CPacket_store_relaxed(sleeping, 0) }
}
