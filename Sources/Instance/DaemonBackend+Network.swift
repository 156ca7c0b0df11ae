// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import DPDK
import Dataplane
import Linux
import Model
import Networking
import Packet
import Provisioning
import Reload
import Timing

/// Addresses, routes, neighbours and groups as they are used.
extension DaemonBackend {
    func addresses() async -> [AddressStatus] {
        let running = await reloader.running
        let duplicates = Set(machine.slowPath.duplicateAddresses.map(\.address))
        let totals = await machine.conductor.totals(of: ServiceFilter(["-"]))
        let ports = Dictionary(
            totals.localAddresses.map {
                let ports = AddressStatus.Ports(
                    used: $0.used,
                    free: $0.capacity - min($0.used, $0.capacity),
                    misses: $0.exhausted
                )
                return ($0.address, ports)
            }
        ) { first, _ in first }
        var result = running.addresses.map { address in
            var status = AddressStatus(
                interface: address.interface,
                prefix: address.prefix,
                scope: address.prefix.address.ipv6?.isLinkLocal == true ? .link : .global,
                owner: address.owner.description
            )
            status.ports = ports[address.prefix.address]
            status.isDuplicate = duplicates.contains(address.prefix.address)
            return status
        }
        let given = Set(running.addresses.map(\.prefix.address))
        for address in ports.keys.filter({ !given.contains($0) }).sorted() {
            var status = AddressStatus(
                interface: running.interface(toward: address) ?? "",
                prefix: IPPrefix(host: address),
                scope: .global,
                owner: "localAddresses of services"
            )
            status.isGiven = false
            status.ports = ports[address]
            status.isDuplicate = duplicates.contains(address)
            result.append(status)
        }
        return result
    }

    func routes() async -> [RouteStatus] {
        let interfaces = await machine.conductor.interfaces
        let mtus = Dictionary(interfaces.map { ($0.name, $0.mtu) }) { first, _ in first }
        return [RouteStatus](of: await reloader.running, mtus: mtus)
    }

    func neighbours() async -> [NeighbourStatus] {
        let names = await interfaceNames()
        return machine.slowPath.neighbourEntries
            .sorted { ($0.key.interface, $0.key.address) < ($1.key.interface, $1.key.address) }
            .map { entry in
                NeighbourStatus(
                    address: entry.key.address,
                    interface: names[entry.key.interface] ?? "",
                    macAddress: entry.mac == .zero ? nil : entry.mac,
                    state: entry.state.rawValue
                )
            }
    }

    func groups() async -> [GroupStatus] {
        let joined = NetworkInterface.groups()
        let discovered = machine.slowPath.linkDiscovery.map(\.isOn)
        return await machine.conductor.interfaces.map { interface in
            let members = machine.slowPath.groups(on: interface.id)
            let kernel =
                machine.companions.all[interface.id]
                .flatMap { joined[$0.name] } ?? []
            var links = members.map { group, count in
                let address = MACAddress(rawValue: 0x3333 << 32 | group.low & 0xFFFF_FFFF)
                return GroupStatus.Group(
                    address.description,
                    users: count,
                    isOfKernel: kernel.contains(address.rawValue)
                )
            }
            if interface.id.isPort, discovered.indices.contains(interface.id.index),
                discovered[interface.id.index]
            {
                links.append(.init("01:80:c2:00:00:0e", users: 1))
            }
            let known = Set(links.map(\.address))
            links += kernel.map { MACAddress(rawValue: $0).description }
                .filter { !known.contains($0) }
                .map { .init($0, users: 0, isOfKernel: true) }
            var status = GroupStatus(interface: interface.name)
            status.links = links.sorted { $0.address < $1.address }
            status.addresses = members.sorted { $0.key < $1.key }
                .map { .init("\($0.key)", users: $0.value) }
            return status
        }
    }

    private func interfaceNames() async -> [InterfaceID: String] {
        let interfaces = await machine.conductor.interfaces
        return Dictionary(interfaces.map { ($0.id, $0.name) }) { first, _ in first }
    }
}

extension DesiredState {
    /// The interface whose network has an address, of several the smallest.
    fileprivate func interface(toward address: IPAddress) -> String? {
        addresses.filter { $0.prefix.contains(address) }
            .max { $0.prefix.length < $1.prefix.length }?
            .interface
    }
}
