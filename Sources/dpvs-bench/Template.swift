// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

/// The configuration and the frames of every run.
enum Template {
    static let virtualAddress = IPv4Address(10, 0, 0, 100)

    /// A 64-octet frame from 11.0.0.0:1024 to the virtual address, with right checksums.
    static func frame(_ protocol: TransportProtocol, to mac: MACAddress) -> [UInt8] {
        var frame: [UInt8] = octets(mac.rawValue, 6) + [2, 0, 0, 0, 1, 0] + [0x08, 0x00]
        let transport: [UInt8] =
            switch `protocol` {
            // Ports, sequence, acknowledgment, offset and SYN, window, checksum, urgent pointer.
            case .tcp:
                [4, 0, 0, 80] + [0, 0, 0, 1, 0, 0, 0, 0] + [0x50, 0x02] + [0xFF, 0xFF, 0x12, 0x34]
                    + [0, 0]
            // Ports, length 30, checksum, 22 octets of data.
            case .udp: [4, 0, 0, 80] + [0, 30, 0x12, 0x34] + Array(repeating: 0x5A, count: 22)
            }
        let length = 20 + transport.count
        // The identification is the complement of the source's low half: see `LoopState.write`.
        var header: [UInt8] = [0x45, 0] + octets(UInt64(length), 2) + [0xFF, 0xFF, 0x40, 0]
        header += [64, `protocol`.ipProtocol.rawValue, 0, 0] + [11, 0, 0, 0]
        header += octets(UInt64(virtualAddress.rawValue), 4)
        var sum = stride(from: 0, to: 20, by: 2)
            .reduce(0) {
                $0 + Int(header[$1]) << 8 + Int(header[$1 + 1])
            }
        while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
        header.replaceSubrange(10..<12, with: octets(UInt64(~sum & 0xFFFF), 2))
        frame += header + transport
        return frame
    }

    /// One FNAT service with one backend, each side behind its gateway.
    static func state(_ protocol: TransportProtocol) -> DesiredState? {
        guard
            let clientNetwork = IPPrefix("10.0.0.1/24"),
            let backendNetwork = IPPrefix("10.0.1.1/24"),
            let backends = IPPrefix("10.0.2.0/24")
        else { return nil }
        let key = Service.Key(address: .v4(virtualAddress), port: 80, protocol: `protocol`)
        return DesiredState(
            addresses: [
                InterfaceAddress(interface: "client", prefix: clientNetwork),
                InterfaceAddress(interface: "backend", prefix: backendNetwork),
            ],
            routes: [
                Route(destination: .any(.ipv4), gateway: .v4(IPv4Address(10, 0, 0, 254))),
                Route(destination: backends, gateway: .v4(IPv4Address(10, 0, 1, 254))),
            ],
            services: [
                Service(
                    key: key,
                    name: "bench",
                    localAddresses: (0..<64).map { .v4(IPv4Address(10, 0, 3, UInt8($0))) },
                    backends: (1...16)
                        .map {
                            Backend(endpoint: Endpoint(.v4(IPv4Address(10, 0, 2, UInt8($0))), 8080))
                        }
                )
            ]
        )
    }

    private static func octets(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }
}
