// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control

/// What `dpip link show` prints, in the words of the old program.
extension LinkStatus {
    /// Three lines: what it is, how its link is, its address and what its device computes.
    func basics(number: Int) -> String {
        let megabits = (speed ?? 0) / 1_000_000
        let duplex = isFullDuplex ? "full-duplex" : "half-duplex"
        let way = isNegotiated ? "auto-nego" : "fixed-nego"
        let switches = [
            isPromiscuous ? "promisc" : nil, receivesAllMulticast ? "allmulticast" : nil,
            hasDiscovery ? "lldp" : nil,
        ]
        let state = [isUp ? "UP" : "DOWN", "\(megabits) Mbps", duplex, way]
        let address = macAddress.map { $0.description.uppercased() } ?? "00:00:00:00:00:00"
        return """
            \(number): \(name): socket \(max(0, socket)) mtu \(mtu) \
            rx-queue \(receiveQueues) tx-queue \(transmitQueues)
                \((state + switches.compactMap(\.self)).joined(separator: " "))
                addr \(([address] + offloads).joined(separator: " "))

            """
    }

    /// Packet buffers, which all ports share.
    var buffers: String {
        Columns.text(
            [("mbuf-avail", "\(freeBuffers)"), ("mbuf-inuse", "\(usedBuffers)")],
            width: Counters.widths.counters
        )
    }

    /// Facts about the device, a line each.
    var details: String {
        (facts ?? []).map { "    \($0.name): \($0.value)\n" }.joined()
    }

    /// What the driver counts by itself.
    var driverText: String {
        guard let driverCounters, !driverCounters.isEmpty else {
            return "    xstats list:\n        not supported\n"
        }
        let lines = driverCounters.enumerated()
            .map { "        \($0)  \($1.name): \($1.value)\n" }
        return "    xstats list:\n" + lines.joined()
    }
}

extension LcoreStatus {
    /// `2: cpu1: socket 0` and its queues.
    func basics(number: Int) -> String {
        func text(_ queues: [Queue], _ kind: String) -> String {
            queues.map { "\($0.port):\(kind)\($0.number)" }.joined(separator: " ")
        }
        let queues = [text(receiveQueues, "rx"), text(transmitQueues, "tx")]
            .filter { !$0.isEmpty }.joined(separator: " ")
        return """
            \(number): cpu\(cpu): socket \(max(0, socket))
                queues \(queues.isEmpty ? "none" : queues)

            """
    }
}

extension BondStatus {
    /// What `dpip link show BOND status` prints.
    func text(of link: LinkStatus) -> String {
        let active = slaves.filter(\.isActive)
        let lines = [
            "bonding mode: \(mode) (\(modeName))",
            "mac_addr: \(link.macAddress?.description ?? "-")",
            "xmit_policy: \(transmitPolicy)",
            "active slaves: \(active.count) of \(slaves.count)",
        ]
        let each = slaves.map { slave in
            "    \(slave.name): \(slave.isLinkUp ? "UP" : "DOWN")"
                + (slave.isActive ? " active" : " inactive") + (slave.isPrimary ? " primary" : "")
                + (slave.partner.map { " partner \($0)" } ?? "") + "\n"
        }
        return "\(link.name):\n" + lines.map { "    \($0)\n" }.joined() + "    slaves:\n"
            + each.map { "    " + $0 }.joined()
    }
}
