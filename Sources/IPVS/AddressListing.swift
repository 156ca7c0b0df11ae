// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Control
import Model

/// What `ipvsadm -G`, `-B` and `-W` print.
package enum AddressListing {
    /// Local addresses of services; ports in use and conflicts are those of all services together.
    package static func localAddresses(of readings: ServiceReadings) -> String {
        let known = Dictionary(
            readings.localAddresses.map { ($0.address, $0) }
        ) { first, _ in first }
        var text = line(["VIP:VPORT", "TOTAL", "SNAT_IP", "CONFLICTS", "CONNS"])
        for service in readings.services.map(\.service) where service.mode == .fnat {
            text += line([service.key.place, "\(service.localAddresses.count)", "", "", ""])
            for address in service.localAddresses {
                let conflicts = known[address]?.exhausted ?? 0
                let used = known[address]?.portsInUse ?? 0
                text += line(["", "", "\(address)", "\(conflicts)", "\(used)"])
            }
        }
        return text
    }

    private static func line(_ cells: [String]) -> String {
        let widths = [20, 8, 20, 10, 0]
        var text = zip(cells, widths).map { $0.padded($1) }.joined(separator: " ")
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }

    /// The lists of clients that services deny or allow, a client a line.
    package static func clients(_ list: Request.ClientList, of readings: ServiceReadings) -> String
    {
        func line(_ cells: (String, String, String)) -> String {
            cells.0.padded(8) + " " + cells.1.padded(30) + " " + cells.2 + "\n"
        }
        var text = line(("PROTO", "VIP:VPORT", list == .denied ? "BLACKLIST" : "WHITELIST"))
        for service in readings.services.map(\.service) {
            for client in service.access[keyPath: list.path] {
                let transport = service.key.protocol.rawValue.uppercased()
                text += line((transport, service.key.place, client.tool))
            }
        }
        return text
    }
}
