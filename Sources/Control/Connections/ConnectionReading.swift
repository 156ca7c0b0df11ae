// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Model

/// A connection as its worker had it at one moment.
package struct ConnectionReading: Equatable, Codable, Sendable {
    /// The number of the worker that owns it.
    package var worker: Int
    package var `protocol`: TransportProtocol
    /// As metrics call it.
    package var state: String
    package var mode: ForwardingMode
    package var client: Endpoint
    /// What the client asks.
    package var virtual: Endpoint
    /// From where the backend is asked, by modes that rewrite the source.
    package var local: Endpoint?
    package var backend: Endpoint
    /// The key of the service.
    package var service: String
    /// Seconds until it ends when it stays silent.
    package var expires: Int

    package init(
        worker: Int,
        protocol: TransportProtocol,
        state: String,
        mode: ForwardingMode,
        client: Endpoint,
        virtual: Endpoint,
        local: Endpoint?,
        backend: Endpoint,
        service: String,
        expires: Int
    ) {
        self.worker = worker
        self.protocol = `protocol`
        self.state = state
        self.mode = mode
        self.client = client
        self.virtual = virtual
        self.local = local
        self.backend = backend
        self.service = service
        self.expires = expires
    }
}

extension ConnectionReading {
    /// The columns of `csv`, which JSON has as members.
    package static let columns = [
        "worker", "protocol", "state", "mode", "client", "virtual", "local", "backend", "service",
        "expires",
    ]

    /// A line of comma-separated values (RFC 4180), without its end.
    ///
    /// No value has a comma but matches of services, which stand in quotes.
    package var csv: String {
        let service = service.contains(",") ? "\"\(service)\"" : service
        return "\(worker),\(`protocol`.rawValue),\(state),\(mode.rawValue),\(client),\(virtual),"
            + "\(local.map(\.description) ?? ""),\(backend),\(service),\(expires)"
    }

    /// An object of JSON; of a million, which an encoder would take several times as long for.
    package var json: String {
        let local = local.map { "\"\($0)\"" } ?? "null"
        return
            "{\"worker\":\(worker),\"protocol\":\"\(`protocol`.rawValue)\",\"state\":\"\(state)\","
            + "\"mode\":\"\(mode.rawValue)\",\"client\":\"\(client)\",\"virtual\":\"\(virtual)\","
            + "\"local\":\(local),\"backend\":\"\(backend)\",\"service\":\"\(service)\","
            + "\"expires\":\(expires)}"
    }
}

/// Some connections, and where the next ones are; nil: there are no more.
package struct ConnectionPage: Sendable {
    package var connections: [ConnectionReading] = []
    /// Behind each of `connections`: where a list that ends with it goes on.
    package var places: [ConnectionPlace] = []

    package init() {}
}

/// Pages of a list, each made when it is asked for.
package typealias ConnectionPages = AsyncThrowingStream<ConnectionPage, any Error>

/// By what connections are counted.
package enum ConnectionGrouping: String, CaseIterable, Sendable {
    case state, service, backend, client

    package func name(of connection: ConnectionReading) -> String {
        switch self {
        case .state: "\(connection.protocol.rawValue) \(connection.state)"
        case .service: connection.service
        case .backend: connection.backend.description
        case .client: connection.client.address.description
        }
    }
}

/// How many connections there are, by something.
package struct ConnectionCounts: Equatable, Codable, Sendable {
    package struct Group: Equatable, Codable, Sendable {
        package var name: String
        package var connections: Int

        package init(name: String, connections: Int) {
            self.name = name
            self.connections = connections
        }
    }

    package var total = 0
    /// The largest first.
    package var groups: [Group] = []
    /// Groups that are not told because others have more.
    package var omitted = 0

    package init() {}
}

/// What became of a request to end connections.
package struct EndedConnections: Equatable, Codable, Sendable {
    package var ended: Int

    package init(ended: Int) { self.ended = ended }
}
