// SPDX-License-Identifier: Apache-2.0
public import Timing

/// A copy of one connection with its keys, as its worker had it at one moment.
public struct ConnectionImage: BitwiseCopyable, Sendable {
    public let connection: Connection
    /// What its packets are changed by, of one that has such a state.
    let side: SideState?
    /// How the client's packets come in.
    public let client: Flow
    /// How the backend's packets come in; of one-way connections, how they would.
    public let backend: Flow
}

extension ConnectionTable {
    /// The connection that packets of `flow` belong to.
    public mutating func image(of flow: Flow) -> ConnectionImage? {
        let reference = find(flow)
        guard reference != Self.none else { return nil }
        let connection = unsafe entry(reference).pointee
        return ConnectionImage(
            connection: connection,
            side: connection.hasSideState ? unsafe side(reference).pointee : nil,
            client: self.flow(.inbound, of: reference),
            backend: self.flow(.outbound, of: reference)
        )
    }

    /// Puts a copy of another table's connection here; nil when the table is full.
    public mutating func restore(_ image: ConnectionImage, deadline: Tick) -> UInt32? {
        let reference = insert(
            image.connection,
            client: image.client,
            backend: image.backend,
            clientHash: hash(image.client),
            deadline: deadline
        )
        if let reference, let state = image.side { unsafe side(reference).initialize(to: state) }
        return reference
    }
}

extension Balancer {
    /// Ports that the source of `flow` holds here by SNAT, or a few more.
    public mutating func heldPorts(of flow: Flow) -> UInt32 { sources.count(of: flow.source) }

    /// Counts ports of the source of `flow` that another balancer holds for it.
    public mutating func assumeHeldPorts(_ ports: UInt32, of flow: Flow) {
        sources.add(flow.source, ports: ports)
    }
}
