// SPDX-License-Identifier: Apache-2.0
import LinuxMirror
import Logging
import MetricsExposition
import Model
import Reload
import Synchronization

/// Makes what other programs set on the kernel companions of ports run, and cease.
final class KernelFollower: Sendable {
    private let mirror: KernelMirror
    /// Names of ports by those of their companions.
    private let ports: [String: String]
    private let reloader: Reloader
    private let logger: Logger
    private let refused = Atomic<UInt64>(0)

    /// nil when `dpvs.conf` wants none, or the kernel does not let us, which is logged.
    init?(_ settings: Settings, _ reloader: Reloader, _ logger: Logger) {
        guard settings.isOn("global_defs.kni"), settings.isOn("global_defs.kernel_mirror") else {
            return nil
        }
        let companions = settings.ports.map { ($0.companionName, $0.name) }
        ports = Dictionary(companions) { first, _ in first }
        do {
            mirror = try KernelMirror(ports.keys)
        } catch {
            logger.warning("addresses and routes of the kernel are not followed: \(error)")
            return nil
        }
        self.reloader = reloader
        self.logger = logger
    }

    /// Follows until the task is cancelled; once.
    func run() async {
        mirror.start()
        for await view in mirror.views {
            tell(await reloader.follow(kernel: view.desiredState(ports: ports)))
        }
        mirror.stop()
    }

    /// `addresses 2, routes 1, of dpdk0.kni`.
    func summary() async -> String {
        let (addresses, routes) = await taken()
        let names = ports.keys.sorted().joined(separator: " ")
        return "addresses \(addresses), routes \(routes), of \(names)"
    }

    func statistics() async -> KernelMirrorStatistics {
        let (addresses, routes) = await taken()
        let counts = mirror.counts
        return KernelMirrorStatistics(
            objects: [
                StateCount(state: "address", count: UInt64(addresses)),
                StateCount(state: "route", count: UInt64(routes)),
            ],
            changes: counts.changes,
            overruns: counts.overruns,
            failures: counts.failures + refused.load(ordering: .relaxed)
        )
    }

    private func taken() async -> (addresses: Int, routes: Int) {
        let state = await reloader.running
        return (
            state.addresses.count { $0.owner == .kernel },
            state.routes.count { $0.owner == .kernel }
        )
    }

    private func tell(_ report: ReloadReport) {
        switch report.outcome {
        case .applied: logger.info("kernel: \(report.changes.count) changes")
        case .unchanged: break
        case .rejected, .failed:
            refused.add(1, ordering: .relaxed)
            for problem in report.problems { logger.error("kernel: \(problem.message)") }
        }
        for change in report.changes { logger.debug("  \(change)") }
    }
}
