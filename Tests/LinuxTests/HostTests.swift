// SPDX-License-Identifier: Apache-2.0
import FileTesting
import Foundation
import Linux
import Testing

@Suite struct HostTests {
    @Test func `the process may run somewhere`() {
        let cpus = Host.usableCPUs()
        #expect(!cpus.isEmpty)
        #expect(cpus == cpus.sorted())
    }

    @Test func `capabilities are read and named as Kubernetes does`() {
        let status = "Name:\tdpvs\nCapEff:\t0000000000006000\n"
        #expect(Capabilities("CapEff", ofStatus: status)?.words == ["NET_RAW", "IPC_LOCK"])
        #expect(Capabilities("CapPrm", ofStatus: status) == nil)
        #expect("\(Capabilities())" == "none" && "\(Capabilities(rawValue: .max))" == "all")
    }

    @Test func `the clock does not go back`() {
        let before = Host.monotonicNanoseconds
        #expect(Host.monotonicNanoseconds >= before)
    }

    @Test func `random numbers differ`() throws {
        #expect(try Host.randomNumber() != Host.randomNumber())
    }

    @Test func `a second instance learns who holds the lock`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/lock"
        let lock = try InstanceLock(path)
        let error = #expect(throws: LinuxError.self) { try InstanceLock(path) }
        #expect(error?.code == EWOULDBLOCK)
        #expect(InstanceLock.holder(of: path) == Int(getpid()))
        #expect(lock.path == path)
    }

    @Test func `a file beyond the limit is refused by name`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("12345", to: "file")
        let path = directory.path + "/file"
        #expect(try Files.read(path, limit: 5) == Array("12345".utf8))
        let error = #expect(throws: LinuxError.self) { try Files.read(path, limit: 4) }
        #expect(error?.code == EFBIG)
        #expect(error?.subject == path)
    }

    @Test func `a missing file is named in the error`() {
        let error = #expect(throws: LinuxError.self) {
            try Files.read("/nowhere/at/all", limit: 1)
        }
        #expect(error?.description == "/nowhere/at/all: No such file or directory (open)")
    }

    @Test func `a signalled event ends the wait at once`() throws {
        let event = try EventFD()
        event.signal()
        let start = ContinuousClock.now
        event.wait(for: .seconds(30))
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test func `a thread runs its body before it can be joined`() throws {
        let event = try EventFD()
        let thread = Linux.Thread(name: "test") { event.signal() }
        thread.join()
        event.wait(for: .seconds(30))
    }
}
