// SPDX-License-Identifier: Apache-2.0
import Addressing
import Foundation
import Model
import Testing

@Suite struct DesiredStateTests {
    private func service(
        _ address: String,
        _ port: UInt16,
        _ kind: TransportProtocol = .tcp
    ) throws
        -> Service
    {
        let address = try #require(IPAddress(address))
        return Service(
            key: .init(address: address, port: port, protocol: kind),
            name: "web",
            scheduler: .wrr,
            localAddresses: [address],
            connectionTimeout: .seconds(90),
            backends: [Backend(endpoint: Endpoint(address, 8080), weight: 5)],
            owner: .file("web.yaml")
        )
    }

    @Test func `a state survives being coded`() throws {
        let state = DesiredState(
            addresses: [
                InterfaceAddress(
                    interface: "dpdk0",
                    prefix: try #require(IPPrefix("10.0.0.1/24")),
                    owner: .kernel
                )
            ],
            routes: [
                Route(
                    destination: .any(.ipv4),
                    gateway: .v4(IPv4Address(10, 0, 0, 254)),
                    mtu: 1400
                ),
                Route(destination: .any(.ipv6), interface: "dpdk0", owner: .file("routes.yaml")),
            ],
            services: [try service("10.0.0.100", 80), try service("2001:db8::1", 53, .udp)]
        )
        let coded = try JSONEncoder().encode(state)
        #expect(try JSONDecoder().decode(DesiredState.self, from: coded) == state)
    }

    @Test func `keys are printed as people say them`() throws {
        #expect(try service("10.0.0.100", 80).key.description == "tcp 10.0.0.100:80")
        #expect(try service("::1", 53, .udp).key.description == "udp [::1]:53")
        let address = InterfaceAddress(
            interface: "dpdk0",
            prefix: try #require(IPPrefix("10.0.0.1/24"))
        )
        #expect(address.key.description == "10.0.0.1 on dpdk0")
        let route = Route(destination: try #require(IPPrefix("10.1.0.0/16")), interface: "dpdk0")
        #expect(route.key.description == "10.1.0.0/16")
    }

    @Test func `services are in order of address, port and protocol`() throws {
        let keys = try [
            service("10.0.0.9", 443), service("10.0.0.100", 53), service("10.0.0.100", 53, .udp),
            service("10.0.0.100", 80), service("::1", 1),
        ]
        .map(\.key)
        #expect(keys.reversed().sorted() == keys)
    }

    @Test(arguments: [
        (Owner.file("a/b.yaml"), "a/b.yaml"), (.runtime, "runtime"), (.kernel, "kernel"),
    ])
    func `owners are named`(owner: Owner, name: String) {
        #expect(owner.description == name)
    }

    @Test func `a protocol is that of IP`() {
        #expect(
            TransportProtocol.icmp.ipProtocol(for: .v4(.any)) == .icmp
                && TransportProtocol.icmp.ipProtocol(for: .v6(.any)) == .icmpv6
        )
    }
}
