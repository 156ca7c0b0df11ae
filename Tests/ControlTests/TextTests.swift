// SPDX-License-Identifier: Apache-2.0
import Control
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

                PORT   DRIVER         MAC                 MTU  LINK       QUEUES  RECEIVED  SENT  LOST
                dpdk0  net_af_packet  02:00:00:00:00:01  1500  10 Gbit/s       1    999999     0     0

                SERVICE / BACKEND  ADDRESS             SCHEDULER  WEIGHT  ACTIVE  INACTIVE   TOTAL
                web                tcp 10.0.0.100:80   wrr fnat        3      12        30  4.000M
                  serving            192.168.0.2:8080                  3      12        30       0
                  draining           192.168.0.3:8080                  0       0         0       0

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
}
