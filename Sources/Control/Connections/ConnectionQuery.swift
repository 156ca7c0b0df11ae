// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Model

/// Which connections are meant; without anything all are.
package struct ConnectionQuery: Equatable, Sendable {
    /// One end of a connection: an address or a network, and a port.
    package struct End: Equatable, Sendable {
        package var prefix: IPPrefix
        /// nil: any.
        package var port: UInt16?

        package init(_ prefix: IPPrefix, port: UInt16? = nil) {
            self.prefix = prefix
            self.port = port
        }

        /// `10.0.0.0/24`, `10.0.0.7`, `10.0.0.7:50000`, `[2001:db8::7]:50000`.
        package init?(_ text: String) {
            if let endpoint = Endpoint(text) {
                self.init(IPPrefix(host: endpoint.address), port: endpoint.port)
            } else if let prefix = IPPrefix(text) {
                self.init(prefix.network)
            } else {
                return nil
            }
        }
    }

    /// Names or keys of services, with `*` and `?`.
    package var services: [String] = []
    /// Port 0: any of the address.
    package var backend: Endpoint?
    package var client: End?
    package var virtual: End?
    package var `protocol`: TransportProtocol?
    /// As metrics call them; empty: all.
    package var states: [String] = []
    /// Where a list goes on.
    package var place = ConnectionPlace()

    package init() {}

    /// Whether all connections are meant.
    package var isEverything: Bool {
        var query = self
        query.place = ConnectionPlace()
        return query == ConnectionQuery()
    }
}

/// Where a list of connections goes on: `0:4096`, the worker in its place and a position of its table.
package struct ConnectionPlace: Equatable, Sendable, LosslessStringConvertible {
    package var worker = 0
    package var position: UInt32 = 0

    package init() {}

    package init(worker: Int, position: UInt32) {
        self.worker = worker
        self.position = position
    }

    package init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let worker = UInt16(parts[0]), let position = UInt32(parts[1])
        else {
            return nil
        }
        self.init(worker: Int(worker), position: position)
    }

    package var description: String { "\(worker):\(position)" }
}
