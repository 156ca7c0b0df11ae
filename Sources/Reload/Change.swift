// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Model

/// One step from a desired state to another; every state in between can be run.
package enum Change: Equatable, Sendable {
    /// The list that a change of order is about.
    package enum Order: Equatable, Sendable {
        case vlans([String])
        case tunnels([String])
        case addresses([InterfaceAddress.Key])
        case routes([Route.Key])
        case neighbours([Neighbour.Key])
        case services([Service.Key])
        case backends(of: ServiceTitle, [Endpoint])
    }

    /// Kinds of named blocks.
    package enum Blocks: String, Sendable, CaseIterable {
        case devices, bonds, workers
    }

    /// nil: the file does not mention it.
    case item(path: String, from: ItemValue?, to: ItemValue?)
    case blocks(Blocks, from: [NamedBlock], to: [NamedBlock])

    /// `after`: the one that comes before it in the list, here and below; nil: it is the first.
    case addVLAN(VLANInterface, after: String?)
    case changeVLAN(from: VLANInterface, to: VLANInterface)
    case removeVLAN(VLANInterface)

    case addTunnel(TunnelInterface, after: String?)
    case changeTunnel(from: TunnelInterface, to: TunnelInterface)
    case removeTunnel(TunnelInterface)

    case addAddress(InterfaceAddress, after: InterfaceAddress.Key?)
    case changeAddress(from: InterfaceAddress, to: InterfaceAddress)
    case removeAddress(InterfaceAddress)

    case addRoute(Route, after: Route.Key?)
    case changeRoute(from: Route, to: Route)
    case removeRoute(Route)

    case addNeighbour(Neighbour, after: Neighbour.Key?)
    case changeNeighbour(from: Neighbour, to: Neighbour)
    case removeNeighbour(Neighbour)

    /// With its backends.
    case addService(Service, after: Service.Key?)
    /// Everything but the backends.
    case changeService(from: Service, to: Service)
    case removeService(Service)

    case addBackend(Backend, of: ServiceTitle, after: Endpoint?)
    case changeBackend(of: ServiceTitle, from: Backend, to: Backend)
    case removeBackend(Backend, of: ServiceTitle)

    case order(Order)
}

/// What a service is found by, and what people call it.
package struct ServiceTitle: Equatable, Sendable, CustomStringConvertible {
    package var key: Service.Key
    package var name: String

    package init(_ service: Service) {
        key = service.key
        name = service.name
    }

    /// `service web (tcp 10.0.0.100:80)`.
    package var description: String { "service \(name) (\(key))" }
}
