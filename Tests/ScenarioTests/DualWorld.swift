// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Model
import Packet
import PacketTesting
import Provisioning

/// Which families a client and a backend speak.
enum Families: String, CaseIterable, CustomStringConvertible {
    case ipv4, ipv6, nat64

    var description: String { rawValue }

    var client: String { self == .ipv4 ? "10.0.0.10" : "2001:db8::10" }
    var vip: String { self == .ipv4 ? "10.0.0.100" : "2001:db8::100" }
    var backend: String { self == .ipv6 ? "2001:db8:1::2" : "10.0.1.2" }
    var local: String { self == .ipv6 ? "2001:db8:1::200" : "10.0.1.200" }
    /// A router on the side of the backends, which we do not know.
    var router: String { self == .ipv6 ? "2001:db8:1::ffff" : "10.0.1.254" }
    var clientIsIPv6: Bool { self != .ipv4 }
    var backendIsIPv6: Bool { self == .ipv6 }
}

extension DesiredState {
    /// Both links with both families, and one service.
    static func dual(
        _ families: Families,
        _ mode: ForwardingMode = .fnat,
        _ protocol: TransportProtocol = .tcp,
        tunnel: Tunnel? = nil,
        backendPort: UInt16? = nil
    ) -> DesiredState {
        func address(_ text: String) -> IPAddress {
            guard let address = IPAddress(text) else { preconditionFailure(text) }
            return address
        }
        let keepsPort = mode == .dr || mode == .tunnel
        let service = Service(
            key: .init(address: address(families.vip), port: 80, protocol: `protocol`),
            name: "web",
            mode: mode,
            tunnel: tunnel,
            localAddresses: mode == .fnat ? [address(families.local)] : [],
            backends: [
                Backend(
                    endpoint: Endpoint(
                        address(families.backend),
                        backendPort ?? (keepsPort ? 80 : 8080)
                    )
                )
            ]
        )
        return DesiredState(
            addresses: [
                InterfaceAddress(interface: "dpdk0", prefix: .literal("10.0.0.1/24")),
                InterfaceAddress(interface: "dpdk0", prefix: .literal("2001:db8::1/64")),
                InterfaceAddress(interface: "dpdk1", prefix: .literal("10.0.1.1/24")),
                InterfaceAddress(interface: "dpdk1", prefix: .literal("2001:db8:1::1/64")),
            ],
            routes: [],
            services: [service]
        )
    }
}

/// A world with both families on both links, in which duplicate address detection is over.
func dualWorld(
    _ state: DesiredState,
    workers: Int = 1,
    mtus: [UInt16] = [1500, 1500],
    offloads: PortTraits.Offloads = [],
    companions: [Int] = [],
    after handover: Handover? = nil
) throws -> World {
    let world = try World(
        state,
        workers: workers,
        mtus: mtus,
        offloads: offloads,
        companions: companions,
        after: handover
    )
    for last in 10...20 {
        world.hosts[0][IPv4Address(10, 0, 0, UInt8(last))] = .client(last)
        let low = UInt64("\(last)", radix: 16) ?? 0
        world.hosts6[0][IPv6Address(high: 0x2001_0DB8_0000_0000, low: low)] = .client(last)
    }
    for last in 2...9 {
        world.hosts[1][IPv4Address(10, 0, 1, UInt8(last))] = .backend(last)
        world.hosts6[1][IPv6Address(high: 0x2001_0DB8_0001_0000, low: UInt64(last))] =
            .backend(last)
    }
    world.advance(.seconds(2))
    _ = (world.takeARP(0), world.takeARP(1), world.take(0), world.take(1))
    _ = (world.takePackets(0), world.takePackets(1))
    return world
}

extension IPPacket {
    /// Source and destination port.
    var ports: (source: UInt16, destination: UInt16) {
        guard payload.count >= 4 else { return (0, 0) }
        return (UInt16(Self.number(payload, 0, 2)), UInt16(Self.number(payload, 2, 2)))
    }

    /// `10.0.0.1:80`.
    var from: String { Endpoint(source, ports.source).description }
    var to: String { Endpoint(destination, ports.destination).description }

    /// Whether the header's and the transport checksum are right.
    var isSound: Bool {
        guard hasValidHeader, let offset = checksumOffset else { return hasValidHeader }
        return Self.number(payload, offset, 2) == Self.number(withChecksum.payload, offset, 2)
    }
}

extension MACAddress {
    var octets: [UInt8] {
        (0..<6).map { UInt8(truncatingIfNeeded: rawValue >> UInt64(40 - $0 * 8)) }
    }
}
