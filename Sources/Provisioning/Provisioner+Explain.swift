// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Balancing
package import Dataplane
package import Model
import Networking
import Packet
package import Timing

extension Provisioner {
    /// The flow that `request` is about; throws when it is none.
    package func flow(of request: ExplanationRequest) throws(ProvisioningError) -> Flow {
        let (source, destination) = (request.source, request.destination)
        guard source.address.family == destination.address.family else {
            throw ProvisioningError("\(source) and \(destination) are of different families")
        }
        let number = FlowProtocol(
            request.protocol.ipProtocol(for: destination.address),
            isIPv6: destination.address.family == .ipv6
        )
        guard let number else {
            throw ProvisioningError("\(request.protocol.rawValue) is not balanced")
        }
        return Flow(
            from: source.address,
            source.port,
            to: destination.address,
            // The identifier of an echo stands in both places.
            number.isQuery ? source.port : destination.port,
            number
        )
    }

    /// Sends a made-up packet through a worker that owns nothing real, and says step by step what it
    /// did with it.
    ///
    /// `answers` has what each worker answered about the flow.
    package func explain(
        _ request: ExplanationRequest,
        answers: [FlowInspection],
        at now: Instant
    ) throws(ProvisioningError) -> Explanation {
        let flow = try flow(of: request)
        let arrival = try arrival(of: request, flow)
        let owner = answers.firstIndex { $0.image != nil }
        let worker = try request.worker.map(position(ofWorker:)) ?? owner ?? 0
        let known = answers[worker]
        let received = interfaces.first { $0.id == arrival } ?? interfaces[0]
        let mac = carrier(of: received.id)?.macAddress ?? .zero
        var frame = RehearsalFrame(flow, to: mac)
        frame.tcpFlags = try tcpFlags(request.flags ?? [known.image == nil ? "syn" : "ack"])
        let traits = ports.map { interface in
            PortTraits(
                index: interface.id.rawValue,
                macAddress: interface.macAddress ?? .zero,
                mtu: UInt16(clamping: interface.mtu)
            )
        }
        let rehearsal = engine.rehearse(
            RehearsalQuestion(
                frame: frame.octets,
                flow: flow,
                on: arrival,
                worker: worker,
                known: known
            ),
            ports: traits,
            backendSlots: books.backendSlots.bound,
            now: now
        )
        guard let rehearsal else { throw ProvisioningError("no memory to try the packet") }
        var narrator = Narrator(self, flow, arrivingOn: received)
        return narrator.tell(rehearsal)
    }

    private func position(ofWorker id: Int) throws(ProvisioningError) -> Int {
        if let position = workerIDs.firstIndex(of: id) { return position }
        let known = workerIDs.map(String.init).joined(separator: ", ")
        throw ProvisioningError("there is no worker \(id): accepted are \(known)")
    }

    /// Where the packet arrives: as asked, or where packets to its source leave.
    private func arrival(
        of request: ExplanationRequest,
        _ flow: Flow
    ) throws(ProvisioningError) -> InterfaceID {
        if let name = request.interface {
            guard let found = interfaces.first(where: { $0.name == name }) else {
                let known = interfaces.map(\.name).joined(separator: ", ")
                throw ProvisioningError("there is no interface '\(name)': accepted are \(known)")
            }
            return found.id
        }
        let forwarding = unsafe engine.interchange.cell.current().pointee.forwarding
        return forwarding.interface(toward: flow.source.address) ?? 0
    }

    private func tcpFlags(_ names: [String]) throws(ProvisioningError) -> UInt8 {
        let bits: [String: UInt8] = [
            "fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32,
        ]
        var flags: UInt8 = 0
        for name in names {
            guard let bit = bits[name] else {
                throw ProvisioningError(
                    "'\(name)' is no flag of TCP: accepted are fin, syn, rst, psh, ack, urg"
                )
            }
            flags |= bit
        }
        return flags
    }
}

/// Puts a rehearsal into words.
private struct Narrator {
    private let provisioner: Provisioner
    private let flow: Flow
    private let interface: Interface
    private var steps: [Explanation.Step] = []

    init(_ provisioner: Provisioner, _ flow: Flow, arrivingOn interface: Interface) {
        self.provisioner = provisioner
        self.flow = flow
        self.interface = interface
    }

    mutating func tell(_ rehearsal: Rehearsal) -> Explanation {
        let (from, to) = (Self.endpoint(flow), Self.endpoint(flow.reversed))
        say(
            "arrival",
            "\(flow.protocol) \(from) > \(to) on \(interface.name), worker "
                + "\(provisioner.workerIDs[rehearsal.worker])"
        )
        tellConnection(rehearsal)
        for ending in rehearsal.endings { tell(ending, rehearsal) }
        return Explanation(
            verdict: verdict(rehearsal.endings),
            dropReason: dropReason(rehearsal.endings),
            steps: steps
        )
    }

    private mutating func say(_ name: String, _ text: String) {
        steps.append(Explanation.Step(name, text))
    }

    // MARK: - Connection, service, backend

