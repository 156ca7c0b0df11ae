// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Instance

@Suite struct ReceiveWatchTests {
    /// Looks once a second for `seconds`, at a port whose counts `counts` gives by the second.
    private func lines(
        _ seconds: Range<Int>,
        _ watch: inout ReceiveWatch,
        interface: String? = nil,
        _ counts: (Int) -> ReceiveWatch.Counts
    ) -> [(second: Int, note: String)] {
        seconds.flatMap { second in
            watch.notes(at: second, [("dpdk0", 1500, interface, counts(second))])
                .map { (second, $0) }
        }
    }

    @Test func `what was counted before the start and single damaged packets are no matter`() {
        var watch = ReceiveWatch()
        let lines = lines(0..<3600, &watch) { second in
            .init(
                badHeaderChecksums: 5_000,
                badTransportChecksums: UInt64(second / 20),
                brokenFrames: 7
            )
        }
        #expect(lines.map(\.note) == [])
    }

    @Test func `damage is told when it begins, and every ten minutes while it lasts`() {
        var watch = ReceiveWatch()
        let lines = lines(0..<1300, &watch) { second in
            .init(badTransportChecksums: UInt64(max(0, second - 100) * 3))
        }
        #expect(lines.map(\.second) == [110, 710])
        #expect(
            lines.first?.note
                == "port dpdk0: 30 packets in 10 s had a wrong TCP, UDP or SCTP checksum and went no "
                + "further; a device on the way, or a sender, damages them"
        )
    }

    @Test func `one packet that a kernel has put together is told with the remedy`() {
        var watch = ReceiveWatch()
        let lines = lines(0..<60, &watch, interface: "eth1") { second in
            .init(superPackets: second < 30 ? 0 : 1)
        }
        #expect(
            lines.map(\.note) == [
                "port dpdk0: 1 packet in 10 s was longer than the MTU of 1500 and went no further: "
                    + "a kernel puts them together; ethtool -K INTERFACE tso off gso off for senders "
                    + "on this host, and ethtool -K eth1 gro off lro off here"
            ]
        )
    }

    @Test func `kinds are told one by one`() {
        var watch = ReceiveWatch()
        let lines = lines(0..<100, &watch) { second in
            .init(badHeaderChecksums: UInt64(second), brokenFrames: UInt64(second * 2))
        }
        #expect(lines.map(\.second) == [10, 10])
        #expect(lines.last?.note.contains("received 20 broken frames in 10 s") == true)
    }
}
