// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Model

/// The configuration and the frames of every run.
package enum Template {
    static let clientPort = MACAddress(rawValue: 0x0200_0000_0001)
    static let backendPort = MACAddress(rawValue: 0x0200_0000_0002)
    static let virtualAddress = IPv4Address(10, 0, 0, 100)
    /// Whom clients ask by SNAT: a host behind the gateway of the backends.
    static let outsider = IPv4Address(10, 2, 0, 1)
    /// Services of one virtual address, when there are more than one.
    private static let servicesPerAddress = 16

    // MARK: - Frames

    /// A frame of 64 octets at most from 11.0.0.0:1024 to port 80 of `destination`, with a right header
    /// checksum; TCP opens a connection, and carries data only when asked to.
    package static func frame(
        _ protocol: TransportProtocol,
        to mac: MACAddress,
        at destination: IPv4Address = virtualAddress,
        carriesData: Bool = true
    ) -> [UInt8] {
        var frame: [UInt8] = octets(mac.rawValue, 6) + [2, 0, 0, 0, 1, 0] + [0x08, 0x00]
        let transport: [UInt8] =
            switch `protocol` {
            // Ports, sequence, acknowledgment, offset and SYN, window, checksum, urgent pointer.
            case .tcp:
                [4, 0, 0, 80] + [0, 0, 0, 1, 0, 0, 0, 0] + [0x50, 0x02] + [0xFF, 0xFF, 0x12, 0x34]
                    + [0, 0] + Array(repeating: 0x5A, count: carriesData ? 10 : 0)
            // Ports, length 30, checksum, 22 octets of data.
            case .udp: [4, 0, 0, 80] + [0, 30, 0x12, 0x34] + Array(repeating: 0x5A, count: 22)
            // Nobody measures them: they go the careful way.
            case .sctp, .icmp: preconditionFailure("plain packets are TCP or UDP")
            }
        let length = 20 + transport.count
        // The identification is the complement of the source's low half: see `LoopState.write`.
        var header: [UInt8] = [0x45, 0] + octets(UInt64(length), 2) + [0xFF, 0xFF, 0x40, 0]
        header +=
            [64, `protocol`.ipProtocol(for: .v4(destination)).rawValue, 0, 0] + [11, 0, 0, 0]
        header += octets(UInt64(destination.rawValue), 4)
        header.replaceSubrange(10..<12, with: octets(UInt64(checksum(header)), 2))
        frame += header + transport
        return frame
    }

    /// The Internet checksum (RFC 1071) of an even number of octets.
    package static func checksum(_ octets: some Collection<UInt8>) -> UInt16 {
        var sum = 0
        var isHigh = true
        for octet in octets {
            sum += isHigh ? Int(octet) << 8 : Int(octet)
            isHigh.toggle()
        }
        while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
        return UInt16(~sum & 0xFFFF)
    }

    static func octets(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }

    // MARK: - Configuration

    /// Where `count` services listen, a power of two; one of them: port 80 of the virtual address.
    static func endpoints(_ count: Int) -> [(address: UInt32, port: UInt16)] {
        if count == 1 { return [(virtualAddress.rawValue, 80)] }
        let base = IPv4Address(10, 0, 64, 0).rawValue
        return (0..<count)
            .map {
                (
                    base + UInt32($0 / servicesPerAddress),
                    80 + UInt16($0 % servicesPerAddress)
                )
            }
    }

    private static func key(
        _ protocol: TransportProtocol,
        _ mode: ForwardingMode,
        _ endpoint: (address: UInt32, port: UInt16)
    ) -> Service.Key {
        if mode == .snat {
            let match = TrafficMatch(source: .any(.ipv4), destination: .any(.ipv4))
            return Service.Key(.match(match), `protocol`)
        }
        return Service.Key(
            address: .v4(IPv4Address(rawValue: endpoint.address)),
            port: endpoint.port,
            protocol: `protocol`
        )
    }

    /// The data of `frame` reads as a short header whose id is of this configuration, encrypted, and
    /// names no backend.
    private static var quic: QUICOptions {
        let key = QUICKey(hexadecimal: "8f95f09245765f80256934e50c66207f")
        return QUICOptions(configurations: [
            .init(id: 2, serverIDLength: 3, nonceLength: 4, key: key)
        ])
    }

    /// Services, with the clients and the backends each behind a gateway.
    ///
    /// One service has 16 backends, many have 4 each; all share the local addresses.
    static func state(
        _ protocol: TransportProtocol,
        _ mode: ForwardingMode = .fnat,
        _ clientAddress: ClientAddressMode? = nil,
        isQUIC: Bool = false,
        services count: Int,
        localAddresses: Int
    ) -> DesiredState? {
        guard
            let clientNetwork = IPPrefix("10.0.0.1/24"),
            let backendNetwork = IPPrefix("10.0.1.1/24"),
            let backends = IPPrefix("10.2.0.0/16")
        else { return nil }
        let base = IPv4Address(10, 2, 0, 1).rawValue
        let backendCount = count == 1 ? 16 : 4
        let locals = (0..<localAddresses).map { IPAddress.v4(IPv4Address(10, 0, 3, UInt8($0))) }
        let services = endpoints(count).enumerated()
            .map { index, endpoint in
                Service(
                    key: key(`protocol`, mode, endpoint),
                    name: "bench\(index)",
                    mode: mode,
                    localAddresses: mode == .fnat || mode == .snat ? locals : [],
                    clientAddress: clientAddress,
                    quic: isQUIC ? quic : nil,
                    backends: mode == .snat
                        ? []
                        : (0..<backendCount)
                            .map { number in
                                let address = base + UInt32((index * backendCount + number) & 0xFFF)
                                return Backend(
                                    endpoint: Endpoint(
                                        .v4(IPv4Address(rawValue: address)),
                                        mode == .dr || mode == .tunnel ? endpoint.port : 8080
                                    ),
                                    quicServerID: isQUIC ? [1, 2, UInt8(number)] : nil
                                )
                            }
                )
            }
        return DesiredState(
            addresses: [
                InterfaceAddress(interface: "client", prefix: clientNetwork),
                InterfaceAddress(interface: "backend", prefix: backendNetwork),
            ],
            routes: [
                Route(destination: .any(.ipv4), gateway: .v4(IPv4Address(10, 0, 0, 254))),
                Route(destination: backends, gateway: .v4(IPv4Address(10, 0, 1, 254))),
            ],
            services: services
        )
    }
}
