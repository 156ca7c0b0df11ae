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

    @Test func `another's hierarchy that is mounted into a container is not taken for the own`() {
        let host = "40 1 0:28 / /host/cgroup ro - cgroup2 cgroup2 rw"
        #expect(ControlGroup.mountPoint(in: "\(Self.unified)\n\(host)") == "/sys/fs/cgroup")
        #expect(ControlGroup.mountPoint(in: host) == "/host/cgroup")
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
        func unit(_ name: String) throws -> String {
            let path = try ControlGroup.directory(ofUnit: name, below: directory.path)
            return String(path.dropFirst(directory.path.count))
        }
        #expect(try unit("nginx.service") == "/system.slice/nginx.service")
        #expect(try unit("nginx") == "/system.slice/nginx.service")
        try directory.makeDirectory("user.slice/nginx.service")
        #expect(throws: ControlGroupError.self) { try unit("nginx") }
        #expect(throws: ControlGroupError.self) { try unit("apache") }
    }

    /// As the kubelet names them with its two drivers.
    @Test(arguments: [
        "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod12ab_34cd.slice",
        "kubepods.slice/kubepods-pod12ab_34cd.slice",
        "kubepods/burstable/pod12ab-34cd",
    ])
    func `a pod is found by its UID`(path: String) throws {
        let directory = try TemporaryDirectory()
        var made = ""
        for part in "\(path)/container".split(separator: "/") {
            made += (made.isEmpty ? "" : "/") + part
            try directory.makeDirectory(made)
        }
        let found = try ControlGroup.directory(ofPod: "12ab-34cd", below: directory.path)
        #expect(found == "\(directory.path)/\(path)")
        #expect {
            try ControlGroup.directory(ofPod: "12ab-34ce", below: directory.path)
        } throws: {
            "\($0)".hasPrefix("no control group below")
        }
    }

    @Test func `a process that is not there is named`() {
        #expect {
            try ControlGroup.directory(ofProcess: "4194999")
        } throws: {
            "\($0)".hasPrefix("there is no process 4194999")
        }
    }
}