    private mutating func tellConnection(_ rehearsal: Rehearsal) {
        if let before = rehearsal.before {
            let after = rehearsal.after?.connection.state ?? before.connection.state
            say(
                "connection",
                "known, \(before.connection.state.name), \(after.name) after this packet"
            )
        } else if rehearsal.after != nil {
            say("connection", "none yet: this packet opens one")
        } else {
            say("connection", "none")
        }
        guard let image = rehearsal.after ?? rehearsal.before else {
            tellService()
            return
        }
        let backend = provisioner.backend(at: image.connection.backendSlot)
        if let backend {
            let service = provisioner.state.services.first { $0.key == backend.service }
            let mode =
                service.map { ", \($0.mode.rawValue), \($0.scheduler.rawValue)" } ?? " (removed)"
            say("service", "\(service?.name ?? "") \(backend.service)\(mode)")
            say("backend", "\(backend.endpoint)")
            tellHealth(of: backend.service)
        }
        if image.connection.shape.kind.holdsLocalPort {
            say("local address", Self.endpoint(image.backend.reversed))
        }
    }

    private mutating func tellService() {
        let engine = provisioner.engine
        guard let record = engine.service(for: flow, arrivingOn: interface.id) else {
            say("service", "none for \(Self.endpoint(flow.reversed))")
            return
        }
        let key = provisioner.books.serviceSlots.slots.first { $0.value == Int(record.slot) }?.key
        let service = key.flatMap { key in provisioner.state.services.first { $0.key == key } }
        say("service", service.map { "\($0.name) \($0.key)" } ?? "slot \(record.slot)")
        if let key { tellHealth(of: key) }
    }

    /// Backends that were no choice because their health checks fail.
    private mutating func tellHealth(of service: Service.Key) {
        if provisioner.checks.panicking.contains(service) {
            say("health", "every backend fails its check, so all serve")
        }
        let failed = provisioner.failedBackends(of: service)
        guard !failed.isEmpty else { return }
        let names = failed.map(\.description).sorted().joined(separator: ", ")
        say("health", "get no new connections by their health check: \(names)")
    }

    // MARK: - Ends

    private mutating func tell(_ ending: Rehearsal.Ending, _ rehearsal: Rehearsal) {
        switch ending {
        case .transmitted(let interface, let frame): tellFrame(frame, on: interface)
        case .punted(let reason, let otherwise, let mtu):
            let text =
                switch reason {
                case .arp: "the slow path answers ARP"
                case .lldp: "the slow path learns who is at the other end of the link"
                case .local: "the slow path answers: it is for ourselves"
                case .unresolved: "rewritten; the slow path asks for the neighbour first"
                case .refused: "the slow path tells the sender that nobody takes it"
                case .timeExceeded: "the slow path tells the sender that its time to live ended"
                case .tooBig: "the slow path tells the sender that \(mtu) octets fit"
                case .noRoute: "the slow path tells the sender that there is no way"
                case .exception: "handed to the kernel by the interface's companion"
                }
            say("end", "\(text); counts as \(otherwise.name) if that fails")
        case .redirected(let worker):
            let id = provisioner.workerIDs[Int(worker)]
            say("end", "handed to worker \(id), to whom it belongs")
        case .dropped(let reason):
            if reason == .badSourceAddress {
                let address = flow.source.address
                say("source", "\(address) is an address of ours, so no other node may send from it")
            }
            say("end", "dropped: \(reason.name)")
        }
    }

    private mutating func tellFrame(_ frame: [UInt8], on interface: InterfaceID) {
        let name = provisioner.interfaces.first { $0.id == interface }?.name ?? ""
        let mac = frame.prefix(6).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        say("rewrite", Self.headers(of: frame))
        say("next hop", "\(MACAddress(rawValue: mac))")
        say("end", "transmitted on \(name), \(frame.count) octets")
    }

    /// Addresses, ports and outer headers of a frame that the worker made.
    private static func headers(of frame: [UInt8]) -> String {
        guard frame.count > 34 else { return "a short frame" }
        let isIPv6 = frame[12] == 0x86
        func address(_ offset: Int) -> String {
            isIPv6
                ? IPv6Address(high: number(frame, offset, 8), low: number(frame, offset + 8, 8))
                    .description
                : IPv4Address(rawValue: UInt32(number(frame, offset, 4))).description
        }
        let (source, destination) = isIPv6 ? (22, 38) : (26, 30)
        let transport = isIPv6 ? 54 : 34
        let protocolNumber = frame[isIPv6 ? 20 : 23]
        let hop = frame[isIPv6 ? 21 : 22]
        guard [6, 17, 132].contains(protocolNumber), frame.count >= transport + 4 else {
            let (from, to) = (address(source), address(destination))
            return "\(from) > \(to), IP protocol \(protocolNumber), ttl \(hop)"
        }
        let ports = (number(frame, transport, 2), number(frame, transport + 2, 2))
        let from = isIPv6 ? "[\(address(source))]" : address(source)
        let to = isIPv6 ? "[\(address(destination))]" : address(destination)
        return "\(from):\(ports.0) > \(to):\(ports.1), ttl \(hop)"
    }

    private static func number(_ octets: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
        guard offset + count <= octets.count else { return 0 }
        return octets[offset..<offset + count].reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func endpoint(_ flow: Flow) -> String {
        Endpoint(flow.source.address, flow.sourcePort).description
    }

    private func verdict(_ endings: [Rehearsal.Ending]) -> Explanation.Verdict {
        for ending in endings {
            switch ending {
            case .transmitted: return .forwarded
            case .redirected: return .redirected
            case .punted: return .slowPath
            case .dropped: continue
            }
        }
        return .dropped
    }

    private func dropReason(_ endings: [Rehearsal.Ending]) -> String? {
        for ending in endings { if case .dropped(let reason) = ending { return reason.name } }
        return nil
    }
}

extension Provisioner {
    /// The backend that has `slot`.
    fileprivate func backend(at slot: UInt32) -> BackendKey? {
        books.backendSlots.slots.first { $0.value == Int(slot) }?.key
    }
}
