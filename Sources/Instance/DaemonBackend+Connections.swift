// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Control
import Model
import Provisioning
import Timing

/// Connections that workers have.
extension DaemonBackend {
    func connections(_ query: ConnectionQuery) async throws -> ConnectionPages {
        let walk = try await ConnectionWalk(query, machine.conductor)
        let place = Walker(walk)
        return ConnectionPages {
            guard let (worker, seen) = try await place.next() else { return nil }
            return walk.page(of: worker, seen)
        }
    }

    func endConnections(_ query: ConnectionQuery) async throws -> Int {
        let walk = try await ConnectionWalk(query, machine.conductor)
        let place = Walker(walk)
        var ended = 0
        while let (worker, seen) = try await place.next() {
            ended += try await walk.conductor.end(seen, of: worker)
        }
        return ended
    }

    /// Where a walk is.
    private actor Walker {
        private let walk: ConnectionWalk
        private var place: ConnectionPlace

        init(_ walk: ConnectionWalk) {
            self.walk = walk
            place = walk.query.place
        }

        /// nil: all workers' tables were walked.
        func next() async throws -> (worker: Int, seen: [SeenConnection])? {
            guard place.worker < walk.owners.workerIDs.count else { return nil }
            let worker = place.worker
            let sight = try await walk.conductor.connections(
                of: worker,
                from: place.position,
                walk.pattern
            )
            place =
                sight.next.map { ConnectionPlace(worker: worker, position: $0) }
                ?? ConnectionPlace(worker: worker + 1, position: 0)
            return (worker, sight.connections.filter { walk.owners[$0.backendSlot] != nil })
        }
    }
}

/// A way through the tables of all workers, one behind the other.
private struct ConnectionWalk: Sendable {
    let query: ConnectionQuery
    let conductor: Conductor
    let pattern: FlowPattern
    let owners: ConnectionOwners

    /// Throws `ProblemDetails` when there is no such state.
    init(_ query: ConnectionQuery, _ conductor: Conductor) async throws {
        self.query = query
        self.conductor = conductor
        let states = try query.states.flatMap { name in
            guard let states = Self.states[name] else {
                let known = Self.states.keys.sorted().joined(separator: ", ")
                throw ProblemDetails(.badRequest, "'\(name)' is no state; accepted: \(known)")
            }
            return states
        }
        pattern = FlowPattern(
            client: query.client.map { FlowPattern.End($0.prefix, port: $0.port) },
            virtual: query.virtual.map { FlowPattern.End($0.prefix, port: $0.port) },
            protocol: query.protocol?.flowProtocol,
            states: states
        )
        owners = await conductor.owners(ServiceFilter(query.services), query.backend)
    }

    /// Names, which states of different protocols may share.
    private static let states = Dictionary(grouping: ConnectionState.allCases) { "\($0.name)" }

    func page(of worker: Int, _ seen: [SeenConnection]) -> ConnectionPage {
        var page = ConnectionPage()
        page.connections.reserveCapacity(seen.count)
        page.places.reserveCapacity(seen.count)
        for connection in seen {
            guard let owner = owners[connection.backendSlot] else { continue }
            page.connections.append(
                ConnectionReading(connection, owner, worker: owners.workerIDs[worker])
            )
            page.places.append(ConnectionPlace(worker: worker, position: connection.position + 1))
        }
        return page
    }
}

extension ConnectionReading {
    fileprivate init(
        _ seen: SeenConnection,
        _ owner: ConnectionOwners.Owner,
        worker: Int
    ) {
        let virtual = Endpoint(seen.client.destination.address, seen.client.destinationPort)
        // What a one-way connection's backend would answer with is the virtual address.
        let backend =
            seen.kind.isTwoWay
            ? Endpoint(seen.backend.source.address, seen.backend.sourcePort)
            : Endpoint(owner.backend.address, virtual.port)
        let local =
            seen.kind.holdsLocalPort
            ? Endpoint(seen.backend.destination.address, seen.backend.destinationPort) : nil
        self.init(
            worker: worker,
            protocol: TransportProtocol(seen.client.protocol),
            state: "\(seen.state.name)",
            mode: ForwardingMode(seen.kind),
            client: Endpoint(seen.client.source.address, seen.client.sourcePort),
            virtual: virtual,
            local: local,
            backend: backend,
            service: owner.serviceText,
            expires: Int(UInt64(seen.remaining) << Tick.shift / 1_000_000_000)
        )
    }
}

extension TransportProtocol {
    fileprivate init(_ number: FlowProtocol) {
        self =
            switch number {
            case .tcp: .tcp
            case .udp: .udp
            case .sctp: .sctp
            case .icmp: .icmp
            }
    }

    fileprivate var flowProtocol: FlowProtocol {
        switch self {
        case .tcp: .tcp
        case .udp: .udp
        case .sctp: .sctp
        case .icmp: .icmp
        }
    }
}

extension ForwardingMode {
    fileprivate init(_ kind: ConnectionKind) {
        self =
            switch kind {
            case .fnat: .fnat
            case .nat: .nat
            case .snat: .snat
            case .direct: .dr
            case .tunnel: .tunnel
            }
    }
}
