// SPDX-License-Identifier: Apache-2.0
public import Packet

/// Gives identifiers to VLANs and tunnels, the same to the same one for the whole run.
///
/// A value, which a compilation may change and drop; an `InterfaceTable` makes it known to the workers.
/// Identifiers are positions in a hash table of these keys:
///
///      63     62 58  57       56 40 39     24 23     12 11      0
///     +------+------+--------+-----+---------+---------+---------+
///     | used | 0    | tunnel | 0   | port    | outer   | inner   |
///     +------+------+--------+-----+---------+---------+---------+
///
/// Of a tunnel the last 24 bits are its identifier, and the key names no port.
public struct InterfaceNumbers: Sendable, Equatable {
    /// Interfaces of one run that are no ports, those included that are gone.
    public static let capacity = 4096

    static let places = capacity * 2
    static let tunnel: UInt64 = 1 << 57
    private static let used: UInt64 = 1 << 63

    /// By place; 0 where there is none.
    private(set) var keys: [UInt64] = []
    /// By place: the port that carries it now.
    private(set) var ports: [UInt16] = []
    private var count = 0

    public init() {}

    /// The identifier of the VLAN with `tags` on a port, given now unless it has one; nil when there
    /// were too many.
    public mutating func reserve(port: Int, _ tags: VLANTags) -> InterfaceID? {
        reserve(Self.key(port, tags), port)
    }

    /// The same of the tunnel with a number, from now on served by `port`.
    public mutating func reserve(tunnel number: Int, port: Int) -> InterfaceID? {
        reserve(Self.used | Self.tunnel | UInt64(number & 0xFF_FFFF), port)
    }

    /// The port that carries an interface; a port carries itself.
    public func port(of interface: InterfaceID) -> Int {
        guard !interface.isPort else { return interface.index }
        let place = interface.index - InterfaceID.portLimit
        return ports.indices.contains(place) ? Int(ports[place]) : 0
    }

    static func key(_ port: Int, _ tags: VLANTags) -> UInt64 {
        used | UInt64(UInt16(truncatingIfNeeded: port)) << 24
            | UInt64(tags.outer & 0xFFF) << 12 | UInt64(tags.inner & 0xFFF)
    }

    /// The place of a key, or the empty one where it would stand; at most half of them are used.
    @inline(__always)
    static func search(_ key: UInt64, _ keyAt: (Int) -> UInt64) -> Int {
        var place = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 40)
        while true {
            place &= places - 1
            let found = keyAt(place)
            if found == 0 || found == key { return place }
            place &+= 1
        }
    }

    private mutating func reserve(_ key: UInt64, _ port: Int) -> InterfaceID? {
        if keys.isEmpty {
            keys = Array(repeating: 0, count: Self.places)
            ports = Array(repeating: 0, count: Self.places)
        }
        let place = Self.search(key) { keys[$0] }
        if keys[place] == 0 {
            guard count < Self.capacity else { return nil }
            count += 1
            keys[place] = key
        }
        let port = UInt16(truncatingIfNeeded: port)
        if ports[place] != port { ports[place] = port }
        return InterfaceID(index: place + InterfaceID.portLimit)
    }
}
