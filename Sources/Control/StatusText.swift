// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

extension Status {
    /// Reasons shown at most; `--json` has all.
    private static let dropLimit = 10

    /// What `dpvs status` prints.
    package var text: String {
        let parts = [
            heading, workerTable, portTable, bondTable, vlanTable, tunnelTable, serviceTable,
            serviceSummary, dropTable,
        ]
        return parts.filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private var heading: String {
        var lines = [
            "dpvs \(version), instance \(instance), pid \(pid): \(phase.rawValue), "
                + "up \(Quantity.duration(seconds: uptime))",
            "configuration: generation \(generation), digest \(digest.prefix(12))",
        ]
        if !restartRequired.isEmpty {
            lines.append("restart required: \(restartRequired.joined(separator: ", "))")
        }
        if !memory.isEmpty { lines.append("memory: \(memory)") }
        if !privileges.summary.isEmpty {
            let gain = privileges.cannotGain ? ", no new privileges" : ""
            lines.append(
                "privileges: user \(privileges.user), capabilities: \(privileges.summary)\(gain)"
            )
        }
        if !announced.isEmpty { lines.append("announced: \(announced)") }
        if !kernelMirror.isEmpty { lines.append("kernel mirror: \(kernelMirror)") }
        return lines.map { $0 + "\n" }.joined()
    }

    private var workerTable: String {
        var table = TextTable(
            .right("WORKER"),
            .right("CPU"),
            .right("BUSY"),
            .right("CONNECTIONS"),
            .right("CAPACITY"),
            .right("PACKETS")
        )
        for worker in workers {
            table.append(
                String(worker.id),
                String(worker.cpu),
                Quantity.percent(worker.busyFraction),
                Quantity.count(worker.connections),
                Quantity.count(worker.connectionCapacity),
                Quantity.count(worker.packets)
            )
        }
        return table.isEmpty ? "" : table.text()
    }

    private var portTable: String {
        var table = TextTable(
            .left("PORT"),
            .left("DRIVER"),
            .left("MAC"),
            .right("MTU"),
            .left("LINK"),
            .right("QUEUES"),
            .right("RECEIVED"),
            .right("SENT"),
            .right("LOST")
        )
        for port in ports {
            let speed = port.speed.map(Quantity.bitRate) ?? "up"
            table.append(
                port.name,
                port.driver,
                port.macAddress.description,
                String(port.mtu),
                port.isLinkUp ? speed : "down",
                String(port.queues),
                Quantity.count(port.receivedPackets),
                Quantity.count(port.transmittedPackets),
                Quantity.count(port.lostPackets)
            )
        }
        // One worker has nothing to steer.
        let steering = ports.filter { !$0.steering.isEmpty && workers.count > 1 }
            .map { "\($0.name): steering \($0.steering): \($0.steeringReason)\n" }
        let interfaces = ports.compactMap { port in
            port.interface.map { "\(port.name): \($0)\n" }
        }
        let companions = ports.compactMap { port in
            port.companion.map { "\(port.name): \(Self.line($0))\n" }
        }
        return table.isEmpty
            ? "" : table.text() + interfaces.joined() + steering.joined() + companions.joined()
    }

    private static func line(_ companion: CompanionStatus) -> String {
        "kernel companion \(companion.name) (\(companion.kind)): "
            + "\(Quantity.count(companion.passed)) up, \(Quantity.count(companion.sent)) down, "
            + "\(Quantity.count(companion.policed)) policed, \(Quantity.count(companion.full)) full"
    }

    private var vlanTable: String {
        var table = TextTable(
            .left("INTERFACE"),
            .left("LINK"),
            .right("VLAN"),
            .right("INNER"),
            .right("PRIORITY"),
            .left("COMPANION"),
            .right("RECEIVED"),
            .right("SENT")
        )
        for vlan in vlans {
            table.append(
                vlan.name,
                vlan.link,
                String(vlan.id),
                vlan.innerID.map(String.init) ?? "-",
                String(vlan.priority),
                vlan.companion ?? "-",
                Quantity.count(vlan.receivedPackets),
                Quantity.count(vlan.transmittedPackets)
            )
        }
        return table.isEmpty ? "" : table.text()
    }

    private var tunnelTable: String {
        var table = TextTable(
            .left("TUNNEL"),
            .left("WAY"),
            .left("COMPANION"),
            .right("RECEIVED"),
            .right("SENT")
        )
        for tunnel in tunnels {
            table.append(
                tunnel.name,
                tunnel.way,
                tunnel.companion ?? "-",
                Quantity.count(tunnel.receivedPackets),
                Quantity.count(tunnel.transmittedPackets)
            )
        }
        return table.isEmpty ? "" : table.text()
    }

    private var dropTable: String {
        var table = TextTable(.left("DROPPED"), .left("STAGE"), .right("PACKETS"))
        let sorted = drops.filter { $0.packets > 0 }
            .sorted { ($1.packets, $0.reason) < ($0.packets, $1.reason) }
        for drop in sorted.prefix(Self.dropLimit) {
            table.append(drop.reason, drop.stage, Quantity.count(drop.packets))
        }
        let more = sorted.count - Self.dropLimit
        return table.isEmpty ? "" : table.text() + (more > 0 ? "and \(more) more reasons\n" : "")
    }
}
