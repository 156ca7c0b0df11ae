// SPDX-License-Identifier: Apache-2.0
import Balancing
import DPDK
import Model

extension PortSet {
    /// Finds out how a started port can bring replies to their owners, and prepares the device;
    /// `wish` is the `steering` of its block.
    mutating func steer(_ port: inout Port, wish: String, _ plan: WorkerPlan) {
        guard plan.workers.count > 1 else { return }
        guard wish != "redirect" else {
            port.steering = PortSteering(.redirect, "as configured")
            return
        }
        guard port.setup.receiveQueues > 1 else {
            port.steering = PortSteering(.redirect, "it has one receive queue")
            return
        }
        let queues = plan.workers.map { $0.receiveQueues[port.name] ?? [] }
        guard queues.allSatisfy({ !$0.isEmpty }) else {
            port.steering = PortSteering(.redirect, "some worker polls no queue of it")
            return
        }
        port.steering =
            wish == "flow" ? PortSteering(.redirect, "") : steerByHash(port, queues: queues)
        guard port.steering.method == .redirect, wish != "rss" else { return noteMiss(port, wish) }
        steerByFlow(&port, queues: queues)
        noteMiss(port, wish)
    }

    /// Says when what was asked for by name is not possible.
    private mutating func noteMiss(_ port: Port, _ wish: String) {
        guard port.steering.method == .redirect, wish != "auto" else { return }
        notes.append("\(port.name): no steering by \(wish): \(port.steering.reason)")
    }

    private mutating func steerByHash(_ port: Port, queues: [[Int]]) -> PortSteering {
        let places = port.device.facts.redirectionPlaces
        guard places > 0 else { return PortSteering(.redirect, "it has no redirection table") }
        let table = domain.owners(places).enumerated()
            .map { place, worker in
                queues[worker][place / queues.count % queues[worker].count]
            }
        // Some devices have a table that cannot be written: what is in it counts.
        try? port.device.setRedirectionTable(table)
        let owners = queues.enumerated().flatMap { worker, queues in queues.map { ($0, worker) } }
        do {
            return domain.judge(
                try port.device.spread(),
                of: port.name,
                queueOwners: Dictionary(owners) { first, _ in first }
            )
        } catch {
            return PortSteering(.redirect, "it does not tell its key and table: \(error)")
        }
    }

    /// Asks the device whether it takes rules on local addresses and the low bits of ports.
    private func steerByFlow(_ port: inout Port, queues: [[Int]]) {
        var classes = 2
        while classes < queues.count { classes *= 2 }
        let rules = FlowRules(
            port.device,
            queues: (0..<classes).map { queues[$0 % queues.count][0] }
        )
        if let refusal = rules.refusal {
            let before = port.steering.reason.isEmpty ? "" : port.steering.reason + "; "
            port.steering = PortSteering(
                .redirect,
                "\(before)it takes no flow rules: \(refusal)"
            )
        } else {
            port.flowRules = rules
            port.steering = PortSteering(.flow, "rules for \(classes) classes of local ports")
        }
    }

    /// Local ports are chosen in one way: where a device has a hash, by that.
    mutating func settleSteering() {
        guard let agreed = domain.agreed else { return }
        for index in ports.indices where ports[index].steering.method == .flow {
            ports[index].flowRules = nil
            ports[index].steering = PortSteering(
                .redirect,
                "local ports are chosen by the hash of \(agreed.device)"
            )
        }
    }

    /// What the local ports of connections are chosen by.
    func makeSteering() -> FlowSteering {
        if let steering = domain.makeSteering() { return steering }
        // With rules, just enough classes: each costs a rule.
        return ports.contains { $0.flowRules != nil }
            ? FlowSteering(sharesAmong: domain.workers, classBits: 1)
            : FlowSteering(sharesAmong: domain.workers)
    }
}
