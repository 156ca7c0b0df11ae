// SPDX-License-Identifier: Apache-2.0
import Linux
import Model

extension StartPlan {
    /// One or more checks for each device of the configuration.
    package func deviceChecks(_ surroundings: Surroundings) -> [Check] {
        if devices.isEmpty {
            return [.missing("devices", "the configuration has no netif_defs.device")]
        }
        return devices.flatMap { checks(of: $0, surroundings) }
    }

    private func checks(of choice: DeviceChoice, _ surroundings: Surroundings) -> [Check] {
        let subject = "device \(choice.name)"
        if let problem = choice.problem {
            let resource = choice.source.split(separator: " ").last ?? ""
            let pod =
                choice.source.hasPrefix("resource")
                ? "resources.limits[\"\(resource)\"]: \"1\""
                : "metadata.annotations[\"k8s.v1.cni.cncf.io/networks\"]: \(resource)"
            return [.missing(subject, problem, pod: pod)]
        }
        if let interface = choice.interface {
            let needs = virtualChecks(subject, interface.driver, surroundings)
            return interfaceChecks(subject, interface, needs)
        }
        if let driver = choice.driver { return virtualChecks(subject, driver, surroundings) }
        guard let device = choice.device else {
            return [.note(subject, "takes the next device in DPDK's order: name one instead")]
        }
        let found = kindCheck(subject, device)
        guard found.state != .missing else { return [found] }
        return [found] + rightChecks(subject, device) + addressChecks(subject, device)
    }

    // MARK: - Bus devices

    /// Whether a driver has the device that DPDK can work with.
    private func kindCheck(_ subject: String, _ device: BusDevice) -> Check {
        let name = device.name
        let driver = device.driver ?? "no driver"
        switch device.kind {
        case .absent:
            return .missing(
                subject,
                "\(name) is not in /sys/bus",
                node: "lspci -D; echo 1 > /sys/class/net/<PF>/device/sriov_numvfs makes a VF",
                pod: "name the device by its resource: device { resource <NAME> }"
            )
        case .mediated:
            return .missing(
                subject,
                "\(name) is a mediated device, which DPDK cannot drive",
                node: "let the device plugin give VFs instead"
            )
        case .unbound, .kernel:
            return .missing(
                subject,
                "\(name) is driven by \(driver): DPDK needs vfio-pci",
                node: findings.hasIOMMU ? Self.binding(name) : Self.iommuArguments,
                pod: "request a resource whose selectors say drivers: [vfio-pci]"
            )
        case .vfio, .uio, .bifurcated:
            let node = device.node.map { ", NUMA node \($0)" } ?? ""
            let group = device.group.map { ", \($0.path)" } ?? ""
            let links =
                device.interfaces.isEmpty ? "" : ", \(device.interfaces.joined(separator: " "))"
            let what = device.kind == .bifurcated ? "shared with the kernel" : device.kind.rawValue
            return .ok(subject, "\(name), \(driver) (\(what))\(group)\(links)\(node)")
        }
    }

    /// Whether the process may use the device.
    private func rightChecks(_ subject: String, _ device: BusDevice) -> [Check] {
        switch device.kind {
        case .vfio: vfioChecks(subject, device) + [lockCheck(subject)].compactMap(\.self)
        case .bifurcated: sharedChecks(subject, device) + [lockCheck(subject)].compactMap(\.self)
        case .uio:
            findings.has(.rawIO)
                ? [.note(subject, "uio has no IOMMU: the device may write anywhere; use vfio-pci")]
                : [
                    .missing(
                        subject,
                        "uio needs CAP_SYS_RAWIO and physical addresses",
                        node: findings.hasIOMMU ? Self.binding(device.name) : Self.iommuArguments,
                        pod: "securityContext.privileged: true"
                    )
                ]
        case .kernel, .unbound, .absent, .mediated: []
        }
    }

    private static func binding(_ name: String) -> String {
        "modprobe vfio-pci; driverctl set-override \(name) vfio-pci"
    }

    private static let iommuArguments =
        "kernel arguments: intel_iommu=on iommu=pt (AMD: amd_iommu=on iommu=pt); a virtual machine "
        + "needs a virtual IOMMU"

    private func vfioChecks(_ subject: String, _ device: BusDevice) -> [Check] {
        guard let group = device.group else {
            return [
                .missing(
                    subject,
                    "\(device.name) is in no IOMMU group",
                    node: Self.iommuArguments
                )
            ]
        }
        return [group, findings.vfio]
            .compactMap { node -> Check? in
                switch node.state {
                case .open: nil
                case .absent:
                    .missing(
                        subject,
                        "there is no \(node.path)",
                        node: "modprobe vfio-pci",
                        pod: "request the device as a resource: the plugin brings \(node.path)"
                    )
                case .denied:
                    .missing(
                        subject,
                        "\(node.path) may not be opened",
                        node: "containerd: device_ownership_from_security_context = true",
                        pod: "securityContext.runAsUser and runAsGroup, or runAsUser: 0"
                    )
                }
            }
    }

