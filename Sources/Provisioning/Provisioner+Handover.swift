// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
package import Timing

extension Provisioner {
    // MARK: - Leaving

    /// What the next process has to know but the connections, and by slot the place of each backend
    /// in `Head.backends`; `now` is the workers'.
    package func leave(at now: Instant) -> (handover: Handover, places: [UInt32: UInt32]) {
        var head = Handover.Head()
        head.workers = engine.workerCount
        var places: [UInt32: UInt32] = [:]
        for (key, number) in books.backendSlots.slots.sorted(by: { $0.value < $1.value }) {
            let slot = UInt32(number)
            places[slot] = UInt32(head.backends.count)
            head.backends.append(
                .init(
                    service: key.service.description,
                    endpoint: key.endpoint.description,
                    counters: BackendCounter.allCases.map { engine.total($0, slot: slot) }
                )
            )
        }
        for (service, totals) in retiredTotals { head.retired[service.description] = totals }
        let clients = engine.persistence.saved(at: now.tick)
            .compactMap { client -> SavedClient? in
                guard let place = places[client.backendSlot] else { return nil }
                var client = client
                client.backendSlot = place
                return client
            }
        head.clients = clients.count
        head.clientCapacity = engine.persistence.capacity
        head.clientSeed = engine.persistence.seed
        return (Handover(head: head, clients: clients), places)
    }

    // MARK: - Going on

    /// The next snapshots carry what another process has left, until every worker has it; `now` is
    /// the workers'.
    package func takeOver(_ handover: Handover, at now: Instant) {
        inheritance = (handover, now.tick)
    }

    /// Gives connections of the process before the slots of now, once: the first snapshot carries
    /// them.
    ///
    /// Counters go on where they were; what is open counts itself when it is adopted.
    func takeOver() {
        guard let (handover, since) = inheritance else { return }
        inheritance = nil
        let targets = targets(of: handover, state)
        var result = HandoverResult()
        var connections: [SavedConnection] = []
        connections.reserveCapacity(handover.connections.count)
        for var saved in handover.connections {
            let place = Int(saved.backendSlot)
            guard place < targets.count, let target = targets[place], target.kind == saved.kind,
                let worker = worker(for: saved, of: handover.head.workers)
            else {
                result.refused += 1
                continue
            }
            saved.backendSlot = target.slot
            saved.worker = UInt16(worker)
            connections.append(saved)
        }
        for (target, backend) in zip(targets, handover.head.backends) {
            if let target { engine.restore(backend.counters, slot: target.slot) }
        }
        remember(handover, targets, since)
        for service in state.services {
            if let totals = handover.head.retired[service.key.description] {
                retiredTotals[service.key] = totals
            }
        }
        handoverResult = result
        adoption = AdoptionMemory(connections, workers: engine.workerCount)
    }

    private struct AdoptionTarget {
        var slot: UInt32
        var kind: ConnectionKind
        var isPersistent: Bool
    }

    /// Clients of persistent services keep their backends, whether they have connections or not.
    private func remember(_ handover: Handover, _ targets: [AdoptionTarget?], _ now: Tick) {
        let table = engine.persistence
        guard table.seed == handover.head.clientSeed,
            table.capacity <= handover.head.clientCapacity
        else { return }
        for var client in handover.clients {
            let place = Int(client.backendSlot)
            guard place < targets.count, let target = targets[place], target.isPersistent else {
                continue
            }
            client.backendSlot = target.slot
            table.restore(client, now: now)
        }
    }

    /// The backends of now by their place in the handover; nil for those that are gone.
    private func targets(of handover: Handover, _ state: DesiredState) -> [AdoptionTarget?] {
        let services = Dictionary(state.services.map { ($0.key.description, $0) }) { first, _ in
            first
        }
        var slots: [String: [String: UInt32]] = [:]
        for (name, service) in services {
            for target in service.targets {
                let key = BackendKey(service: service.key, endpoint: target.endpoint)
                slots[name, default: [:]][target.endpoint.description] = slot(of: key)
            }
        }
        return handover.head.backends.map { backend in
            guard let service = services[backend.service],
                let slot = slots[backend.service]?[backend.endpoint]
            else { return nil }
            return AdoptionTarget(
                slot: slot,
                kind: ConnectionKind(service.mode),
                isPersistent: service.persistence != nil
            )
        }
    }

    /// Where the packets of a connection arrive now; nil when its two directions would not meet.
    private func worker(for saved: SavedConnection, of workers: Int) -> Int? {
        let worker: Int
        if engine.workerCount == 1 {
            worker = 0
        } else if saved.kind == .nat {
            // Both directions go by the client, whoever had the connection before.
            worker = Balancer.ownerByClient(
                saved.client.source,
                saved.client.sourcePort,
                among: engine.workerCount
            )
        } else {
            guard workers == engine.workerCount else { return nil }
            worker = Int(saved.worker)
        }
        guard saved.kind.holdsLocalPort else { return worker }
        let owner = engine.steering.of(isIPv6: saved.backend.isIPv6).owner(ofReply: saved.backend)
        return owner == worker ? worker : nil
    }

    /// Frees what every worker has taken over, once; returns whether there was something.
    func finishAdoption() -> Bool {
        guard let adoption else { return false }
        handoverResult?.adopted = adoption.count(.adopted)
        handoverResult?.expired = adoption.count(.expired)
        handoverResult?.refused += adoption.count(.refused)
        self.adoption = nil
        return true
    }
}
