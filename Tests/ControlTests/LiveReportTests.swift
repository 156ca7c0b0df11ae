// SPDX-License-Identifier: Apache-2.0
import Control
import Testing

extension LiveReport {
    static func sample(seconds: Double = 1) -> LiveReport {
        LiveReport(
            seconds: seconds,
            checks: [
                .init(.ok, "workers", "all 2 turn"),
                .init(.note, "departure", "nothing was sent in 1.0 s"),
                .init(.fault, "port dpdk0", "its link is down", remedy: "cable, switch, peer"),
            ]
        )
    }
}

@Suite struct LiveReportTests {
    @Test func `each check has a line, and what to do stands below it`() {
        let text = """
            ok    workers: all 2 turn
            note  departure: nothing was sent in 1.0 s
            fault port dpdk0: its link is down
              do: cable, switch, peer
            1 fault found

            """
        #expect(LiveReport.sample().text == text)
        #expect(!LiveReport.sample().isGood)
    }

    @Test func `notes alone are no fault`() {
        var report = LiveReport.sample()
        report.checks.removeLast()
        #expect(report.isGood && report.text.hasSuffix("no fault found\n"))
    }
}
