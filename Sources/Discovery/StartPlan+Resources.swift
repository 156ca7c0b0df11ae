// SPDX-License-Identifier: Apache-2.0
import Model

extension StartPlan {
    /// CPUs: whether there are as many as the configuration wants, and whether they are ours alone.
    func cpuChecks() -> [Check] {
        let wanted = workers.workers.count + 1
        let usable = CPUList(findings.usableCPUs)
        let pod =
            "resources.requests.cpu and resources.limits.cpu: \"\(wanted)\" in every container"
        let kubelet = "kubelet: cpuManagerPolicy: static"
        var checks: [Check] = []
        // A worker that is on another CPU than asked for, or shares one.
        for note in workers.notes {
            checks.append(.missing("CPUs", note, node: kubelet, pod: pod))
        }
        if let quota = findings.limits.quota, quota < Double(findings.usableCPUs.count) {
            checks.append(
                .note(
                    "CPUs",
                    "the quota pays for \(quota) of \(findings.usableCPUs.count) CPUs, "
                        + "so workers are stopped now and then",
                    node: kubelet,
                    pod: "integer CPU requests that equal the limits (QoS class Guaranteed)"
                )
            )
        }
        if checks.isEmpty {
            checks = [.ok("CPUs", "\(wanted) of \(usable) for the control side and the workers")]
        }
        return checks
    }

    /// Workers and memory that are on another memory node than a device.
    func nodeChecks(_ surroundings: Surroundings) -> [Check] {
        devices.compactMap { choice -> Check? in
            guard let near = choice.device?.node else { return nil }
            let far = workers.workers.filter { worker in
                surroundings.node(ofCPU: worker.cpu).map { $0 != near } ?? false
            }
            guard !far.isEmpty else { return nil }
            let names = far.map { "\($0.id) (CPU \($0.cpu))" }.joined(separator: ", ")
            return .note(
                "NUMA",
                "\(choice.name) is on node \(near), workers \(names) are not",
                node: "kubelet: topologyManagerPolicy: single-numa-node"
            )
        }
    }

    /// Hugepages for packets.
    func memoryCheck() -> Check {
        let subject = "memory"
        guard memory.allowsHugepages else { return .ok(subject, memory.description) }
        if let pages = memory.pages {
            let node = devices.compactMap { $0.device?.node }.first
            let own = pages.nodes.first { $0.node == node }
            guard let own, own.free * pages.size < memory.needed << 20 else {
                return .ok(subject, memory.description)
            }
            let place = "/sys/devices/system/node/node\(own.node)/hugepages/"
            return .note(
                subject,
                "node \(own.node) of the devices has \(own.free) free pages of \(pages.name)",
                node:
                    "echo \(count(of: pages) + own.total) > \(place)hugepages-\(pages.size >> 10)kB/nr_hugepages"
            )
        }
        // Pages of the size that the machine has most of; 2 MiB where it has none.
        let pools = findings.hugepages
        guard let pool = pools.max(by: { $0.free * $0.size < $1.free * $1.size }) else {
            return .missing(
                subject,
                "this kernel has no hugepages; packets use plain memory",
                node: "a kernel with CONFIG_HUGETLBFS"
            )
        }
        let usual = pool.free == 0 ? pools.first { $0.size == 2 << 20 } ?? pool : pool
        return missing(usual)
    }

    private func missing(_ pool: HugepagePool) -> Check {
        let pages = count(of: pool)
        // Whole MiB, rounded up: pages may be smaller than one.
        let mebibytes = (pages * pool.size + (1 << 20) - 1) >> 20
        let pod =
            "resources.limits[\"hugepages-\(pool.name)\"]: \(mebibytes)Mi "
            + "and a volume emptyDir: { medium: HugePages-\(pool.name) }"
        if pool.free >= pages {
            let room = (pool.room ?? 0) >> 20
            return .missing(
                "memory",
                "the control group lets us have \(room) MiB of hugepages, \(memory.needed) are needed",
                pod: pod
            )
        }
        let wanted = pool.total + pages - pool.free
        let node =
            pool.size >= 1 << 30
            ? "kernel arguments: default_hugepagesz=1G hugepagesz=1G hugepages=\(wanted)"
            : "sysctl vm.nr_hugepages=\(wanted)"
        return .missing(
            "memory",
            "\(pool.available) hugepages of \(pool.name) are free, \(pages) are needed "
                + "(\(memory.needed) MiB)",
            node: node,
            pod: pod
        )
    }

    private func count(of pool: HugepagePool) -> Int {
        ((memory.needed << 20) + pool.size - 1) / pool.size
    }

    /// What kernel companions of ports need.
    func companionChecks() -> [Check] {
        guard settings.isOn("global_defs.kni") else { return [] }
        let regions = findings.vhostRegions
        if findings.vhostNet.state == .open {
            guard let regions, regions < 64 else {
                return [.ok("companions", "\(findings.vhostNet.path) can be opened")]
            }
            return [
                .note(
                    "companions",
                    "vhost-net takes \(regions) memory regions",
                    node: "options vhost max_mem_regions=512 in /etc/modprobe.d/vhost.conf"
                )
            ]
        }
        if findings.tun.state == .open {
            return [
                .ok(
                    "companions",
                    "\(findings.tun.path) can be opened, \(findings.vhostNet.path) not"
                )
            ]
        }
        return [
            .note(
                "companions",
                "neither \(findings.vhostNet.path) nor \(findings.tun.path) can be opened",
                node: "modprobe -a tun vhost_net",
                pod: "volumes: hostPath /dev/net/tun and /dev/vhost-net, type: CharDevice"
            )
        ]
    }
}
