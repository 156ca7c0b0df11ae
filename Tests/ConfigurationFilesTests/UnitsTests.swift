// SPDX-License-Identifier: Apache-2.0
import ConfigurationFiles
import PacketTesting
import Testing

@Suite struct UnitsTests {
    @Test(
        arguments: [
            ("500ms", .milliseconds(500)), ("90s", .seconds(90)), ("1m30s", .seconds(90)),
            ("2h", .seconds(7200)), ("1d", .seconds(86_400)), ("0s", .zero), ("007s", .seconds(7)),
            ("1d2h3m4s5ms", .milliseconds(93_784_005)), ("90m", .seconds(5400)),
            ("36525d", .seconds(36_525 * 86_400)),
        ] as [(String, Duration)]
    )
    func `a duration has units from large to small`(text: String, duration: Duration) {
        #expect(parseDuration(text) == duration)
        #expect(parseDuration(text, allowsPlainSeconds: true) == duration)
    }

    @Test(arguments: [
        "", "s", "ms", "1", "-1s", "+1s", "1.5s", " 1s", "1s ", "1 s", "1S", "1sec", "1s1s", "1s1m",
        "1ms1s", "s1", "1y", "1m30", "99999999999s", "36526d", "\u{661}s", "1s\u{301}", "0x1s",
    ])
    func `anything else is no duration`(text: String) {
        #expect(parseDuration(text) == nil)
    }

    @Test(
        arguments: [
            ("90", .seconds(90)), ("0", .zero), ("3155760000", .seconds(36_525 * 86_400)),
            ("3155760001", nil), ("9999999999", nil), ("99999999999", nil), ("-1", nil), ("", nil),
            ("1.5", nil),
        ] as [(String, Duration?)]
    )
    func `a plain number is seconds where that is allowed, as many at most`(
        text: String,
        duration: Duration?
    ) {
        #expect(parseDuration(text, allowsPlainSeconds: true) == duration)
        #expect(parseDuration(text) == nil)
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `no text traps, and nothing is longer than a hundred years`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            let text = random.text(of: "0123456789999dhmss ", upTo: 24)
            let duration = parseDuration(text, allowsPlainSeconds: true) ?? .zero
            #expect(duration <= .seconds(36_525 * 86_400), "seed \(seed): \(text)")
        }
    }
}
