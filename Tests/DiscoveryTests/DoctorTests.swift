// SPDX-License-Identifier: Apache-2.0
import Linux
import Model
import Testing

@testable import Discovery

@Suite struct DoctorTests {
    /// One device block with these items, and what they need.
    private func settings(_ items: [String: String], workers: Int = 1) -> Settings {
        var settings = Settings()
        var block = NamedBlock(name: "dpdk0", path: "netif_defs.device")
        for (key, value) in items { block.items[key] = .text(value) }
        settings.devices = [block]
        settings.items["worker_defs.workers"] = .integer(workers)
        settings.items["netif_defs.pktpool_size"] = .integer(16383)
        settings.items["global_defs.kni"] = .flag(false)
        return settings
    }

    /// A pod that lacks nothing: two VFs of a resource, one on each node, and hugepages.
    private func pod() throws -> FakeMachine {
        var machine = try FakeMachine()
        try machine.addVFIO("0000:06:02.1", group: 45)
        try machine.addVFIO("0000:86:02.1", group: 77, node: 1)
        try machine.addPages(2048, [256, 256])
        machine.environment = ["PCIDEVICE_INTEL_COM_VF": "0000:06:02.1,0000:86:02.1"]
        return machine
    }

    private let resource = ["resource": "intel.com/vf"]

    /// What is not as it should be.
    private func complaints(_ settings: Settings, _ machine: FakeMachine) -> [Check] {
        DoctorReport(settings, machine.surroundings).checks.filter { $0.state != .ok }
    }

    // MARK: - Devices

    @Test func `a pod with a VFIO device lacks nothing, and the text says what is used`() throws {
        let report = DoctorReport(settings(resource), try pod().surroundings)
        #expect(report.isGood, "\(report.text)")
        for line in [
            "  dpdk0         0000:06:02.1\n", "  control side  CPU 4\n",
            "  worker 1      CPU 0, NUMA node 0\n",
            "  ok      device dpdk0: 0000:06:02.1, vfio-pci (vfio), /dev/vfio/45, NUMA node 0\n",
            "  PCIDEVICE_INTEL_COM_VF  0000:06:02.1, 0000:86:02.1\n", "nothing is missing\n",
        ] { #expect(report.text.contains(line), "\(line) in \(report.text)") }
    }

    @Test func `a resource that is not granted is asked for in the pod`() throws {
        var machine = try pod()
        machine.environment = [:]
        let found = complaints(settings(resource), machine)
        #expect(found.map(\.state) == [.missing])
        #expect(found[0].pod == "resources.limits[\"intel.com/vf\"]: \"1\"")
    }

    @Test func `a group that is not in the container, or not ours, is told`() throws {
        var machine = try FakeMachine()
        try machine.addPages(2048, [256, 256])
        try machine.addFunction("0000:06:02.1", driver: "vfio-pci", group: 45)
        machine.environment = ["PCIDEVICE_INTEL_COM_VF": "0000:06:02.1"]
        let absent = complaints(settings(resource), machine)
        #expect(
            absent.map(\.finding) == ["there is no /dev/vfio/45", "there is no /dev/vfio/vfio"]
        )
        try machine.addVFIO("0000:06:02.2", group: 45)
        var surroundings = machine.surroundings
        surroundings.mayOpen = { !$0.hasSuffix("/dev/vfio/45") }
        let denied = DoctorReport(settings(resource), surroundings).checks
            .filter { $0.state != .ok }
        #expect(denied.map(\.finding) == ["/dev/vfio/45 may not be opened"])
        #expect(denied[0].pod?.contains("runAsUser") == true)
    }

    /// A machine without an IOMMU, on which the process has every right.
    private func unprotected() throws -> FakeMachine {
        let machine = try FakeMachine()
        try machine.remove("sys/kernel/iommu_groups/0")
        try machine.write(
            "Cpus_allowed_list:\t0-7\nCapEff:\t000001ffffffffff\n",
            "proc/self/status"
        )
        try machine.addPages(2048, [256, 256])
        return machine
    }

    @Test func `without an IOMMU nobody is sent to driverctl`() throws {
        let machine = try unprotected()
        try machine.addFunction("0000:06:02.1", driver: "iavf")
        let found = complaints(settings(["pci": "0000:06:02.1"]), machine)
        #expect(found.count == 1 && found[0].node?.hasPrefix("kernel arguments:") == true)
    }

