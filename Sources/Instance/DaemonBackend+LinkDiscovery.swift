// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import DPDK
import Dataplane
import Linux
import MetricsExposition
import Timing

extension DaemonBackend {
    func linkDiscovery() async -> [LinkDiscoveryStatus] {
        zip(machine.ports.ports, machine.slowPath.linkDiscovery)
            .map { port, report in
                var status = LinkDiscoveryStatus(port: port.name, isOn: report.isOn)
                status.sent = report.sent
                status.received = report.received
                status.malformed = report.malformed
                status.ignored = report.ignored
                let now = Host.monotonicNanoseconds
                status.neighbours = report.neighbours.map { neighbour, expires in
                    var shown = LinkDiscoveryStatus.Neighbour(neighbour)
                    let left = max(now, expires.nanoseconds) - now
                    shown.expiresIn = Int(left / 1_000_000_000)
                    return shown
                }
                if report.isOn { status.own = own(port) }
                return status
            }
    }

    /// What our messages say on a port, but for addresses.
    private func own(_ port: PortSet.Port) -> LinkDiscoveryStatus.Neighbour {
        let station = Station.thisMachine
        var own = LinkDiscoveryStatus.Neighbour(
            chassis: port.device.facts.macAddress.description,
            port: port.name
        )
        own.systemName = station.name
        own.systemDescription = station.description
        own.capabilities = LinkNeighbour.Capabilities.stationOnly.names
        own.expiresIn = LinkDiscoveryReport.timeToLive
        return own
    }

    /// Of ports where it is on.
    func linkDiscoveryStatistics() async -> [LinkDiscoveryStatistics] {
        await linkDiscovery().filter(\.isOn)
            .map { link in
                LinkDiscoveryStatistics(
                    port: link.port,
                    neighbours: UInt64(link.neighbours.count),
                    sent: link.sent,
                    received: link.received,
                    malformed: link.malformed,
                    ignored: link.ignored
                )
            }
    }
}

extension LinkDiscoveryStatus.Neighbour {
    fileprivate init(_ neighbour: LinkNeighbour) {
        self.init(chassis: neighbour.chassis.text, port: neighbour.port.text)
        portDescription = neighbour.portDescription
        systemName = neighbour.systemName
        systemDescription = neighbour.systemDescription
        capabilities = neighbour.enabledCapabilities.names
        managementAddresses = neighbour.managementAddresses
        organisationFields = neighbour.organisationFields.map { field in
            let organisation = [16, 8, 0]
                .map { UInt8(truncatingIfNeeded: field.organisation >> $0) }
            let name = Self.digits(organisation).joined(separator: "-")
            return "\(name) \(field.subtype) \(Self.digits(field.octets).joined())"
        }
    }

    private static func digits(_ octets: [UInt8]) -> [String] {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }
    }
}

extension Station {
    /// The machine, or the pod, with its own name for itself.
    static var thisMachine: Station {
        Station(
            name: Host.name,
            description: "\(BuildInformation.text), Linux \(Host.kernelRelease)"
        )
    }
}
