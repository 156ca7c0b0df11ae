// SPDX-License-Identifier: Apache-2.0
import DPDK
import Logging
import Model
import Provisioning
import Synchronization

/// What takes VLANs into its filter: a device, or a test.
protocol FiltersVLANs: Sendable {
    /// Lets frames with the tag `vlan` in, or no longer.
    func filter(vlan: Int, isWanted: Bool) throws(DPDKError)
}

extension Device: FiltersVLANs {}

/// Keeps the filters of devices that let frames of a VLAN in only when they are told to.
///
/// A device is told of no VLAN until there is one on it, so that a port without VLANs stays as its
/// driver starts it.
final class VLANFilters: VLANAdmission {
    /// A port and what it is made of: several devices when it is a bond.
    struct Port: Sendable {
        var name: String
        var devices: [(name: String, filter: any FiltersVLANs)]
    }

    /// Frames with a tag of priority only: they are the port's own.
    private static let priorityOnly = 0

    private let ports: [Port]
    /// Identifiers in the filters of each port.
    private let admitted = Mutex<[String: Set<Int>]>([:])
    private let logger: Logger

    init(_ ports: [Port], logger: Logger) {
        self.ports = ports.filter { !$0.devices.isEmpty }
        self.logger = logger
    }

    func admit(_ vlans: [VLANInterface]) {
        admitted.withLock { admitted in
            for port in ports {
                let wanted = Self.identifiers(of: port, vlans)
                let fresh = wanted.subtracting(admitted[port.name] ?? [])
                guard !fresh.isEmpty else { continue }
                tell(port, fresh, isFirst: admitted[port.name] == nil)
                admitted[port.name, default: []].formUnion(fresh)
            }
        }
    }

    func retain(_ vlans: [VLANInterface]) {
        admitted.withLock { admitted in
            for port in ports {
                let wanted = Self.identifiers(of: port, vlans)
                for vlan in (admitted[port.name] ?? []).subtracting(wanted) {
                    for device in port.devices {
                        // One that keeps letting them in does no harm: no interface is for them.
                        try? device.filter.filter(vlan: vlan, isWanted: false)
                    }
                    admitted[port.name]?.remove(vlan)
                }
            }
        }
    }

    /// Tells the devices of a port once more, when they may have forgotten: a virtual function whose
    /// physical one was reset comes back with an empty filter.
    func renew(_ name: String) {
        admitted.withLock { admitted in
            guard let port = ports.first(where: { $0.name == name }),
                let vlans = admitted[name], !vlans.isEmpty
            else { return }
            tell(port, vlans, isFirst: true)
        }
    }

    private func tell(_ port: Port, _ vlans: Set<Int>, isFirst: Bool) {
        for device in port.devices {
            // Some need no such entry and refuse it.
            if isFirst { try? device.filter.filter(vlan: Self.priorityOnly, isWanted: true) }
            for vlan in vlans.sorted() {
                do {
                    try device.filter.filter(vlan: vlan, isWanted: true)
                } catch {
                    logger.error(
                        """
                        \(device.name) does not take VLAN \(vlan) into its filter, so frames of that \
                        VLAN may not arrive (on a virtual function the host may have to allow it, with \
                        `ip link set PF vf N trust on`): \(error)
                        """
                    )
                }
            }
        }
    }

    private static func identifiers(of port: Port, _ vlans: [VLANInterface]) -> Set<Int> {
        Set(vlans.filter { $0.link == port.name }.map(\.id))
    }
}

extension VLANFilters.Port {
    /// The port with those of its devices that filter.
    init(_ port: PortSet.Port) {
        let all = port.bond?.slaves.map { ($0.name, $0.device) } ?? [(port.name, port.device)]
        self.init(
            name: port.name,
            devices: all.filter { $1.facts.filtersVLANs }
        )
    }
}
