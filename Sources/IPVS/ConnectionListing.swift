// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import Model

/// What `ipvsadm -c` prints: a line each, without a head.
enum ConnectionListing {
    static func line(_ connection: ConnectionReading) -> String {
        let time = "\(connection.expires)s"
        let local = connection.local ?? connection.client
        return "[\(connection.worker)]\(connection.protocol.rawValue.padded(3)) \(time.padded(6)) "
            + "\(state(connection).padded(11)) \(connection.client.description.padded(18)) "
            + "\(connection.virtual.description.padded(18)) \(local.description.padded(18)) "
            + "\(connection.backend)\n"
    }

    /// As the tool of DPVS calls it: what metrics say in capitals, but for UDP that was not answered.
    private static func state(_ connection: ConnectionReading) -> String {
        connection.state == "oneway" ? "ONE_WAY" : connection.state.uppercased()
    }

    static func query(
        of service: Service.Key?,
        _ pair: Request.SocketPair?
    ) -> ConnectionQuery {
        var query = ConnectionQuery()
        if let service { query.services = [service.description] }
        if let pair {
            query.protocol = pair.transport
            query.client = .init(IPPrefix(host: pair.client.address), port: pair.client.port)
            query.virtual = .init(IPPrefix(host: pair.virtual.address), port: pair.virtual.port)
        }
        return query
    }
}
