// SPDX-License-Identifier: Apache-2.0
import Addressing
public import Balancing
import Containers
public import Networking
public import Packet
public import Timing

/// What one worker would do with one frame, found out by a worker of its own that owns nothing real.
///
/// It is the code of the packet path, on the running snapshot, with copies of what a packet could
/// change: the flow's connection, cursors, counters, local ports. Nothing of the real ones moves.
public struct Rehearsal: Sendable {
    /// How it ended; more than one when the frame brought forth others.
    public enum Ending: Equatable, Sendable {
        /// Of a VLAN, the frame is told without tags.
        case transmitted(interface: InterfaceID, frame: [UInt8])
        /// The slow path would go on with it: resolve a neighbour, answer, or only count it.
        case punted(PuntedPacket.Reason, otherwise: DropReason, mtu: UInt16)
        case redirected(worker: Int)
        case dropped(DropReason)
    }

    public var worker: Int
    /// The flow's connection before, and after.
    public var before: ConnectionImage?
    public var after: ConnectionImage?
    public var endings: [Ending] = []
}

/// What is asked.
public struct RehearsalQuestion: Sendable {
    public var frame: [UInt8]
    /// As in the frame.
    public var flow: Flow
    /// Where it arrives, untagged.
    public var interface: InterfaceID
    public var worker: Int
    /// What the worker said about the flow: see `InspectionCell`.
    public var known: FlowInspection

    public init(
        frame: [UInt8],
        flow: Flow,
        on interface: InterfaceID,
        worker: Int,
        known: FlowInspection = FlowInspection()
    ) {
        self.frame = frame
        self.flow = flow
        self.interface = interface
        self.worker = worker
        self.known = known
    }
}

extension Engine {
    /// Answers `question` on the published snapshot, which must stay published meanwhile; nil when
    /// memory is short.
    ///
    /// `ports` are in order of port index; `backendSlots` is how many of them are in use.
    public func rehearse(
        _ question: RehearsalQuestion,
        ports: [PortTraits],
        backendSlots: Int,
        now: Instant
    ) -> Rehearsal? {
        let published = unsafe interchange.cell.current().pointee
        let service = service(for: question.flow, arrivingOn: question.interface)
        let balancing = published.balancing.rehearsal(
            worker: question.worker,
            addresses: service?.allLocalAddresses ?? []
        )
        defer { balancing.endRehearsal() }
        var snapshot = Snapshot(
            generation: published.generation,
            forwarding: published.forwarding,
            balancing: balancing,
            exceptions: published.exceptions,
            interfaces: published.interfaces,
            tunnels: published.tunnels
        )
        return unsafe withUnsafeMutablePointer(to: &snapshot) { pointer in
            unsafe rehearse(question, ports, backendSlots, now, pointer)
        }
    }

    /// The service that packets of `flow` belong to when they arrive on `interface`, by the published
    /// snapshot, which must stay published meanwhile.
    public func service(for flow: Flow, arrivingOn interface: InterfaceID) -> ServiceRecord? {
        let published = unsafe interchange.cell.current().pointee
        let services = published.balancing.services
        if let service = services.service(for: flow) { return service }
        guard let output = published.forwarding.interface(toward: flow.destination.address) else {
            return nil
        }
        return services.matches.service(for: flow, Passage(input: interface, output: output))
    }

    private func rehearse(
        _ question: RehearsalQuestion,
        _ traits: [PortTraits],
        _ backendSlots: Int,
        _ now: Instant,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> Rehearsal? {
        let interfaces = interchange.interfaces
        let wires = unsafe Interchange(
            workers: workerCount,
            initial: snapshot,
            ringSize: 16
        )
        guard let wires, var parts = makeRehearsalBalancer(question.worker, backendSlots, now)
        else { return nil }
        let (counters, conditions, resets) = (parts.counters, parts.conditions, parts.resets)
        let persistence = parts.persistence
        let ports = traits.map(RehearsalPort.init)
        let port = interfaces.port(of: question.interface)
        defer {
            ports.forEach { $0.destroy() }
            counters.forEach { $0.destroy() }
            persistence.destroy()
            conditions.destroy()
            resets.destroy()
            wires.destroy()
        }
        parts.balancer.assumeHeldPorts(question.known.heldPorts, of: question.flow)
        if let existing = question.known.image {
            _ = parts.balancer.connections.restore(existing, deadline: now.tick + 1 << 20)
        }
        var worker = Worker(
            index: question.worker,
            interchange: wires,
            receivers: [ports[port]],
            transmitters: ports,
            balancer: parts.balancer
        )
        worker.believesMarks = true
        var frame = question.frame
        frame.insert(contentsOf: interfaces.tags(of: question.interface).octets, at: 12)
        ports[port].deliver(frame)
        _ = worker.turn(now: now)
        var rehearsal = Rehearsal(worker: question.worker, before: question.known.image)
        rehearsal.after = worker.balancer.connections.image(of: question.flow)
        rehearsal.endings = endings(of: question, wires, ports)
        worker.stop()
        return rehearsal
    }

    private func ending(of frame: [UInt8], sentOn port: Int) -> Rehearsal.Ending {
        for vlan in interchange.interfaces.vlans
        where interchange.interfaces.port(of: vlan) == port {
            let tags = interchange.interfaces.tagging(of: vlan).octets
            guard frame.dropFirst(12).starts(with: tags) else { continue }
            let rest = frame.dropFirst(12 + tags.count)
            return .transmitted(interface: vlan, frame: Array(frame.prefix(12)) + rest)
        }
        return .transmitted(interface: InterfaceID(port: port), frame: frame)
    }

    private func endings(
        of question: RehearsalQuestion,
        _ wires: Interchange,
        _ ports: [RehearsalPort]
    ) -> [Rehearsal.Ending] {
        var endings: [Rehearsal.Ending] = []
        for (index, port) in ports.enumerated() {
            endings += port.departed.map { ending(of: $0, sentOn: index) }
        }
        let classes = ExceptionClass.allCases.count
        let exceptions = wires.exceptions[
            question.worker * classes..<(question.worker + 1) * classes
        ]
        for ring in [wires.punts[question.worker]] + exceptions {
            while let punted = ring.pop() {
                let reason = DropReason(rawValue: punted.dropReason) ?? .noService
                endings.append(.punted(punted.reason, otherwise: reason, mtu: punted.mtu))
            }
        }
        for other in 0..<workerCount {
            let ring = unsafe wires.redirects[question.worker * workerCount + other]
            while unsafe ring.pop() != nil { endings.append(.redirected(worker: other)) }
        }
        let counters = wires.counters[question.worker]
        for reason in DropReason.allCases where counters[reason] > 0 {
            endings.append(.dropped(reason))
        }
        return endings
    }
}
