// SPDX-License-Identifier: Apache-2.0
import Linux
package import Model

/// What a start with these settings uses of what was found.
package struct StartPlan: Sendable {
    package var settings: Settings
    package var findings: Findings
    package var devices: [DeviceChoice]
    /// CPUs in the order in which they are given out: the control side's first.
    package var cpus: [Int]
    package var workers: WorkerPlan
    package var memory: MemoryPlan

    package init(_ settings: Settings, _ surroundings: Surroundings) {
        self.settings = settings
        let status = settings.text("global_defs.network_status")
        findings = Findings(surroundings, networkStatus: status)
        devices = DeviceChoice.all(settings, findings, surroundings)
        let near = Set(devices.compactMap { $0.device?.node })
        cpus = Self.order(findings, near: near)
        workers = WorkerPlan(settings, cpus: cpus)
        memory = MemoryPlan(settings, findings, near: near.count == 1 ? near.first : nil)
        chooseDrivers(surroundings)
    }

    /// Workers get CPUs near the devices, the control side one that is far from them if there is
    /// one; never more CPUs than the quota has time for.
    private static func order(_ findings: Findings, near: Set<Int>) -> [Int] {
        let nearCPUs = Set(findings.nodes.filter { near.contains($0.id) }.flatMap(\.cpus))
        let workers = findings.usableCPUs.filter(nearCPUs.contains)
        let others = findings.usableCPUs.filter { !nearCPUs.contains($0) }
        let ordered =
            workers.isEmpty ? others : Array(others.prefix(1)) + workers + others.dropFirst()
        let affordable = findings.limits.quota.map { max(1, Int($0.rounded(.up))) }
        return Array(ordered.prefix(affordable ?? ordered.count))
    }
}
