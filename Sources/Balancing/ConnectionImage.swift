// SPDX-License-Identifier: Apache-2.0
public import Timing

/// A copy of one connection with its keys, as its worker had it at one moment.
public struct ConnectionImage: BitwiseCopyable, Sendable {
    public let connection: Connection
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
        return ConnectionImage(
            connection: unsafe entry(reference).pointee,
            client: self.flow(.inbound, of: reference),
            backend: self.flow(.outbound, of: reference)
        )
    }

    /// Puts a copy of another table's connection here; nil when the table is full.
    public mutating func restore(_ image: ConnectionImage, deadline: Tick) -> UInt32? {
        insert(
            image.connection,
            client: image.client,
            backend: image.backend,
            clientHash: hash(image.client),
            deadline: deadline
        )
    }
}
