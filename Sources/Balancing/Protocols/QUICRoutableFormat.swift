// SPDX-License-Identifier: Apache-2.0
import Cryptography

/// A server's number in routable connection ids, 1 to 15 octets.
public struct QUICServerID: Hashable, Sendable, BitwiseCopyable {
    /// The octets, then zeros.
    var block: AESBlock
    /// Octets.
    public let count: Int

    init(block: AESBlock, count: Int) {
        self.block = block
        self.count = count
    }

    /// Nil unless there are 1 to 15.
    public init?(_ octets: [UInt8]) {
        guard (1...15).contains(octets.count), let id = QUICConnectionID(octets) else { return nil }
        self.init(block: id.block(at: 0, octets.count * 8), count: octets.count)
    }
}

/// One configuration of QUIC-LB (draft-ietf-quic-load-balancers-21): how servers write their
/// number into connection ids, and the balancer reads it.
///
///      0             3               8
///     +-------------+---------------+-----------------------------+-----------------+
///     | rotation (3)| length - 1 or | server id (8 * 1...15)      | nonce           |
///     | 0...6       | random (5)    | ................ encrypted together, with a key |
///     +-------------+---------------+-----------------------------+-----------------+
///
/// A server id has at least one octet, a nonce four, and together they have 19 at most.
public struct QUICRoutableFormat: Hashable, Sendable {
    /// Which of several configurations an id is made by; 7 means "none".
    public let rotation: UInt8
    public let serverIDLength: Int
    public let nonceLength: Int
    /// 16 octets, or nil: ids in the clear.
    public let key: [UInt8]?

    /// Nil when the draft forbids it.
    public init?(rotation: UInt8, serverIDLength: Int, nonceLength: Int, key: [UInt8]?) {
        guard
            rotation < 7, (1...15).contains(serverIDLength), (4...18).contains(nonceLength),
            serverIDLength + nonceLength <= 19, key.map({ $0.count == AES128.keyLength }) ?? true
        else { return nil }
        self.rotation = rotation
        self.serverIDLength = serverIDLength
        self.nonceLength = nonceLength
        self.key = key
    }

    /// Octets after the first.
    public var bodyLength: Int { serverIDLength + nonceLength }
}
