// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import Foundation
import Model
import Testing

@testable import NetworkCommands

/// Lines that scripts read.
@Suite struct TextTests {
    private let network = DesiredState(
        tunnels: [
            TunnelInterface(
                name: "ipip0",
                kind: .ipip,
                remote: IPAddress("172.16.0.3"),
                local: IPAddress("172.16.0.9")
            )
        ],
        addresses: ["dpdk1": "10.0.0.100/32", "dpdk0": "192.168.100.12/24"]
            .sorted { $0.key > $1.key }
            .compactMap { name, text in
                IPPrefix(text).map { InterfaceAddress(interface: name, prefix: $0) }
            }
            + [IPPrefix("2001:db8::1/64")].compactMap(\.self)
            .map { InterfaceAddress(interface: "dpdk0", prefix: $0) },
        routes: [
            Route(
                destination: .any(.ipv4),
                gateway: IPAddress("192.168.100.1"),
                scope: .global
            ),
            Route(
                destination: IPPrefix(host: .v4(IPv4Address(192, 168, 100, 28))),
                interface: "dpdk0",
                scope: .kniHost
            ),
            Route(destination: .any(.ipv6), gateway: IPAddress("2001:db8::fe"), mtu: 1400),
        ]
    )

    @Test func `routes are those of addresses and those given, each with its scope`() {
        let routes = [RouteStatus](of: network, mtus: ["dpdk0": 1500, "dpdk1": 1500])
        #expect(
            routes.map(\.text).joined() == """
                inet 10.0.0.100/32 via 0.0.0.0 src 0.0.0.0 dev dpdk1 mtu 1500 tos 0 scope host metric 0 proto auto
                inet 192.168.100.12/32 via 0.0.0.0 src 0.0.0.0 dev dpdk0 mtu 1500 tos 0 scope host metric 0 proto auto
                inet6 2001:db8::1/128 dev dpdk0 mtu 1500 scope host
                inet 192.168.100.0/24 via 0.0.0.0 src 192.168.100.12 dev dpdk0 mtu 1500 tos 0 scope link metric 0 proto auto
                inet6 2001:db8::/64 src 2001:db8::1 dev dpdk0 mtu 1500 scope link
                inet 0.0.0.0/0 via 192.168.100.1 src 192.168.100.12 dev dpdk0 mtu 1500 tos 0 scope global metric 0 proto auto
                inet 192.168.100.28/32 via 0.0.0.0 src 0.0.0.0 dev dpdk0 mtu 1500 tos 0 scope kni_host metric 0 proto auto
                inet6 default via 2001:db8::fe src 2001:db8::1 dev dpdk0 mtu 1400 scope global

                """
        )
    }

    @Test func `addresses have the ports in use when statistics are wanted`() throws {
        var address = AddressStatus(
            interface: "dpdk0",
            prefix: try #require(IPPrefix("192.168.100.200/32")),
            scope: .global,
            owner: "runtime"
        )
        address.ports = .init(used: 0, free: 1_032_176, misses: 0)
        var options = Options()
        let head = "inet 192.168.100.200/32 scope global dpdk0\n"
        let life = "     valid_lft forever preferred_lft forever"
        #expect(address.text(options) == head + life + "\n")
        options.wantsStatistics = true
        #expect(
            address.text(options)
                == head + life + " sa_used 0 sa_free 1032176 sa_miss 0\n"
        )
    }

    @Test func `a tunnel is one line`() {
        #expect(
            network.tunnels.map(\.text)
                == ["ipip0: ipip remote 172.16.0.3 local 172.16.0.9 ttl inherit\n"]
        )
        var gre = network.tunnels[0]
        gre.kind = .gre
        gre.input = .init(key: 7, hasChecksum: true)
        gre.timeToLive = 64
        gre.service = 16
        gre.link = "dpdk0"
        #expect(
            gre.text == "ipip0: gre remote 172.16.0.3 local 172.16.0.9 dev dpdk0 ttl 64 tos 0x10 "
                + "i_flags csum,key i_key 7\n"
        )
    }

    private func link() throws -> LinkStatus {
        var link = LinkStatus(name: "dpdk0", kind: .port, mtu: 1500)
        link.receiveQueues = 4
        link.transmitQueues = 4
        link.speed = 10_000_000_000
        link.isNegotiated = true
        link.isPromiscuous = true
        link.hasDiscovery = true
        link.macAddress = MACAddress("a0:36:9f:74:ec:f0")
        link.offloads = ["OF_TX_FAST_FREE"]
        link.counters.receivedPackets = 100
        return link
    }

    @Test func `a link is three lines, and its counters are columns`() throws {
        let link = try link()
        #expect(
            link.basics(number: 1) == """
                1: dpdk0: socket 0 mtu 1500 rx-queue 4 tx-queue 4
                    UP 10000 Mbps full-duplex auto-nego promisc lldp
                    addr A0:36:9F:74:EC:F0 OF_TX_FAST_FREE

                """
        )
        let lines = link.counters.columns.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(lines[0] == ["ipackets", "opackets", "ibytes", "obytes"])
        #expect(lines[1] == ["100", "0", "0", "0"])
        #expect(lines[2] == ["ierrors", "oerrors", "imissed", "rx_nombuf"])
    }

    @Test func `rates are what grew since the look before, a second`() throws {
        let before = try link().counters
        var after = before
        after.receivedPackets += 352_312
        let text = after.rates(since: before, seconds: 2, isColoured: false)
        #expect(
            text == """
                    ipackets/pps    opackets/pps    ibytes/Bps      obytes/Bps      \n\
                    176156          0               0               0               \n\
                    ierrors/pps     oerrors/pps     imissed/pps     rx_nombuf/pps   \n\
                    0               0               0               0               \n
                """
        )
        let coloured = after.rates(since: before, seconds: 2, isColoured: true)
        #expect(coloured.contains("\u{1B}[32m176156"))
        // A counter that began anew has grown by what it shows.
        #expect(Rate.text(1000, 30, 3) == "10")
    }

    @Test func `neighbours that have not answered have no address`() throws {
        let address = try #require(IPAddress("10.0.0.9"))
        var neighbour = NeighbourStatus(
            address: address,
            interface: "dpdk0",
            macAddress: nil,
            state: "incomplete"
        )
        #expect(
            neighbour.text == "ip: 10.0.0.9  mac: incomplate  state: SEND  dev: dpdk0  core: 0\n"
        )
        neighbour.macAddress = MACAddress("02:00:00:00:00:01")
        neighbour.state = "permanent"
        #expect(neighbour.text.hasSuffix("state: REACHABLE  dev: dpdk0  core: 0  static\n"))
    }

    @Test(arguments: [
        (
            "edits[0].add.address: address 10.0.0.1 on dpdk0 is there already; accepted: set or put",
            "address 10.0.0.1 on dpdk0 is there already"
        ),
        (
            "edits[0].add.interface.vlan.id: '5000' is not in 1...4094; accepted: 1...4094",
            "vlan.id: '5000' is not in 1...4094; accepted: 1...4094"
        ),
        ("route 10.0.0.0/8: no way", "route 10.0.0.0/8: no way"),
    ])
    func `complaints about edits are in the words of this program`(message: String, said: String) {
        #expect(Session.sentence(message) == said)
    }

    @Test func `edits of a tunnel say what was said, and a change can bring defaults back`() throws
    {
        func fields(_ line: String, isChange: Bool) throws -> EditList.Value? {
            guard case .tunnel(let command) = try invocation(line).command else { return nil }
            switch command {
            case .add(let settings), .change(let settings):
                return try #require(settings.fields(isChange: isChange)["tunnel"])
            default: return nil
            }
        }
        let added = try fields(
            "tunnel add t mode gre remote any okey 0.0.0.9 iseq csum tos inherit",
            isChange: false
        )
        #expect(
            added
                == .object([
                    "kind": .text("gre"), "okey": .text("9"), "iseq": .flag(true),
                    "icsum": .flag(true), "ocsum": .flag(true),
                ])
        )
        let changed = try fields(
            "tunnel change t remote any ttl inherit tos inherit",
            isChange: true
        )
        #expect(
            changed
                == .object([
                    "remote": EditList.Value.none, "ttl": .number(0), "tos": EditList.Value.none,
                ])
        )
    }

    @Test func `batches are JSON that edits are read from`() throws {
        var edits = EditList()
        edits.append(.add, "route", ["to": .text("10.0.0.0/8"), "via": nil, "mtu": .number(1400)])
        let text = String(decoding: try edits.batch(), as: UTF8.self)
        #expect(
            text
                == #"{"edits":[{"add":{"route":{"mtu":1400,"to":"10.0.0.0/8"}}}]}"#
        )
    }
}
