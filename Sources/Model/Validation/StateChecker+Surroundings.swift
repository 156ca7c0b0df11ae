// SPDX-License-Identifier: Apache-2.0
import Addressing

/// What was checked before is not checked again.
extension StateChecker {
    /// What the check of a service asks for beside the service.
    final class Surroundings: Equatable, Sendable {
        let ownHosts: Set<IPAddress>
        let ownNetworks: [IPPrefix]
        let addresses: [InterfaceAddress]
        let routes: [Route]
        let neighbours: [Neighbour]
        let interfaces: [String]
        let bondOfSlave: [String: String]
        /// See `isIncomplete`; and whether routers may tell of more networks.
        let isIncomplete: Bool
        let hearsRouters: Bool

        init(_ checker: StateChecker) {
            ownHosts = checker.ownHosts
            ownNetworks = checker.ownNetworks
            addresses = checker.addresses.map(\.value)
            routes = checker.routes.map(\.value)
            neighbours = checker.neighbours.map(\.value)
            interfaces =
                checker.settings.ports.map(\.name) + checker.vlans.map(\.value.name)
                + checker.tunnels.map(\.value.name)
            bondOfSlave = checker.settings.bondOfSlave
            isIncomplete = checker.isIncomplete
            hearsRouters = checker.settings.isOn("ipv6_defs.accept_ra")
        }

        static func == (left: Surroundings, right: Surroundings) -> Bool {
            left.isIncomplete == right.isIncomplete && left.hearsRouters == right.hearsRouters
                && left.interfaces == right.interfaces && left.bondOfSlave == right.bondOfSlave
                && left.ownNetworks == right.ownNetworks && left.addresses == right.addresses
                && left.routes == right.routes && left.neighbours == right.neighbours
                && left.ownHosts == right.ownHosts
        }
    }
}
