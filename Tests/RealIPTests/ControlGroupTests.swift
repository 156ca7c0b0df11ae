// SPDX-License-Identifier: Apache-2.0
import FileTesting
import Testing

@testable import RealIP

@Suite struct ControlGroupTests {
    private static let unified = """
        24 1 0:22 / /sys rw,nosuid - sysfs sysfs rw
        30 24 0:26 / /sys/fs/cgroup rw,nosuid,nodev - cgroup2 cgroup2 rw,nsdelegate
        """
    private static let hybrid = """
        30 24 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw
        31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
        32 30 0:28 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw
        """

    @Test func `the hierarchy is found where it is mounted`() {
        #expect(ControlGroup.mountPoint(in: Self.unified) == "/sys/fs/cgroup")
        #expect(ControlGroup.mountPoint(in: Self.hybrid) == "/sys/fs/cgroup/unified")
        #expect(ControlGroup.mountPoint(in: "31 30 0:27 / /x rw - cgroup cgroup rw,cpu") == nil)
        #expect(ControlGroup.mountPoint(in: "31 30 0:27 / /cgroup2 rw - ext4 cgroup2 rw") == nil)
    }

    @Test func `a process's group is the line without a controller`() {
        let text = "4:memory:/a/b\n0::/system.slice/nginx.service\n"
        #expect(ControlGroup.path(in: text) == "/system.slice/nginx.service")
        #expect(ControlGroup.path(in: "4:memory:/a/b\n") == nil)
    }

    @Test func `a unit is found in slices, and only when there is one of its name`() throws {
        let directory = try TemporaryDirectory()
        for name in ["system.slice", "system.slice/nginx.service", "user.slice"] {
            try directory.makeDirectory(name)
        }
        let found = ControlGroup.find("nginx.service", below: directory.path, depth: 8)
        #expect(found == ["\(directory.path)/system.slice/nginx.service"])
        try directory.makeDirectory("user.slice/nginx.service")
        #expect(ControlGroup.find("nginx.service", below: directory.path, depth: 8).count == 2)
        #expect(ControlGroup.find("apache.service", below: directory.path, depth: 8) == [])
    }

    @Test func `a process that is not there is named`() {
        #expect {
            try ControlGroup.directory(ofProcess: "4194999")
        } throws: {
            "\($0)".hasPrefix("there is no process 4194999")
        }
    }
}
