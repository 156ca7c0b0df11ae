// SPDX-License-Identifier: Apache-2.0
import Linux
package import Model

/// What `dpvs doctor` says: what is there, what a start would use, and what is missing.
package struct DoctorReport: Equatable, Codable, Sendable {
    package struct Use: Equatable, Codable, Sendable {
        package struct Worker: Equatable, Codable, Sendable {
            package var id: Int
            package var cpu: Int
            package var node: Int?
        }

        package var devices: [DeviceChoice]
        package var bonds: [Bond]
        package var controlCPU: Int
        package var workers: [Worker]
        package var memory: MemoryPlan
    }

    package var found: Findings
    package var use: Use
    package var checks: [Check]

    /// `problems` are errors of the configuration files.
    package init(_ settings: Settings, _ surroundings: Surroundings, problems: [String] = []) {
        let plan = StartPlan(settings, surroundings)
        found = plan.findings
        use = Use(
            devices: plan.devices,
            bonds: settings.bonds.map(Bond.init),
            controlCPU: plan.workers.main.cpu,
            workers: plan.workers.workers.map {
                Use.Worker(id: $0.id, cpu: $0.cpu, node: surroundings.node(ofCPU: $0.cpu))
            },
            memory: plan.memory
        )
        checks = problems.map { Check.missing("configuration", $0) }
        checks += plan.deviceChecks(surroundings)
        checks += plan.cpuChecks()
        checks += plan.nodeChecks(surroundings)
        checks.append(plan.memoryCheck())
        checks += plan.companionChecks()
    }

    package var isGood: Bool { !checks.contains { $0.state == .missing } }

    // MARK: - Text

    package var text: String {
        let missing = checks.count { $0.state == .missing }
        let summary =
            missing == 0
            ? "nothing is missing"
            : missing == 1 ? "1 thing is missing" : "\(missing) things are missing"
        return "found\n" + Self.rows(foundRows) + "will use\n" + Self.rows(useRows)
            + "checks\n" + checks.map { Self.indented($0.text) }.joined() + summary + "\n"
    }

    private static func rows(_ rows: [(String, String)]) -> String {
        let width = max(12, rows.map(\.0.count).max() ?? 0) + 2
        return rows.map { "  \($0.padded(to: width))\($1)\n" }.joined()
    }

    private static func indented(_ text: String) -> String {
        text.split(separator: "\n").map { "  \($0)\n" }.joined()
    }

    private var foundRows: [(String, String)] {
        var cpus = "\(CPUList(found.usableCPUs))"
        if let set = found.limits.cpuset { cpus += ", cpuset \(set)" }
        if let quota = found.limits.quota { cpus += ", quota \(quota)" }
        var rows = [("CPUs", cpus)]
        rows += found.nodes.map { ("NUMA node \($0.id)", "CPUs \(CPUList($0.cpus))") }
        rows += found.hugepages.map { pool in
            var text = "\(pool.free) of \(pool.total) free"
            if let limit = pool.limit { text += ", control group allows \(limit >> 20) MiB" }
            if !pool.mounts.isEmpty { text += ", mounted on \(pool.mounts.joined(separator: " "))" }
            return ("hugepages \(pool.name)", text)
        }
        rows += found.grants.resources.map { ($0.variable, $0.devices.joined(separator: ", ")) }
        rows += found.networks.map {
            ("network", "\($0.name) \($0.interface ?? "") \($0.device ?? "")")
        }
        rows.append(("lockable", found.lockableMemory.map { "\($0 >> 20) MiB" } ?? "no limit"))
        rows += [found.vfio, found.tun, found.vhostNet].map { ($0.path, $0.state.rawValue) }
        if let regions = found.vhostRegions { rows.append(("vhost regions", "\(regions)")) }
        rows.append(("capabilities", Capabilities.text(found.capabilities)))
        return rows
    }

    private var useRows: [(String, String)] {
        var rows = use.devices.map { choice in
            (
                choice.name,
                choice.interface?.description ?? choice.driver ?? choice.device?.name ?? choice
                    .problem ?? choice.source
            )
        }
        rows += use.bonds.map { bond in
            let slaves = bond.slaves.joined(separator: ", ")
            let primary = bond.tuning.primary
            let mode = "mode \(bond.mode.rawValue) (\(bond.mode.name))"
            return (bond.name, "bond of \(slaves), \(mode), primary \(primary)")
        }
        rows.append(("control side", "CPU \(use.controlCPU)"))
        rows += use.workers.map { worker in
            let node = worker.node.map { ", NUMA node \($0)" } ?? ""
            return ("worker \(worker.id)", "CPU \(worker.cpu)\(node)")
        }
        rows.append(("memory", use.memory.description))
        return rows
    }
}
