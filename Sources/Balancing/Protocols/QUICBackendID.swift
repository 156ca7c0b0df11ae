// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// The backend that a connection id names in the clear: the layout of DPVS' `quic` services.
///
///     bit  0        8       11     12          12 + 8n            (+ 16)
///         +--------+-------+------+-----------+-------------------+-----------------+
///         | any    | n - 1 | port | low octets| port of the       | nonce           |
///         | octet  |  (3)  | flag | of the    | backend, if the   | (at least 32    |
///         |        |       | (1)  | address n | flag is set       | random bits)    |
///         +--------+-------+------+-----------+-------------------+-----------------+
///
/// So n is 1 to 8 and fields begin in the middle of octets. 192.168.111.222:8029 with n = 2:
/// `XX 36 FD E1 F5 DX XX XX XX XX`. A server takes its own address and port, as the balancer knows
/// them, and as many octets of the address as tell it from all other backends of the service. The
/// id tells everybody where a connection goes; `QUICRoutableCodec` hides it.
public struct QUICBackendID: Hashable, Sendable, BitwiseCopyable {
    private enum Bit {
        static let length = 8, hasPort = 11, address = 12, nonce = 32
    }

    /// The low octets of the address, as a number.
    public var address: UInt64
    /// Octets of `address`, 1 to 8.
    public var addressLength: Int
    public var port: UInt16?

    /// Nil unless `addressLength` is 1 to 8.
    public init?(_ address: IPAddress, addressLength: Int, port: UInt16?) {
        switch address {
        case .v4(let address):
            guard (1...4).contains(addressLength) else { return nil }
            self.address = UInt64(address.rawValue) & Self.mask(addressLength)
        case .v6(let address):
            guard (1...8).contains(addressLength) else { return nil }
            self.address = address.low & Self.mask(addressLength)
        }
        self.addressLength = addressLength
        self.port = port
    }

    /// Reads a connection id, or the octets after the first of a short header; nil when it is too
    /// short for what it says it holds.
    public init?(_ id: QUICConnectionID) {
        guard id.count >= 2 else { return nil }
        addressLength = Int(id.bits(at: Bit.length, 3)) &+ 1
        let hasPort = id.bits(at: Bit.hasPort, 1) == 1
        let afterAddress = Bit.address &+ addressLength &* 8
        guard afterAddress &+ (hasPort ? 16 : 0) &+ Bit.nonce <= id.count &* 8 else { return nil }
        address = id.bits(at: Bit.address, addressLength &* 8)
        port = hasPort ? UInt16(truncatingIfNeeded: id.bits(at: afterAddress, 16)) : nil
    }

    /// Names `address`: with more octets than an IPv4 address has, none of IPv4.
    public func matches(_ address: IPv4Address, port: UInt16) -> Bool {
        addressLength <= 4 && matches(UInt64(address.rawValue), port)
    }

    public func matches(_ address: IPv6Address, port: UInt16) -> Bool {
        matches(address.low, port)
    }

    private func matches(_ low: UInt64, _ port: UInt16) -> Bool {
        low & Self.mask(addressLength) == address && (self.port ?? port) == port
    }

    private static func mask(_ octets: Int) -> UInt64 { UInt64.max >> (64 &- octets &* 8) }

    /// A connection id of `count` octets that names this backend, for servers; nil when it leaves
    /// less than 32 bits to chance or is longer than 20.
    public func connectionID(
        count: Int,
        using random: inout some RandomNumberGenerator
    ) -> QUICConnectionID? {
        let afterAddress = Bit.address + addressLength * 8
        let nonce = afterAddress + (port == nil ? 0 : 16)
        guard nonce + Bit.nonce <= count * 8, count <= QUICConnectionID.longest else { return nil }
        var id = QUICConnectionID(zeros: count)
        id.fill(from: 0, using: &random)
        id.set(UInt64(addressLength - 1), at: Bit.length, 3)
        id.set(port == nil ? 0 : 1, at: Bit.hasPort, 1)
        id.set(address, at: Bit.address, addressLength * 8)
        if let port { id.set(UInt64(port), at: afterAddress, 16) }
        return id
    }
}