    private func sharedChecks(_ subject: String, _ device: BusDevice) -> [Check] {
        var checks: [Check] = []
        if device.interfaces.isEmpty {
            checks.append(
                .missing(
                    subject,
                    "the kernel interface of \(device.name) is not in this network namespace",
                    pod:
                        "metadata.annotations[\"k8s.v1.cni.cncf.io/networks\"]: <a network of type sriov>"
                )
            )
        }
        if !device.verbs.contains(where: { $0.state == .open }) {
            let path = device.verbs.first?.path ?? "/dev/infiniband/uverbs*"
            let isThere = device.verbs.contains { $0.state == .denied }
            checks.append(
                .missing(
                    subject,
                    isThere ? "\(path) may not be opened" : "there is no \(path)",
                    node: "SR-IOV device plugin: \"isRdma\": true; modprobe ib_uverbs"
                )
            )
        }
        if !findings.has(.netRaw) {
            checks.append(
                .missing(
                    subject,
                    "\(device.driver ?? "") needs CAP_NET_RAW",
                    node: "AmbientCapabilities=CAP_NET_RAW in dpvs@.service",
                    pod: "securityContext.capabilities.add: [NET_RAW]"
                )
            )
        }
        return checks
    }

    /// A device reads and writes packet memory by itself, so that may not move.
    private func lockCheck(_ subject: String) -> Check? {
        guard !findings.mayLock(memory.needed << 20) else { return nil }
        let limit = findings.lockableMemory.map { "\($0 >> 20) MiB" } ?? ""
        return .missing(
            subject,
            "may lock \(limit) of the \(memory.needed) MiB that its driver locks",
            node: "LimitMEMLOCK=infinity in dpvs@.service",
            pod: "securityContext.capabilities.add: [IPC_LOCK]"
        )
    }

    // MARK: - Devices without a bus

    func virtualChecks(
        _ subject: String,
        _ driver: String,
        _ surroundings: Surroundings
    ) -> [Check] {
        let words = driver.split(separator: ",").map(String.init)
        let kind = words.first ?? ""
        let names = words.filter { $0.contains("iface=") }
            .compactMap { $0.split(separator: "=").last.map(String.init) }
        if kind.hasPrefix("net_tap") || kind.hasPrefix("net_virtio_user") {
            let node = kind.hasPrefix("net_tap") ? findings.tun : findings.vhostNet
            return [.ok(subject, driver)] + makerChecks(subject, node)
                + [tapCheck(subject, kind)].compactMap(\.self)
        }
        let absent = names.first {
            !surroundings.exists("/sys/class/net/\($0)") && surroundings.kernelLink($0) == nil
        }
        if let absent {
            return [
                .missing(
                    subject,
                    "there is no interface \(absent)",
                    node: "ip link show",
                    pod:
                        "metadata.annotations[\"k8s.v1.cni.cncf.io/networks\"]: <network>@\(absent)"
                )
            ]
        }
        if kind.hasPrefix("net_af_xdp"), let name = names.first,
            let link = surroundings.kernelLink(name),
            let check = xdpCheck(subject, driver, link)
        {
            return [check]
        }
        // DPDK's AF_PACKET sets flags of the interface at the start, even those that are set.
        let needed: [Capabilities] =
            kind.hasPrefix("net_af_")
            ? [.netAdmin, .netRaw] : kind.hasPrefix("net_pcap") ? [.netRaw] : []
        let lacking = needed.filter { !findings.has($0) }.map(\.description)
        guard !lacking.isEmpty else { return [.ok(subject, driver)] }
        let all = lacking.map { "CAP_\($0)" }.joined(separator: " ")
        return [
            .missing(
                subject,
                "\(kind) needs \(all)",
                node: "AmbientCapabilities=\(all) in dpvs@.service",
                pod: "securityContext.capabilities.add: [\(lacking.joined(separator: ", "))]"
            )
        ]
    }

    /// DPDK's tap has room for the descriptors of four queues of each direction.
    private func tapCheck(_ subject: String, _ kind: String) -> Check? {
        let (most, count) = (4, workers.workers.count)
        guard kind.hasPrefix("net_tap"), count > most else { return nil }
        return .missing(
            subject,
            "net_tap has \(most) queues, and each of \(count) workers needs one",
            node: "dpvs.conf: worker_defs { workers \(most) }, or another driver"
        )
    }

    /// What making a kernel interface through `node` takes.
    private func makerChecks(_ subject: String, _ node: DeviceNode) -> [Check] {
        var checks: [Check] = []
        if node.state != .open {
            checks.append(
                .missing(
                    subject,
                    node.state == .absent
                        ? "there is no \(node.path)" : "\(node.path) may not be opened",
                    node: node.path == findings.tun.path ? "modprobe tun" : "modprobe vhost_net",
                    pod: "volumes: hostPath \(node.path), type: CharDevice"
                )
            )
        }
        if !findings.has(.netAdmin) {
            checks.append(
                .missing(
                    subject,
                    "making a kernel interface needs CAP_NET_ADMIN",
                    node: "AmbientCapabilities=CAP_NET_ADMIN in dpvs@.service",
                    pod: "securityContext.capabilities.add: [NET_ADMIN]"
                )
            )
        }
        return checks
    }
}
