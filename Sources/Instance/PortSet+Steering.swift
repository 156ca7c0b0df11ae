// SPDX-License-Identifier: Apache-2.0
import Balancing
import DPDK
import Model

extension PortSet {
    /// Finds out how a started port can bring replies to their owners, and prepares the device.
    mutating func steer(_ port: inout Port, _ plan: WorkerPlan) {
        guard plan.workers.count > 1 else { return }
        guard port.wantedSteering != "redirect" else {
            port.steering = PortSteering(.redirect, "as configured")
            return
        }
        guard port.setup.receiveQueues > 1 else {
            port.steering = PortSteering(.redirect, "it has one receive queue")
            return
        }
        let queues = port.polled
        guard queues.allSatisfy({ !$0.isEmpty }) else {
            port.steering = PortSteering(.redirect, "some worker polls no queue of it")
            return
        }
        switch port.wantedSteering {
        case "rss": port.steering = steerByHash(port, queues: queues)
        case "flow": port.steering = steerByFlow(&port, queues: queues)
        default:
            port.steering = steerByHash(port, queues: queues)
            guard port.steering.method == .redirect else { return }
            let reason = port.steering.reason
            port.steering = steerByFlow(&port, queues: queues)
            if port.steering.method == .redirect {
                port.steering.reason = "\(reason); \(port.steering.reason)"
            }
        }
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
            let spread = try port.device.spread()
            for slave in port.bond?.slaves ?? [] {
                guard let lack = try slave.device.spread().lack(comparedTo: spread) else {
                    continue
                }
                return PortSteering(.redirect, "slave \(slave.name) \(lack)")
            }
            return domain.judge(
                spread,
                of: port.name,
                queueOwners: Dictionary(owners) { first, _ in first }
            )
        } catch {
            return PortSteering(.redirect, "it does not tell its key and table: \(error)")
        }
    }

    /// Asks the device whether it takes rules on local addresses and the low bits of ports.
    private func steerByFlow(_ port: inout Port, queues: [[Int]]) -> PortSteering {
        let classes = FlowSteering.fewestClasses(for: queues.count)
        let rules = FlowRules(
            port.device,
            queues: (0..<classes).map { queues[$0 % queues.count][0] }
        )
        if let refusal = rules.refusal.ipv4 {
            return PortSteering(.redirect, "it takes no flow rules: \(refusal)")
        }
        port.flowRules = rules
        var steering = PortSteering(.flow, "rules for \(classes) classes of local ports")
        steering.redirectsIPv6(because: rules.refusal.ipv6?.description)
        return steering
    }

    /// Local ports are chosen in one way: where a device has a hash, by that.
    ///
    /// Then says what was asked for by name and is not possible.
    mutating func settleSteering() {
        if let agreed = domain.agreed {
            for index in ports.indices where ports[index].steering.method == .flow {
                ports[index].flowRules = nil
                ports[index].steering = PortSteering(
                    .redirect,
                    "local ports are chosen by the hash of \(agreed.device)"
                )
            }
        }
        for port in ports
        where port.steering.method == .redirect && ["rss", "flow"].contains(port.wantedSteering) {
            notes.append(
                "\(port.name): no steering by \(port.wantedSteering): \(port.steering.reason)"
            )
        }
    }

    /// What the local ports of connections are chosen by.
    func makeSteering() -> FamilySteering {
        if let steering = domain.makeSteering() { return steering }
        guard ports.contains(where: { $0.flowRules != nil }) else {
            return FamilySteering(sharesAmong: domain.workers)
        }
        // Each class costs a rule.
        let fewest = FlowSteering.fewestClasses(for: domain.workers)
        return FamilySteering(sharesAmong: domain.workers, classes: fewest)
    }
}
