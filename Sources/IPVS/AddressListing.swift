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

    /// The title of a list of clients; there are no such lists, so nothing follows.
    package static func clients(_ title: String) -> String {
        "PROTO".padded(8) + " " + "VIP:VPORT".padded(30) + " " + title + "\n"
    }
}
