// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
package import Model
import Networking
import Packet

extension Provisioner {
    /// Which compiled object each service has, for tests of what is shared.
    package var compiledIdentities: [Service.Key: ObjectIdentifier] {
        books.servicePlaces.mapValues { ObjectIdentifier(books.services[$0].compiled) }
    }

    // MARK: - Slots that nobody needs any more

    /// Gives back the slots of removed backends whose connections have all ended.
    func releaseBackends() {
        for key in books.backendSlots.retired {
            guard let number = books.backendSlots.slots[key] else { continue }
            let slot = UInt32(number)
            // One counter, because a connection that moves from inactive to active between two
            // readings is in neither; a claim lasts from before the first packet to the end.
            guard engine.total(BackendCounter.claimed, slot: slot) == 0 else { continue }
            var totals = retiredTotals[key.service] ?? Array(repeating: 0, count: 8)
            for counter in BackendCounter.allCases {
                totals[counter.rawValue] &+= engine.total(counter, slot: slot)
            }
            retiredTotals[key.service] = totals
            zeroMarks.retire(key)
            engine.clear(slot: slot)
            books.encapsulations[number] = nil
            books.policies[number] = BackendPolicy()
            books.backendSlots.release(key)
        }
        guard !books.serviceSlots.retired.isEmpty else { return }
        let inUse = Set(books.backendSlots.slots.keys.map(\.service))
        for key in books.serviceSlots.retired where !inUse.contains(key) {
            if let slot = books.serviceSlots.slots[key] { engine.clear(serviceSlot: UInt32(slot)) }
            books.serviceSlots.release(key)
            books.gone[key] = nil
            retiredTotals[key] = nil
            zeroMarks.forget(key)
        }
    }

    /// Gives back the slots of removed local addresses whose ports are all free.
    func releaseLocalAddresses() -> Bool {
        var released = false
        for address in books.localSlots.retired {
            guard let slot = books.localSlots.slots[address], books.pools[slot].used == 0
            else { continue }
            books.localSlots.release(address)
            released = true
        }
        return released
    }
}

extension Provisioner {
    /// Asks for the neighbours of backends of some services, and of tunnels, before the first packet
    /// does.
    func warmUp(for services: [Service]) {
        let forwarding = unsafe engine.interchange.cell.current().pointee.forwarding
        let backends = services.flatMap { $0.backends.map(\.endpoint.address) }
        for address in backends + state.tunnels.compactMap(\.remote) {
            let target = forwarding.target(for: address)
            guard target.kind == .link else { continue }
            _ = neighbours.adjacency(for: address, on: target.interface, isPinned: false)
        }
    }

    // MARK: - Names

    /// What the configuration calls an interface, or has called one that is gone.
    func name(of interface: InterfaceID) -> String {
        let tags = engine.interchange.interfaces.tags(of: interface)
        return interfaces.first { $0.id == interface }?.name
            ?? "\(carrier(of: interface)?.name ?? "?").\(tags.outer)"
    }

    /// The port that carries an interface.
    func carrier(of interface: InterfaceID) -> Interface? {
        let port = InterfaceID(port: engine.interchange.interfaces.port(of: interface))
        return ports.first { $0.id == port }
    }

    /// VLANs and tunnels of the published snapshot.
    var vlans: [(name: String, id: InterfaceID)] {
        interfaces.dropFirst(ports.count).map { ($0.name, $0.id) }
    }
}
