// SPDX-License-Identifier: Apache-2.0
import Control
import Model
import Testing

@Suite struct TextTests {
    @Test func `the status of a running daemon reads as one page`() throws {
        let text = try Status.sample().text
        #expect(
            text == """
                dpvs 0.1.0, instance default, pid 4711: ready, up 3 d 4 h
                configuration: generation 7, digest 0123456789ab
                restart required: worker_defs, netif_defs.pktpool_size
                memory: 512 hugepages of 2 MB on NUMA node 0

                WORKER  CPU   BUSY  CONNECTIONS  CAPACITY  PACKETS
                     1    2  4.2 %         1200    1.049M   12.35G
                     2    3  0.0 %            0    1.049M        0

                PORT   DRIVER         MAC                 MTU  LINK       QUEUES  RECEIVED  SENT  LOST
                dpdk0  net_af_packet  02:00:00:00:00:01  1500  10 Gbit/s       1    999999     0     0
                dpdk0: steering rss: Toeplitz over a table of 128 places
                dpdk0: kernel companion dpdk0.kni (tap): 12 up, 0 down, 5.000M policed, 0 full

                INTERFACE  LINK   VLAN  INNER  PRIORITY  COMPANION            RECEIVED  SENT
                dpdk0.100  dpdk0   100      7         3  dpdk0.100.kni (tap)        12     0

                SERVICE / BACKEND  ADDRESS             SCHEDULER  WEIGHT  ACTIVE  INACTIVE   TOTAL
                web                tcp 10.0.0.100:80   wrr fnat        3      12        30  4.000M
                  serving            192.168.0.2:8080                  3      12        30       0
                  draining           192.168.0.3:8080                  0       0         0       0

                1 service, 2 backends: 1 serving, 1 draining

                DROPPED      STAGE    PACKETS
                tcp_not_syn  balance       23
                no_service   balance       17

                """
        )
    }

    @Test func `a status of nothing has no empty tables`() {
        #expect(Status.empty.text.split(separator: "\n").count == 2)
    }

    @Test func `no line is longer than the terminal, whatever the names`() throws {
        var status = try Status.sample()
        status.services[0].name = String(repeating: "a-very-long-name-", count: 10)
        status.ports[0].driver = String(repeating: "x", count: 90)
        let tables = status.text.split(separator: "\n").dropFirst(4)
        #expect(tables.allSatisfy { $0.count <= TextTable.lineWidth })
        #expect(status.text.contains("…  tcp 10.0.0.100:80 "))
    }

    @Test func `numbers stand right and words left`() {
        var table = TextTable(.left("NAME"), .right("N"))
        table.append("a", "1000")
        table.append("größe", "5")
        #expect(table.text() == "NAME      N\na      1000\ngröße     5\n")
    }

    @Test(arguments: [
        (0, "0"), (999_999, "999999"), (1_000_000, "1.000M"), (12_345_678, "12.35M"),
        (123_456_789_012, "123.5G"), (UInt64.max, "18.45E"),
    ])
    func `large counts are shortened`(number: UInt64, text: String) {
        #expect(Quantity.count(number) == text)
    }

    @Test(arguments: [
        (0, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (90_061, "1 d 1 h"),
        (-1, "0 s"), (.nan, "0 s"), (1e300, "11574074 d 1 h"),
    ])
    func `durations have two units`(seconds: Double, text: String) {
        #expect(Quantity.duration(seconds: seconds) == text)
    }

    @Test(arguments: [
        (10_000_000_000, "10 Gbit/s"), (2_500_000_000, "2.5 Gbit/s"), (100_000_000, "100 Mbit/s"),
        (12, "12 bit/s"),
    ])
    func `speeds have units`(speed: UInt64, text: String) {
        #expect(Quantity.bitRate(speed) == text)
    }

    @Test func `the status survives its journey`() throws {
        let status = try Status.sample()
        #expect(try ControlJSON.decode(Status.self, from: ControlJSON.encode(status)) == status)
    }

    @Test(arguments: [
        (
            ReloadReport.Outcome.applied,
            """
            applied in 4.2 ms: generation 7 runs
              set weight of 192.168.0.2:8080 in web to 3

            """
        ),
        (
            .unchanged,
            """
            nothing changed: generation 7 runs on
            restart required: worker_defs

            """
        ),
        (
            .rejected,
            """
            rejected: generation 7 runs on
            web.yaml:12:9: error: services[0].port: '99999' is not a port

            """
        ),
    ])
    func `a reload says what came of it`(outcome: ReloadReport.Outcome, text: String) {
        #expect(ReloadReport.sample(outcome).text == text)
    }

    @Test func `the configuration's status names files, drift and the last reload`() {
        #expect(
            ConfigStatus.sample.text == """
                generation 7, digest 0123456789ab, applied 2023-11-14T21:56:40Z
                  /etc/dpvs/dpvs.conf
                  /etc/dpvs/services/web.yaml
                drift: 1, see dpvs config drift
                restart required: worker_defs
                last reload (file, 2023-11-14T22:13:20Z): rejected: generation 7 runs on
                web.yaml:12:9: error: services[0].port: '99999' is not a port

                """
        )
    }

    @Test func `history is a table`() {
        #expect(
            [HistoryEntry].sample.text == """
                GENERATION  DIGEST        APPLIED               TRIGGER  CHANGES
                         7  0123456789ab  2023-11-14T21:56:40Z  file           3  runs

                """
        )
    }

    @Test func `link-layer discovery names the ports and their neighbours`() {
        let text = [LinkDiscoveryStatus].sample.text
        #expect(
            text == """
                PORT   LLDP  NEIGHBOURS  SENT  RECEIVED  MALFORMED  IGNORED
                dpdk0  on             1     9         8          0        0
                dpdk1  off            0     0         0          0        0

                PORT   SYSTEM  CHASSIS            ITS PORT  CAPABILITIES   ADDRESSES     EXPIRES
                dpdk0  leaf1   02:00:00:00:00:09  eth7      bridge router  10.0.0.9   1 min 33 s

                """
        )
        let off = [LinkDiscoveryStatus(port: "dpdk0", isOn: false)]
        #expect(off.text == "link-layer discovery is off: global_defs.lldp\n")
    }

    @Test func `drift names the object, its owner and what differs`() {
        #expect(
            [DriftEntry].sample.text == """
                service tcp 10.0.0.100:80 (/etc/dpvs/services/web.yaml): different
                  weight of 192.168.0.2:8080: file 1, running 3

                """
        )
        #expect([DriftEntry]().text == "what runs is what the files say\n")
    }

    @Test func `a check lists problems first and what has no effect last`() {
        let report = CheckReport(
            files: ["dpvs.conf"],
            digest: "",
            problems: [
                Problem(.notInEffect, at: "dpvs.conf:3:1", "netif_defs.kni"),
                Problem(.error, at: "dpvs.conf:9:5", "netif_defs.device.mtu: '1' is not an MTU"),
            ]
        )
        #expect(report.hasErrors)
        #expect(
            report.text == """
                dpvs.conf:9:5: error: netif_defs.device.mtu: '1' is not an MTU
                not in effect in this version:
                  dpvs.conf:3:1: netif_defs.kni
                1 file, 1 error, 0 warnings, 1 item not in effect

                """
        )
    }

    @Test func `a plan names its changes, or why there are none`() {
        var plan = PlanReport(changes: [], restartRequired: [], problems: [])
        #expect(plan.text == "no changes\n")
        plan.changes = ["add service web"]
        plan.restartRequired = ["worker_defs"]
        #expect(plan.text == "changes: 1\n  add service web\nrestart required: worker_defs\n")
        plan.problems = [Problem(.error, "x")]
        #expect(plan.text == "error: x\nnothing would be applied\n")
    }
}
