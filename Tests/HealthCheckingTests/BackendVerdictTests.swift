// SPDX-License-Identifier: Apache-2.0
import HealthChecking
import Model
import Testing

@Suite struct BackendVerdictTests {
    private var verdict = BackendVerdict()
    private let check = HealthCheck(.ping, rise: 2, fall: 3)
    private let bad = ProbeResult.bad("connection refused")

    private mutating func take(_ results: ProbeResult...) -> [BackendVerdict.State?] {
        results.map { verdict.received($0, check) }
    }

    @Test mutating func `the first good answer decides`() {
        #expect(take(.good, .good) == [.healthy, nil])
    }

    @Test mutating func `a new backend fails after as many bad answers as any other`() {
        #expect(take(bad, bad, bad, bad) == [nil, nil, .failed, nil])
    }

    @Test mutating func `a new backend that answers late is healthy at once`() {
        #expect(take(bad, bad, .good) == [nil, nil, .healthy])
    }

    @Test mutating func `a good answer in between begins the count anew`() {
        #expect(take(.good, bad, bad, .good, bad, bad) == [.healthy, nil, nil, nil, nil, nil])
        #expect(verdict.contradictions == 2)
        #expect(take(bad) == [.failed])
    }

    @Test mutating func `a failed backend rises after good answers in a row only`() {
        _ = take(bad, bad, bad)
        #expect(take(.good, bad, .good, .good) == [nil, nil, nil, .healthy])
    }

    @Test mutating func `probes that could not be made say nothing`() {
        _ = take(.good, bad, bad)
        #expect(take(.unable("too many open files"), bad) == [nil, .failed])
    }
}