    @Test func `a device without an IOMMU needs physical addresses and hugepages`() throws {
        let machine = try unprotected()
        try machine.addFunction("0000:06:02.1", driver: "uio_pci_generic")
        var wanted = settings(["pci": "0000:06:02.1"])
        let plan = StartPlan(wanted, machine.surroundings)
        #expect(plan.refusals().map(\.state) == [.missing])
        #expect(plan.refusals()[0].finding.contains("iova_mode is va"))
        #expect(!DoctorReport(wanted, machine.surroundings).isGood)
        wanted.items["global_defs.iova_mode"] = .text("pa")
        #expect(StartPlan(wanted, machine.surroundings).refusals() == [])
        try machine.addPages(2048, [0, 0])
        let poor = StartPlan(wanted, machine.surroundings).refusals()
        #expect(poor.count == 1 && poor[0].finding.contains("needs hugepages"))
        #expect(poor[0].node?.hasPrefix("sysctl vm.nr_hugepages=") == true)
    }

    @Test func `vfio-pci without an IOMMU is told apart from vfio-pci behind one`() throws {
        let machine = try unprotected()
        try machine.addFunction("0000:06:02.1", driver: "vfio-pci", group: 3)
        try machine.write("", "dev/vfio/noiommu-3")
        try machine.write("", "dev/vfio/vfio")
        var wanted = settings(["pci": "0000:06:02.1"])
        #expect(StartPlan(wanted, machine.surroundings).refusals().count == 1)
        wanted.items["global_defs.iova_mode"] = .text("auto")
        #expect(complaints(wanted, machine) == [])
    }

    @Test func `a device behind an IOMMU starts without hugepages`() throws {
        let machine = try pod()
        try machine.addPages(2048, [0, 0])
        #expect(StartPlan(settings(resource), machine.surroundings).refusals() == [])
    }

    @Test func `net_tap is not given more queues than it has room for`() throws {
        let machine = try FakeMachine()
        try machine.write("", "dev/net/tun")
        try machine.addPages(2048, [256, 256])
        try machine.write(
            "Cpus_allowed_list:\t0-7\nCapEff:\t000001ffffffffff\n",
            "proc/self/status"
        )
        let tap = ["driver": "net_tap,iface=t0"]
        #expect(complaints(settings(tap, workers: 4), machine) == [])
        let found = complaints(settings(tap, workers: 5), machine)
        #expect(found.map(\.finding) == ["net_tap has 4 queues, and each of 5 workers needs one"])
    }

