// SPDX-License-Identifier: Apache-2.0
import FileTesting
import Foundation
import Linux
import Testing

@Suite struct ClaimsTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func claims(_ instance: String) throws -> Claims {
        try Claims(in: directory.path + "/claims", instance: instance)
    }

    private let address = Claim(.address, "10.0.0.100", in: "net:[1]")

    @Test func `what one instance has, another is refused by name`() throws {
        let a = try claims("a")
        try a.hold([Claim(.device, "0000:06:02.1")], for: .devices)
        try a.hold([address], for: .addresses)
        let b = try claims("b")
        let error = #expect(throws: ClaimError.self) { try b.hold([address], for: .addresses) }
        #expect(
            error?.description == "address 10.0.0.100 in net:[1] belongs to instance 'a' "
                + "(process \(getpid()))"
        )
        #expect(throws: ClaimError.self) {
            try b.hold([Claim(.device, "0000:06:02.1")], for: .devices)
        }
        try b.hold([Claim(.device, "0000:06:02.2")], for: .devices)
    }

    @Test func `the same address in another network namespace is another address`() throws {
        let a = try claims("a")
        try a.hold([address], for: .addresses)
        let b = try claims("b")
        try b.hold([Claim(.address, "10.0.0.100", in: "net:[2]")], for: .addresses)
    }

    @Test func `what is given up, or was an ended instance's, is free`() throws {
        let b = try claims("b")
        do {
            let a = try claims("a")
            try a.hold([address], for: .addresses)
            try a.hold([], for: .addresses)
            try b.hold([address], for: .addresses)
            try b.hold([], for: .addresses)
            try a.hold([address], for: .addresses)
            #expect(throws: ClaimError.self) { try b.hold([address], for: .addresses) }
        }
        try b.hold([address], for: .addresses)
        #expect(!FileManager.default.fileExists(atPath: directory.path + "/claims/a"))
        // A killed instance leaves its file.
        try directory.write("1\naddress 10.0.0.101 in net:[1]\n", to: "claims/dead")
        try b.hold([Claim(.address, "10.0.0.101", in: "net:[1]")], for: .addresses)
        #expect(!FileManager.default.fileExists(atPath: directory.path + "/claims/dead"))
    }

    @Test func `a refusal changes nothing`() throws {
        let a = try claims("a")
        try a.hold([address], for: .addresses)
        let b = try claims("b")
        let own = Claim(.address, "10.0.0.7", in: "net:[1]")
        try b.hold([own], for: .addresses)
        #expect(throws: ClaimError.self) { try b.hold([address], for: .addresses) }
        #expect(throws: ClaimError.self) { try a.hold([own], for: .addresses) }
    }

    @Test func `a name is one instance's`() throws {
        let first = try claims("a")
        let error = #expect(throws: LinuxError.self) { try claims("a") }
        #expect(error?.code == EWOULDBLOCK)
        try first.hold([], for: .devices)
    }

    private func mode(_ path: String) throws -> Int? {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return attributes[.posixPermissions] as? Int
    }

    @Test func `only the owner can open, and so lock, what instances share`() throws {
        let path = directory.path + "/claims"
        // As an earlier version left them.
        try directory.makeDirectory("claims")
        try directory.write("", to: "claims/.lock")
        for (name, mode) in [("claims", 0o755), ("claims/.lock", 0o644)] {
            try FileManager.default
                .setAttributes(
                    [.posixPermissions: mode],
                    ofItemAtPath: "\(directory.path)/\(name)"
                )
        }
        let a = try claims("a")
        try a.hold([address], for: .addresses)
        #expect(try mode(path) == 0o700)
        #expect(try mode(path + "/.lock") == 0o600)
        #expect(try mode(path + "/a") == 0o600)
    }

    @Test func `a lock that is not given back is an error that names who has it`() throws {
        let a = try claims("a")
        let path = directory.path + "/claims/.lock"
        let other = unsafe open(path, O_RDONLY)
        try #require(flock(other, LOCK_EX) == 0)
        let start = ContinuousClock.now
        let error = #expect(throws: LockError.self) { try a.hold([address], for: .addresses) }
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(error?.description.contains("process \(getpid()) has kept this lock") == true)
        close(other)
        try a.hold([address], for: .addresses)
    }

    @Test func `a link or a pipe in the place of a lock file is refused`() throws {
        try directory.write("precious", to: "target")
        let link = directory.path + "/pid"
        try FileManager.default
            .createSymbolicLink(atPath: link, withDestinationPath: directory.path + "/target")
        #expect(throws: LinuxError.self) { try InstanceLock(link) }
        let text = try String(contentsOfFile: directory.path + "/target", encoding: .utf8)
        #expect(text == "precious")
        let queue = directory.path + "/fifo"
        try #require(unsafe mkfifo(queue, 0o600) == 0)
        #expect(throws: LinuxError.self) { try InstanceLock(queue) }
    }
}
