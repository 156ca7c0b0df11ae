// SPDX-License-Identifier: Apache-2.0
import Addressing

/// What was checked before is not checked again.
extension StateChecker {
    /// What hangs on the keys and names of all services, and on own addresses, alone.
    struct Census: Sendable {
        /// In the order of the state.
        private let services: [Service]
        private let addresses: [InterfaceAddress]
        let virtualHosts: Set<IPAddress>
        let ownHosts: Set<IPAddress>
        let ownNetworks: [IPPrefix]
        /// Whether no two services are found by the same, or have the same name.
        var isUnambiguous = false

        init(_ checker: StateChecker) {
            services = checker.objects.services.map(\.value)
            addresses = checker.addresses.map(\.value)
            let virtual = Set(services.compactMap(\.key.prefix))
            ownNetworks = virtual.filter { !$0.isHost }.sorted()
            virtualHosts = Set(virtual.filter(\.isHost).map(\.address))
            ownHosts = virtualHosts.union(addresses.map(\.prefix.address))
        }

        /// Whether it would be the same of what `checker` checks.
        func isOf(_ checker: StateChecker) -> Bool {
            let others = checker.objects.services
            return others.count == services.count
                && zip(services, others)
                    .allSatisfy { $0.isIdentified(as: $1.value) }
                && addresses == checker.addresses.map(\.value)
        }
    }

    /// What the check of a service asks for beside the service.
    final class Surroundings: Equatable, Sendable {
        /// With `addresses` these are all own hosts.
        let virtualHosts: Set<IPAddress>
        let ownNetworks: [IPPrefix]
        let addresses: [InterfaceAddress]
        let routes: [Route]
        let neighbours: [Neighbour]
        let interfaces: [String]
        let sets: [String]
        let bondOfSlave: [String: String]
        /// See `isIncomplete`; and whether routers may tell of more networks.
        let isIncomplete: Bool
        let hearsRouters: Bool

        init(_ checker: StateChecker) {
            virtualHosts = checker.virtualHosts
            ownNetworks = checker.ownNetworks
            addresses = checker.addresses.map(\.value)
            routes = checker.routes.map(\.value)
            neighbours = checker.neighbours.map(\.value)
            interfaces =
                checker.settings.ports.map(\.name) + checker.vlans.map(\.value.name)
                + checker.tunnels.map(\.value.name)
            sets = checker.sets.map(\.value.name)
            bondOfSlave = checker.settings.bondOfSlave
            isIncomplete = checker.isIncomplete
            hearsRouters = checker.settings.isOn("ipv6_defs.accept_ra")
        }

        static func == (left: Surroundings, right: Surroundings) -> Bool {
            left.isIncomplete == right.isIncomplete && left.hearsRouters == right.hearsRouters
                && left.interfaces == right.interfaces && left.bondOfSlave == right.bondOfSlave
                && left.ownNetworks == right.ownNetworks && left.addresses == right.addresses
                && left.routes == right.routes && left.neighbours == right.neighbours
                && left.virtualHosts == right.virtualHosts && left.sets == right.sets
        }
    }
}

extension Service {
    /// Whether both are found by the same and have the same name.
    fileprivate func isIdentified(as other: Service) -> Bool {
        key == other.key && name == other.name
    }
}
