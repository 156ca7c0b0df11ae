// SPDX-License-Identifier: Apache-2.0
import LinuxMirror
import Logging
import MetricsExposition
import Model
import Reload
import Synchronization

/// Makes what other programs set on kernel companions run, and cease.
final class KernelFollower: Sendable {
    private let mirror: KernelMirror
    private let companions: Companions
    private let reloader: Reloader
    private let logger: Logger
    private let refused = Atomic<UInt64>(0)

    /// nil when `dpvs.conf` wants none, or the kernel does not let us, which is logged.
    init?(
        _ settings: Settings,
        _ companions: Companions,
        _ reloader: Reloader,
        _ logger: Logger
    ) {
        guard settings.isOn("global_defs.kni"), settings.isOn("global_defs.kernel_mirror") else {
            return nil
        }
        self.companions = companions
        do {
            mirror = try KernelMirror(companions.interfaceNames.keys)
        } catch {
            logger.warning(
                "addresses, routes and neighbours of the kernel are not followed: \(error)"
            )
            return nil
        }
        self.reloader = reloader
        self.logger = logger
    }

    /// Follows until the task is cancelled; once.
    func run() async {
        companions.listen { [mirror, companions] in
            mirror.follow(companions.interfaceNames.keys)
        }
        // Whatever came before somebody listened.
        mirror.follow(companions.interfaceNames.keys)
        mirror.start()
        for await view in mirror.views {
            let state = view.desiredState(interfaces: companions.interfaceNames)
            tell(await reloader.follow(kernel: state))
        }
        companions.listen {}
        mirror.stop()
    }

    /// `addresses 2, routes 1, neighbours 0, of dpdk0.kni`.
    func summary() async -> String {
        let (addresses, routes, neighbours) = await taken()
        let names = companions.interfaceNames.keys.sorted().joined(separator: " ")
        return "addresses \(addresses), routes \(routes), neighbours \(neighbours), of "
            + (names.isEmpty ? "none" : names)
    }

    func statistics() async -> KernelMirrorStatistics {
        let (addresses, routes, neighbours) = await taken()
        let counts = mirror.counts
        return KernelMirrorStatistics(
            objects: [
                StateCount(state: "address", count: UInt64(addresses)),
                StateCount(state: "route", count: UInt64(routes)),
                StateCount(state: "neighbour", count: UInt64(neighbours)),
            ],
            changes: counts.changes,
            overruns: counts.overruns,
            failures: counts.failures + refused.load(ordering: .relaxed)
        )
    }

    private func taken() async -> (addresses: Int, routes: Int, neighbours: Int) {
        let state = await reloader.running
        return (
            state.addresses.count { $0.owner == .kernel },
            state.routes.count { $0.owner == .kernel },
            state.neighbours.count { $0.owner == .kernel }
        )
    }

    private func tell(_ report: ReloadReport) {
        switch report.outcome {
        case .applied: logger.info("kernel: \(report.changeCount)")
        case .unchanged: break
        case .rejected, .failed:
            refused.add(1, ordering: .relaxed)
            for problem in report.problems { logger.error("kernel: \(problem.message)") }
        }
        for change in report.changes { logger.debug("  \(change)") }
    }
}
