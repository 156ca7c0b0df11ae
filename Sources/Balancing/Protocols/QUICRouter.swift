// SPDX-License-Identifier: Apache-2.0
import Cryptography

/// From connection ids to backends, under up to seven configurations at once.
///
/// Immutable but for the state of its ciphers: the control side makes one for every worker. What
/// has no route (an unknown configuration, a number that no backend has, an id that a client made
/// up) goes the way of packets without an id, by address and port; draft-ietf-quic-load-balancers-21
/// would have a short header without a route dropped, but its tuple may be known.
@safe
public struct QUICRouter: ~Copyable {
    /// A configuration and who has which number in it.
    public struct Configuration: Sendable {
        public var format: QUICRoutableFormat
        /// Backends, by whatever number the caller has for them.
        public var backends: [QUICServerID: UInt32]

        public init(_ format: QUICRoutableFormat, backends: [QUICServerID: UInt32]) {
            self.format = format
            self.backends = backends
        }
    }

    /// A server id with its configuration in the last octet, which no id reaches.
    private struct Route: BitwiseCopyable {
        var key: AESBlock
        var backend: UInt32
    }

    /// By rotation; only those in `known` are there.
    private let codecs: UnsafeMutablePointer<QUICRoutableCodec>
    private let known: UInt8
    /// In order of their keys.
    private let routes: UnsafeMutablePointer<Route>
    private let count: Int

    /// Nil when two configurations have one rotation, a server id has another length than its
    /// configuration says, or memory is short.
    public init?(_ configurations: [Configuration]) {
        var routes: [Route] = []
        for configuration in configurations {
            for (server, backend) in configuration.backends {
                guard server.count == configuration.format.serverIDLength else { return nil }
                let key = Self.key(server, configuration.format.rotation)
                routes.append(Route(key: key, backend: backend))
            }
        }
        let rotations = Set(configurations.map(\.format.rotation))
        guard rotations.count == configurations.count else { return nil }
        routes.sort { $0.key < $1.key }
        let codecs = UnsafeMutablePointer<QUICRoutableCodec>.allocate(capacity: 8)
        var known: UInt8 = 0
        for configuration in configurations {
            guard let codec = QUICRoutableCodec(configuration.format) else {
                unsafe Self.destroy(codecs, known)
                return nil
            }
            unsafe (codecs + Int(configuration.format.rotation)).initialize(to: codec)
            known |= 1 << configuration.format.rotation
        }
        unsafe self.codecs = unsafe codecs
        self.known = known
        count = routes.count
        unsafe self.routes = .allocate(capacity: max(1, count))
        for (place, route) in routes.enumerated() {
            unsafe (self.routes + place).initialize(to: route)
        }
    }

    deinit {
        unsafe Self.destroy(codecs, known)
        unsafe routes.deallocate()
    }

    @unsafe
    private static func destroy(_ codecs: UnsafeMutablePointer<QUICRoutableCodec>, _ known: UInt8) {
        for rotation in 0..<8 where known & 1 << UInt8(rotation) != 0 {
            unsafe (codecs + rotation).deinitialize(count: 1)
        }
        unsafe codecs.deallocate()
    }

    /// The backend that `id` names; nil when there is no route.
    public func backend(of id: QUICConnectionID) -> UInt32? {
        guard id.count > 0 else { return nil }
        let rotation = UInt8(truncatingIfNeeded: id.bits(at: 0, 3))
        guard known & 1 << rotation != 0 else { return nil }
        guard let server = unsafe codecs[Int(rotation)].serverID(of: id) else { return nil }
        let key = Self.key(server, rotation)
        var low = 0
        var high = count
        while low < high {
            let middle = (low &+ high) >> 1
            if unsafe routes[middle].key < key { low = middle &+ 1 } else { high = middle }
        }
        guard low < count, unsafe routes[low].key == key else { return nil }
        return unsafe routes[low].backend
    }

    private static func key(_ server: QUICServerID, _ rotation: UInt8) -> AESBlock {
        server.block | AESBlock(high: 0, low: UInt64(rotation))
    }
}