    @Test func `without an IOMMU the kernel arguments are named`() throws {
        let machine = try FakeMachine()
        try machine.addPages(2048, [256, 256])
        try machine.addFunction("0000:06:02.1", driver: "vfio-pci")
        let found = complaints(settings(["pci": "0000:06:02.1"]), machine)
        #expect(
            found.map(\.node) == [
                "kernel arguments: intel_iommu=on iommu=pt (AMD: amd_iommu=on iommu=pt); "
                    + "a virtual machine needs a virtual IOMMU"
            ]
        )
    }

    @Test(arguments: ["iavf", nil])
    func `a device of a kernel driver, or of none, is bound to vfio-pci`(driver: String?) throws {
        let machine = try FakeMachine()
        try machine.addPages(2048, [256, 256])
        try machine.addFunction("0000:06:02.1", driver: driver)
        let found = complaints(settings(["pci": "0000:06:02.1"]), machine)
        #expect(
            found.map(\.node) == ["modprobe vfio-pci; driverctl set-override 0000:06:02.1 vfio-pci"]
        )
    }

    @Test(arguments: ["mlx5_core", "mlx4_core", "mana"])
    func `a device shared with the kernel needs its interface and verbs`(driver: String) throws {
        let machine = try FakeMachine()
        try machine.addPages(2048, [256, 256])
        try machine.addFunction("0000:06:02.1", driver: driver)
        let wanted = settings(["pci": "0000:06:02.1"])
        let found = complaints(wanted, machine)
        #expect(found.count == 2)
        #expect(found[0].pod?.contains("k8s.v1.cni.cncf.io/networks") == true)
        #expect(found[1].node?.contains("\"isRdma\": true") == true)

        let whole = try FakeMachine()
        try whole.addPages(2048, [256, 256])
        try whole.addFunction("0000:06:02.1", driver: driver, interface: "net1")
        try whole.write("", "sys/bus/pci/devices/0000:06:02.1/infiniband_verbs/uverbs3/dev")
        try whole.write("", "dev/infiniband/uverbs3")
        #expect(complaints(wanted, whole) == [])
        try whole.write("CapEff:\t0000000000000000\n", "proc/self/status")
        #expect(
            complaints(wanted, whole).compactMap(\.pod)
                .filter { $0.hasPrefix("securityContext") } == [
                    "securityContext.capabilities.add: [NET_RAW]",
                    "securityContext.capabilities.add: [IPC_LOCK]",
                ]
        )
    }

    @Test func `a mediated device is told apart from one that is not there`() throws {
        let machine = try FakeMachine()
        try machine.addPages(2048, [256, 256])
        let mediated = complaints(
            settings(["pci": "0ee3d9a8-6f6c-4a5d-9a4b-7c2f8e2d1f00"]),
            machine
        )
        #expect(mediated.map(\.finding).first?.contains("mediated") == true)
        let absent = complaints(settings(["pci": "0000:06:02.7"]), machine)
        #expect(absent.map(\.finding) == ["0000:06:02.7 is not in /sys/bus"])
    }

    @Test func `a network of Multus names the device`() throws {
        let machine = try pod()
        try machine.write(
            #"[{"name":"a/outside","interface":"net1","device-info":{"pci":"#
                + #"{"pci-address":"0000:86:02.1"}}}]"#,
            "etc/podnetinfo/annotations"
        )
        let report = DoctorReport(settings(["network": "outside"]), machine.surroundings)
        #expect(report.use.devices.map(\.device?.name) == ["0000:86:02.1"])
        let other = complaints(settings(["network": "inside"]), machine)
        #expect(other.map(\.finding) == ["network 'inside' is not among a/outside"])
    }

    @Test func `only what a device needs while it runs is kept`() throws {
        var machine = try pod()
        func kept(_ items: [String: String]) -> [String] {
            StartPlan(settings(items), machine.surroundings).lastingCapabilities.words
        }
        #expect(kept(resource) == ["DAC_READ_SEARCH", "IPC_LOCK"])
        #expect(kept(["driver": "net_af_packet,iface=eth1"]) == ["DAC_READ_SEARCH"])
        #expect(kept(["driver": "net_tap,iface=t0"]) == ["DAC_READ_SEARCH", "NET_ADMIN"])
        try machine.addFunction("0000:06:02.5", driver: "mlx5_core")
        machine.environment["PCIDEVICE_INTEL_COM_VF"] = "0000:06:02.5"
        #expect(kept(resource) == ["DAC_READ_SEARCH", "NET_RAW", "IPC_LOCK"])
        var companions = settings(resource)
        companions.items["global_defs.kni"] = .flag(true)
        let plan = StartPlan(companions, machine.surroundings)
        #expect(plan.lastingCapabilities.contains(.netAdmin))
    }

    @Test func `a bond and its slaves are shown, and its address may move between them`() throws {
        let machine = try pod()
        var bonded = settings(["driver": "net_af_packet,iface=eth1"])
        var bond = NamedBlock(name: "bond0", path: "netif_defs.bonding")
        bond.items["slave"] = .words(["dpdk0"])
        bond.items["mode"] = .integer(1)
        bonded.bonds = [bond]
        let text = DoctorReport(bonded, machine.surroundings).text
        let line = "  bond0         bond of dpdk0, mode 1 (active-backup), primary dpdk0\n"
        #expect(text.contains(line), "\(text)")
        let kept = StartPlan(bonded, machine.surroundings).lastingCapabilities
        #expect(kept.words == ["DAC_READ_SEARCH", "NET_ADMIN"])
    }

    // MARK: - CPUs and memory

    @Test func `a cpuset smaller than the configuration wants asks for CPUs in the pod`() throws {
        let machine = try pod()
        try machine.write(
            "Cpus_allowed_list:\t2-3\nCapEff:\t0000000000006000\n",
            "proc/self/status"
        )
        let found = complaints(settings(resource, workers: 4), machine)
        #expect(found.map(\.subject) == ["CPUs"] && found[0].state == .missing)
        #expect(found[0].pod?.contains("\"5\"") == true)
        #expect(found[0].node == "kubelet: cpuManagerPolicy: static")
    }

    @Test func `a quota below the CPUs is noted, and no more workers are made than it pays`() throws
    {
        let machine = try pod()
        try machine.addVersionTwo(["cpu.max": "200000 100000"])
        let plan = StartPlan(settings(resource), machine.surroundings)
        #expect(plan.cpus == [4, 0])
        let found = complaints(settings(resource), machine)
        #expect(found.map(\.state) == [.note])
    }

    @Test func `workers are near the device, and far ones are noted`() throws {
        var machine = try pod()
        machine.environment["PCIDEVICE_INTEL_COM_VF"] = "0000:86:02.1"
        let near = StartPlan(settings(resource, workers: 4), machine.surroundings)
        #expect(near.workers.main.cpu == 0 && near.workers.workers.map(\.cpu) == [4, 5, 6, 7])
        #expect(near.memory.byNode == [0, near.memory.needed])
        try machine.write(
            "Cpus_allowed_list:\t0-3\nCapEff:\t0000000000006000\n",
            "proc/self/status"
        )
        let found = complaints(settings(resource), machine)
        #expect(found.map(\.subject) == ["NUMA"] && found[0].state == .note)
        #expect(found[0].finding == "dpdk0 is on node 1, workers 1 (CPU 1) are not")
    }

    @Test func `without hugepages the number and both places are told`() throws {
        let machine = try pod()
        try machine.addPages(2048, [8, 2])
        let found = complaints(settings(resource), machine)
        #expect(found.map(\.subject) == ["memory"])
        let needed = settings(resource).packetMemory
        let pages = (needed + 1) / 2
        #expect(found[0].node == "sysctl vm.nr_hugepages=\(pages)")
        #expect(
            found[0].pod == "resources.limits[\"hugepages-2Mi\"]: \(pages * 2)Mi "
                + "and a volume emptyDir: { medium: HugePages-2Mi }"
        )
        var off = settings(resource)
        off.items["global_defs.hugepages"] = .text("off")
        #expect(complaints(off, machine) == [])
    }

    @Test func `pages below one MiB are asked for in whole MiB`() throws {
        let machine = try pod()
        try machine.addPages(2048, [0, 0])
        try machine.addPages(64, [8])
        let plain = settings(resource)
        let found = complaints(plain, machine)
        let needed = plain.packetMemory
        #expect(
            found[0].finding.hasPrefix("8 hugepages of 64Ki are free, \(needed * 16) are needed")
        )
        #expect(
            found[0].pod == "resources.limits[\"hugepages-64Ki\"]: \(needed)Mi "
                + "and a volume emptyDir: { medium: HugePages-64Ki }"
        )
        let memory = StartPlan(plain, machine.surroundings).memory.description
        #expect(memory.hasPrefix("free hugepages: 8 of 64 KiB"))
    }

    @Test func `pages that the control group keeps from us are asked for in the pod alone`() throws
    {
        let machine = try pod()
        try machine.addVersionTwo(["hugetlb.2MB.max": "0", "hugetlb.2MB.current": "0"])
        let found = complaints(settings(resource), machine)
        #expect(found.map(\.node) == [nil])
        #expect(found[0].finding.contains("lets us have 0 MiB"))
        #expect(StartPlan(settings(resource), machine.surroundings).memory.pages == nil)
    }

    @Test func `memory stays below the limit, and larger pages of others are left alone`() throws {
        let machine = try pod()
        try machine.addPages(1 << 20, [2, 2])
        try machine.write("n /hugepages hugetlbfs rw,pagesize=2M 0 0\n", "proc/self/mounts")
        try machine.addVersionTwo(["hugetlb.1GB.max": "0", "hugetlb.2MB.max": "268435456"])
        let memory = StartPlan(settings(resource), machine.surroundings).memory
        #expect(memory.pages?.name == "2Mi" && memory.limit == 256)
        #expect(memory.directory == "/hugepages")
    }
}
