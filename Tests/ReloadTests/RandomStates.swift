// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import PacketTesting

extension DesiredState {
    /// Few different keys, so that two states share some.
    static func random(_ generator: inout SeededGenerator) -> DesiredState {
        DesiredState(
            settings: .random(&generator),
            vlans: keys(&generator)
                .map { index in
                    VLANInterface(
                        name: "eth0.\(index)",
                        link: "eth0",
                        id: generator.pick([index, 99]),
                        innerID: generator.pick([nil, 7]),
                        owner: owner(&generator)
                    )
                },
            tunnels: keys(&generator)
                .map { index in
                    TunnelInterface(
                        name: "t\(index)",
                        kind: generator.pick([.gre, .ipip]),
                        remote: .v4(IPv4Address(192, 0, 2, UInt8(index))),
                        input: .init(key: generator.pick([nil, 7])),
                        timeToLive: generator.pick([0, 9]),
                        owner: owner(&generator)
                    )
                },
            addresses: keys(&generator)
                .map { index in
                    let address = IPAddress.v4(IPv4Address(10, 0, 0, UInt8(index)))
                    let length = generator.pick([24, 32])
                    return InterfaceAddress(
                        interface: "eth0",
                        prefix: IPPrefix(address, length: length) ?? IPPrefix(host: address),
                        owner: owner(&generator)
                    )
                },
            routes: keys(&generator)
                .map { index in
                    let network = IPAddress.v4(IPv4Address(10, UInt8(index), 0, 0))
                    return Route(
                        destination: IPPrefix(network, length: 16) ?? IPPrefix(host: network),
                        gateway: generator.pick([nil, .v4(IPv4Address(10, 0, 0, 254))]),
                        interface: generator.pick([nil, "eth0"]),
                        mtu: generator.pick([nil, 1400]),
                        owner: owner(&generator)
                    )
                },
            neighbours: keys(&generator)
                .map { index in
                    Neighbour(
                        interface: "eth0",
                        address: .v4(IPv4Address(10, 0, 0, UInt8(100 + index))),
                        macAddress: MACAddress(rawValue: generator.pick([0x0200_0000_0001, 2])),
                        owner: owner(&generator)
                    )
                },
            services: keys(&generator)
                .map { index in
                    var service = Service.sample("s\(index)", port: UInt16(index))
                    service.scheduler = generator.pick([.rr, .mh])
                    service.schedulerOptions = generator.pick([
                        SchedulerOptions(),
                        SchedulerOptions(flags: [.mhPort, .mhFallback], maglevTableSize: 251),
                    ])
                    service.slowStart = generator.pick([nil, .seconds(10)])
                    service.connectionTimeout = generator.pick([nil, .seconds(30)])
                    service.clientAddress = generator.pick([nil, ClientAddressMode.none, .proxyV1])
                    service.persistence = generator.pick([nil, Persistence(mask: 24)])
                    service.isOnePacket = generator.pick([true, false])
                    service.portsPerSource = generator.pick([nil, 100])
                    service.protection = generator.pick([
                        Protection(), Protection(maxConnections: 5, drainTimeout: .seconds(9)),
                        Protection(rateLimit: RateLimit(packets: 7, bits: 8000), packetShare: 9),
                        Protection(healthCheck: .random(&generator), healthPanic: .serveNone),
                    ])
                    service.owner = owner(&generator)
                    service.backends = keys(&generator)
                        .map { index in
                            let address = IPAddress.v4(IPv4Address(10, 0, 1, UInt8(index)))
                            return Backend(
                                endpoint: Endpoint(address, 80),
                                weight: generator.pick([0, 1, 100]),
                                maxConnections: generator.pick([nil, 10]),
                                healthCheck: generator.pick([
                                    nil, .off, .own([.random(&generator)]),
                                    .own([.random(&generator), .random(&generator)]),
                                ])
                            )
                        }
                    return service
                }
        )
    }

    /// The same, all of one owner.
    func owned(by owner: Owner) -> DesiredState {
        var state = self
        for kind in Self.kinds { kind.give(to: owner, in: &state) }
        return state
    }

    /// Some numbers in some order, each once.
    private static func keys(_ generator: inout SeededGenerator) -> [Int] {
        Array((1...8).shuffled(using: &generator).prefix(generator.pick([0, 1, 3, 6, 8])))
    }

    private static func owner(_ generator: inout SeededGenerator) -> Owner {
        generator.pick([.file("a.yaml"), .runtime, .kernel])
    }
}

extension Settings {
    static func random(_ generator: inout SeededGenerator) -> Settings {
        var settings = Settings()
        for item in ItemCatalogue.items.shuffled(using: &generator).prefix(4) {
            settings.items[item.path] = .integer(generator.pick([1, 2]))
        }
        settings.devices = ["eth0", "eth1"].shuffled(using: &generator)
            .prefix(generator.pick([0, 2]))
            .map { NamedBlock(name: $0, path: "netif_defs.device") }
        return settings
    }
}

extension SeededGenerator {
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &self)]
    }
}

extension HealthCheck {
    static func random(_ generator: inout SeededGenerator) -> HealthCheck {
        let probe: HealthProbe = generator.pick([
            .tcp(.init()), .tcp(.init(send: [0, 255], expect: Array("a: \"b\"".utf8))),
            .udp(.init(send: Array("hex:".utf8), expect: [])),
            .http(.init(method: .options, path: "/?a=b#c", host: "x", status: [200...200])),
            .http(.init(status: [200...299, 404...404], tls: .init(isVerified: true))),
            .smtp(.init(name: "a.b")),
            .http(.init(expect: Array("yes".utf8), tls: .init(serverName: "x.y"))), .ping,
            .dns(.init(name: "a.b.", record: .txt)), .script(.init(words: ["/bin/x", "-y", "1"])),
        ])
        return HealthCheck(
            probe,
            interval: generator.pick([.milliseconds(100), .seconds(90)]),
            retryInterval: generator.pick([nil, .seconds(1)]),
            timeout: generator.pick([.milliseconds(50), .seconds(2)]),
            rise: generator.pick([1, 9]),
            fall: generator.pick([1, 9]),
            address: generator.pick([nil, .v4(IPv4Address(10, 9, 9, 9))]),
            port: generator.pick([nil, 8080]),
            source: generator.pick([nil, .v4(IPv4Address(10, 9, 9, 1))]),
            interface: generator.pick([nil, "eth9"]),
            beginsDown: generator.pick([true, false])
        )
    }
}
