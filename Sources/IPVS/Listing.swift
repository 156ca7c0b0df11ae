// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Control
import Model

/// What `ipvsadm -L` prints, byte for byte in the columns that scripts cut out.
package struct Listing {
    private let readings: ServiceReadings
    private let view: Request.View
    private let isExact: Bool

    package init(_ readings: ServiceReadings, _ view: Request.View, isExact: Bool = false) {
        self.readings = readings
        self.view = view
        self.isExact = isExact
    }

    package var text: String {
        if view == .timeouts {
            let times = readings.timeouts
            return "Timeout (tcp tcpfin udp): \(times.tcp) \(times.tcpFin) \(times.udp)\n"
        }
        if view == .daemons { return "" }
        var text = "IP Virtual Server version \(readings.version) (size=0)\n" + head + "\n"
        for service in readings.services { append(service, to: &text) }
        return text
    }

    private var head: String {
        let title = "Prot LocalAddress:Port".padded(33)
        let second = "\n  -> RemoteAddress:Port"
        switch view {
        case .statistics:
            return Self.titles(title, ["Conns", "InPkts", "OutPkts", "InBytes", "OutBytes"])
                + second
        case .rates:
            return Self.titles(title, ["CPS", "InPPS", "OutPPS", "InBPS", "OutBPS"]) + second
        case .thresholds: return title + " Uthreshold Lthreshold ActiveConn InActConn" + second
        case .persistence: return title + " Weight    PersistConn ActiveConn InActConn" + second
        case .connections, .timeouts, .daemons:
            return "Prot LocalAddress:Port Scheduler Flags\n"
                + "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn"
        }
    }

    private static func titles(_ first: String, _ others: [String]) -> String {
        first + others.map { " " + $0.aligned(8) }.joined()
    }

    private func append(_ reading: ServiceReading, to text: inout String) {
        let service = reading.service
        switch view {
        case .statistics, .rates:
            text += service.key.line.padded(33) + traffic(reading.traffic) + "\n"
        default:
            text += service.key.line + " " + service.scheduler.rawValue
            for word in service.flagWords { text += " " + word }
            text += "\n"
        }
        for (target, backend) in zip(service.targets, reading.backends) {
            text += line(target, backend, service.mode)
        }
    }

    private func line(
        _ target: Backend,
        _ reading: BackendReading,
        _ mode: ForwardingMode
    ) -> String {
        let name = "  -> \(target.endpoint)"
        let counts = "\(reading.activeConnections)".padded(10) + " \(reading.inactiveConnections)"
        switch view {
        case .statistics, .rates: return name.padded(33) + traffic(reading.traffic) + "\n"
        case .thresholds:
            let most = "\(target.maxConnections ?? 0)".padded(10)
            let least = "\(target.minConnections ?? 0)".padded(10)
            return "\(name.padded(33)) \(most) \(least) \(counts)\n"
        case .persistence:
            let weight = "\(target.weight)".padded(9)
            let clients = "\(reading.persistentClients)".padded(11)
            return "\(name.padded(33)) \(weight) \(clients) \(counts)\n"
        case .connections, .timeouts, .daemons:
            let weight = "\(target.weight)".padded(6)
            let line = "\(name.padded(33)) \(mode.tool.padded(7)) \(weight) "
            return line + suffixed(reading, counts) + "\n"
        }
    }

    /// What keeps new connections away stands behind the columns, whatever the weight.
    private func suffixed(_ reading: BackendReading, _ counts: String) -> String {
        var words: [String] = []
        if reading.isInhibited { words.append("inhibited") }
        if reading.isFull { words.append("overload") }
        if words.isEmpty { return counts }
        return "\(reading.activeConnections)".padded(10) + " "
            + "\(reading.inactiveConnections)".padded(10) + " " + words.joined(separator: " ")
    }

    private func traffic(_ reading: TrafficReading) -> String {
        [
            reading.connections, reading.packetsIn, reading.packetsOut, reading.bytesIn,
            reading.bytesOut,
        ]
        .map { $0.column(isExact: isExact) }.joined()
    }
}

extension ServiceReadings {
    /// Services and backends by their addresses, as `ipvsadm` lists them: marks and matches last.
    package var sorted: ServiceReadings {
        var readings = self
        readings.services = services.map(\.sorted)
            .sorted { $0.service.key.rank < $1.service.key.rank }
        return readings
    }

    /// What was counted between an earlier reading and this one, divided by the seconds between them.
    package func rates(since earlier: ServiceReadings, seconds: Double) -> ServiceReadings {
        let before = Dictionary(earlier.services.map { ($0.service.key, $0) }) { first, _ in first }
        var readings = self
        for index in services.indices {
            let old = before[services[index].service.key]
            readings.services[index].traffic.subtract(old?.traffic, seconds)
            let backends = Dictionary(
                old?.backends.map { ($0.endpoint, $0.traffic) } ?? []
            ) { first, _ in first }
            for place in services[index].backends.indices {
                let endpoint = services[index].backends[place].endpoint
                readings.services[index].backends[place].traffic
                    .subtract(backends[endpoint], seconds)
            }
        }
        return readings
    }
}

extension TrafficReading {
    fileprivate mutating func subtract(_ earlier: TrafficReading?, _ seconds: Double) {
        let rate = { (now: UInt64, before: UInt64?) in
            // Zeroed in between, or new: nothing is known of the time before.
            guard let before, now >= before else { return UInt64(0) }
            return UInt64((Double(now - before) / seconds).rounded())
        }
        connections = rate(connections, earlier?.connections)
        packetsIn = rate(packetsIn, earlier?.packetsIn)
        packetsOut = rate(packetsOut, earlier?.packetsOut)
        bytesIn = rate(bytesIn, earlier?.bytesIn)
        bytesOut = rate(bytesOut, earlier?.bytesOut)
    }
}

extension ServiceReading {
    fileprivate var sorted: ServiceReading {
        // Targets of SNAT are its local addresses: they stay in their order.
        guard service.mode != .snat, service.backends.count == backends.count else { return self }
        var reading = self
        let order = backends.indices.sorted { left, right in
            let (first, second) = (backends[left].endpoint, backends[right].endpoint)
            return (first.address, first.port) < (second.address, second.port)
        }
        if order == Array(backends.indices) { return self }
        reading.backends = order.map { backends[$0] }
        reading.service.backends = order.map { service.backends[$0] }
        return reading
    }
}

extension Service.Key {
    fileprivate var rank: (Int, Int, IPAddress, UInt16, String) {
        let place =
            switch selector {
            case .destination: 0
            case .mark: 1
            case .match: 2
            }
        let transports: [TransportProtocol] = [.icmp, .tcp, .udp, .sctp]
        let transport = transports.firstIndex(of: `protocol`) ?? 0
        if case .mark(let mark) = selector { return (place, Int(mark), address, 0, "") }
        return (
            place, transport, address, ports == .all ? 0 : ports.first,
            place == 2 ? addressText : ""
        )
    }
}
