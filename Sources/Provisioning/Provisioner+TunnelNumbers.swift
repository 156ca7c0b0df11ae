// SPDX-License-Identifier: Apache-2.0
import Dataplane
import Model

/// Sequence numbers of tunnels, which count on from one process to the next.
extension Provisioner {
    /// Has the sequence numbers of tunnels begin where `beginning` says, by the tunnel's name.
    package func beginTunnels(at beginning: @escaping @Sendable (String) -> UInt32) {
        tunnelBeginning = beginning
    }

    /// Gives the tunnels of the books the numbers that they begin with; those that have begun go on.
    func beginTunnels() {
        for tunnel in state.tunnels {
            guard let slot = books.tunnelSlots.slots[tunnel.name] else { continue }
            engine.interchange.beginTunnel(slot, at: tunnelBeginning(tunnel.name))
        }
    }

    /// The sequence numbers that tunnels send next, by name: those that send any.
    var upcomingTunnelNumbers: [String: UInt32] {
        let names = state.tunnels.filter { $0.kind == .gre && $0.output.hasSequence }.map(\.name)
        let numbers = names.compactMap { name in
            books.tunnelSlots.slots[name]
                .map { (name, engine.interchange.upcomingNumber(ofTunnel: $0)) }
        }
        return Dictionary(numbers) { first, _ in first }
    }
}
