// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Testing

@testable import RealIP

@Suite struct ReceiverStatusTests {
    private static let status = ReceiverStatus(
        name: "web",
        process: 17,
        started: Date(timeIntervalSince1970: 1_800_000_000),
        group: "/sys/fs/cgroup/system.slice/nginx.service",
        interfaces: [.init(name: "eth0", isRead: true), .init(name: "eth1", isRead: false)],
        datagrams: .rewrite,
        questions: .last,
        believed: ["10.0.1.200", "10.0.2.0/24"],
        problems: ["there is no interface eth1"],
        counters: [.connectionsIPv4: 12, .datagramsForged: 3]
    )

    @Test func `the text says what is served, believed, wrong and counted`() {
        let text = Self.status.text
        #expect(
            text.hasPrefix(
                """
                receiver web, process 17, since 2027-01-15T08:00:00Z
                control group: /sys/fs/cgroup/system.slice/nginx.service
                UDP: recvfrom and its kin tell the client; interfaces: eth0, eth1 (not read)
                getsockopt 2048: answers for the datagram received last (see dpvs-realip check)
                believed: 10.0.1.200, 10.0.2.0/24
                problem: there is no interface eth1
                          12  connections whose TOA told an IPv4 client

                """
            ),
            "\(text)"
        )
    }

    @Test func `it is the same after JSON`() throws {
        let data = try ControlJSON.encode(Self.status)
        #expect(try ControlJSON.decode(ReceiverStatus.self, from: data) == Self.status)
        #expect(String(decoding: data, as: UTF8.self).contains(#""connectionsIPv4":12"#))
    }

    @Test func `every counter is a sample of its own`() throws {
        let lines = Self.status.metrics.split(separator: "\n")
        let samples = lines.filter { !$0.hasPrefix("#") }.map { $0.prefix { $0 != " " } }
        #expect(Set(samples).count == samples.count)
        #expect(lines.contains(#"dpvs_realip_connections_total{receiver="web",result="ipv4"} 12"#))
        #expect(lines.contains(#"dpvs_realip_datagrams_total{receiver="web",result="forged"} 3"#))
        #expect(lines.contains(#"dpvs_realip_interface_read{receiver="web",interface="eth1"} 0"#))
        #expect(lines.contains(#"dpvs_realip_problems{receiver="web"} 1"#))
        let families = lines.filter { $0.hasPrefix("# TYPE") }
        #expect(Set(families).count == families.count)
    }
}
