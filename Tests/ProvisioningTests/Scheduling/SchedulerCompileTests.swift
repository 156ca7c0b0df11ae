// SPDX-License-Identifier: Apache-2.0
import Balancing
import Model
import Testing

@testable import Provisioning

@Suite struct SchedulerCompileTests {
    @Test(
        arguments: [
            (.rr, .circle, []), (.wrr, .circle, []), (.lc, .leastLoaded, []),
            (.wlc, .leastLoaded, []), (.sed, .leastLoaded, .countsNext),
            (.nq, .leastLoaded, [.countsNext, .prefersIdle]), (.fo, .preference, []),
            (.mh, .table, []), (.sh, .table, []), (.dh, .table, .usesDestination),
            (.conhash, .ring, []),
        ] as [(SchedulerKind, Scheduler.Kind, Scheduler.Options)]
    )
    func `every scheduler has a form on the packet path`(
        kind: SchedulerKind,
        expected: Scheduler.Kind,
        options: Scheduler.Options
    ) {
        let scheduler = Scheduler(kind, SchedulerOptions(), backends([2, 0, 1]))
        defer { scheduler.destroy() }
        #expect(scheduler.kind == expected && scheduler.options == options)
    }

    @Test(
        arguments: [
            (.mh, [.mhPort], nil, .usesPort), (.mh, [.mhFallback], nil, .fallsBack),
            (.sh, [.shPort, .shFallback], nil, [.usesPort, .fallsBack]),
            (.conhash, [], .sip, []), (.conhash, [], .qid, .usesConnectionID),
        ]
            as [(
                SchedulerKind, Set<SchedulerOptions.Flag>, SchedulerOptions.HashTarget?,
                Scheduler.Options
            )]
    )
    func `options reach the packet path`(
        kind: SchedulerKind,
        flags: Set<SchedulerOptions.Flag>,
        target: SchedulerOptions.HashTarget?,
        expected: Scheduler.Options
    ) {
        let options = SchedulerOptions(flags: flags, hashTarget: target)
        let scheduler = Scheduler(kind, options, backends([1, 1]))
        defer { scheduler.destroy() }
        #expect(scheduler.options == expected)
    }

    @Test(arguments: SchedulerKind.allCases)
    func `a service without backends, or with none that has a weight, compiles`(
        kind: SchedulerKind
    ) {
        for weights in [[], [0], [0, 0, 0]] as [[Int]] {
            let scheduler = Scheduler(kind, SchedulerOptions(), backends(weights))
            scheduler.destroy()
        }
    }
}
