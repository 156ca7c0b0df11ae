// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Model

/// What a command line of `ipvsadm` asks for.
package struct Request: Equatable, Sendable {
    package enum Action: Equatable, Sendable {
        case change(ServiceChange)
        case list(View, of: Service.Key?)
        case connections(of: Service.Key?, SocketPair?)
        case localAddresses(of: Service.Key?)
        case clientLists(ClientList)
        case zero(Service.Key?)
        case save
        case restore
        case help
        case version
        /// A command of old scripts from which nothing follows.
        case nothing
    }

    /// Who is kept out of a service, or let in.
    package enum ClientList: Equatable, Sendable {
        case denied, allowed
    }

    /// The one connection of `--sockpair`.
    package struct SocketPair: Equatable, Sendable {
        package var transport: TransportProtocol
        package var client: Endpoint
        package var virtual: Endpoint
    }

    /// The columns of a listing.
    package enum View: Equatable, Sendable {
        case connections, statistics, rates, thresholds, persistence, timeouts, daemons
    }

    package var action: Action
    /// Numbers in full in place of K, M, G and T.
    package var isExact = false
    /// In the order of the configuration in place of that of addresses.
    package var isUnsorted = false
    package var isJSON = false
    package var instance: String?
    package var socket: String?
    /// What is accepted and has no effect, a sentence each.
    package var remarks: [String] = []

    init(_ action: Action) { self.action = action }
}

/// A change of what is balanced.
package enum ServiceChange: Equatable, Sendable {
    case addService(Service.Key, ServiceOptions)
    case editService(Service.Key, ServiceOptions)
    case deleteService(Service.Key)
    case clear
    case addServer(Service.Key, ServerOptions)
    case editServer(Service.Key, ServerOptions)
    case deleteServer(Service.Key, ServerOptions)
    case addLocalAddress(Service.Key, IPAddress, interface: String?)
    case deleteLocalAddress(Service.Key, IPAddress, interface: String?)
    case addClient(Service.Key, Request.ClientList, AddressSource)
    case deleteClient(Service.Key, Request.ClientList, AddressSource)
}

/// What a command line says of a service; nil: nothing.
package struct ServiceOptions: Equatable, Sendable {
    /// 0 brings the default back.
    package enum Seconds: Equatable, Sendable {
        case usual
        case exactly(Int)
    }

    package var scheduler: SchedulerKind?
    package var schedulerFlags: Set<SchedulerOptions.Flag>?
    package var hashTarget: SchedulerOptions.HashTarget?
    package var persistence: Seconds?
    package var mask: Int?
    package var isOnePacket = false
    package var expiresQuiescent = false
    package var destCheck: Value.Check?
    /// Seconds; 0: those of the protocol.
    package var connectionTimeout: Int?
    package var clientAddress: ClientAddressMode??
    package var readsQUIC = false

    package init() {}
}

/// What a command line says of a real server; nil: nothing.
package struct ServerOptions: Equatable, Sendable {
    package var address: IPAddress
    package var port: UInt16?
    package var mode: ForwardingMode?
    package var tunnel: Tunnel?
    package var weight: Int?
    /// 0: as many as come.
    package var maxConnections: Int?
    package var minConnections: Int?

    package init(_ address: IPAddress, port: UInt16? = nil) {
        self.address = address
        self.port = port
    }
}
