// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Discovery

@Suite struct LimitsTests {
    @Test func `version 2 gives cpuset, quota and hugepage limits`() throws {
        let machine = try FakeMachine()
        try machine.addPages(2048, [256, 256])
        try machine.addVersionTwo([
            "cpuset.cpus.effective": "2-5", "cpu.max": "250000 100000",
            "hugetlb.2MB.max": "536870912",
            "hugetlb.2MB.current": "134217728", "hugetlb.1GB.max": "max",
        ])
        let found = Findings(machine.surroundings, networkStatus: nil)
        #expect(found.limits.cpuset == "2-5" && found.limits.quota == 2.5)
        #expect(found.hugepages.map(\.name) == ["2Mi", "1Gi"])
        #expect(found.hugepages[0].limit == 512 << 20 && found.hugepages[0].room == 384 << 20)
        #expect(found.hugepages[0].free == 512 && found.hugepages[0].available == 192)
        #expect(found.hugepages[1].limit == nil)
    }

    @Test func `version 1 gives the same, from the group that the mount shows`() throws {
        let machine = try FakeMachine()
        try machine.addPages(2048, [256, 256])
        try machine.addVersionOne([
            "cpuset/cpuset.effective_cpus": "2-5", "cpu,cpuacct/cpu.cfs_quota_us": "250000",
            "cpu,cpuacct/cpu.cfs_period_us": "100000",
            "hugetlb/hugetlb.2MB.limit_in_bytes": "536870912",
            "hugetlb/hugetlb.2MB.usage_in_bytes": "134217728",
            "hugetlb/hugetlb.1GB.limit_in_bytes": "9223372035781033984",
        ])
        let found = Findings(machine.surroundings, networkStatus: nil)
        #expect(found.limits.cpuset == "2-5" && found.limits.quota == 2.5)
        #expect(found.hugepages[0].available == 192 && found.hugepages[1].limit == nil)
    }

    @Test func `the tightest group above counts`() throws {
        let machine = try FakeMachine()
        try machine.addVersionTwo([
            "pod/hugetlb.2MB.max": "4194304", "pod/c/hugetlb.2MB.max": "max",
        ])
        try machine.write("0::/pod/c\n", "proc/self/cgroup")
        try machine.write("max 100000\n", "sys/fs/cgroup/pod/c/cpu.max")
        try machine.write("150000 100000\n", "sys/fs/cgroup/pod/cpu.max")
        let found = Findings(machine.surroundings, networkStatus: nil)
        #expect(found.hugepages[0].limit == 4 << 20 && found.limits.quota == 1.5)
    }

    @Test func `a machine without control groups has no limits`() throws {
        let found = Findings(try FakeMachine().surroundings, networkStatus: nil)
        #expect(found.limits.quota == nil && found.limits.cpuset == nil)
        #expect(found.hugepages.allSatisfy { $0.limit == nil })
    }

    @Test func `what may be locked is the limit's or the capability's`() throws {
        let machine = try FakeMachine()
        var found = Findings(machine.surroundings, networkStatus: nil)
        #expect(found.lockableMemory == 8 << 20 && found.capabilities == ["NET_RAW", "IPC_LOCK"])
        #expect(found.mayLock(1 << 30))
        found.capabilities = []
        #expect(!found.mayLock(1 << 30) && found.mayLock(8 << 20))
        try machine.write("Max locked memory unlimited unlimited bytes\n", "proc/self/limits")
        #expect(Findings(machine.surroundings, networkStatus: nil).lockableMemory == nil)
    }

    @Test func `hugetlbfs is known by its page size`() throws {
        let machine = try FakeMachine()
        try machine.write(
            """
            nodev /dev/hugepages hugetlbfs rw,relatime 0 0
            nodev /hugepages-1Gi hugetlbfs rw,relatime,pagesize=1024M 0 0
            tmpfs /tmp tmpfs rw 0 0
            """,
            "proc/self/mounts"
        )
        let pools = Findings(machine.surroundings, networkStatus: nil).hugepages
        #expect(pools.map(\.mounts) == [["/dev/hugepages"], ["/hugepages-1Gi"]])
    }

    @Test(arguments: [
        ("0-3,8", [0, 1, 2, 3, 8], "0-3,8"), ("5", [5], "5"), ("", [], "none"),
        ("x,1-0,2-3", [2, 3], "2-3"),
    ])
    func `CPU lists are read and written as the kernel does`(
        text: String,
        cpus: [Int],
        written: String
    ) {
        #expect(CPUList(text).cpus == cpus)
        #expect(CPUList(cpus).description == written)
    }
}
