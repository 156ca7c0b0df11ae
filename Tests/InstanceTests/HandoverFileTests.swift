// SPDX-License-Identifier: Apache-2.0
import Balancing
import FileTesting
import Foundation
import Provisioning
import Testing

@testable import Instance

@Suite struct HandoverFileTests {
    private let directory: TemporaryDirectory
    private let file: HandoverFile

    init() throws {
        directory = try TemporaryDirectory()
        file = HandoverFile(path: "\(directory.path)/connections")
    }

    private func connection(_ port: Int) throws -> SavedConnection {
        var octets = [UInt8](repeating: 0, count: SavedConnection.encodedSize)
        // IPv4, mapped: 10.0.0.1 and 10.0.0.2 both ways.
        for (place, last) in [(0, 1), (16, 2), (40, 2), (56, 1)] {
            octets.replaceSubrange(
                place + 10..<place + 16,
                with: [255, 255, 10, 0, 0, UInt8(last)]
            )
        }
        (octets[32], octets[33]) = (UInt8(port >> 8), UInt8(port & 0xFF))
        return try #require(SavedConnection(reading: octets))
    }

    private func write(_ count: Int) throws {
        var head = Handover.Head()
        head.bootID = "boot"
        head.workers = 2
        head.digest = "abc"
        head.backends = [.init(service: "10.0.0.1:80/tcp", endpoint: "10.0.0.2:80", counters: [7])]
        head.connections = count
        head.clients = 3
        head.counters.workers = [["received": 9]]
        let clients = (0..<3).compactMap { SavedClient(reading: Array(repeating: $0, count: 16)) }
        try file.write(Handover(head: head, clients: clients)) { keep in
            for port in 0..<count { try keep(connection(port)) }
        }
    }

    @Test(arguments: [0, 1, 10_000])
    func `what is written is read`(count: Int) throws {
        try write(count)
        let handover = try #require(try file.read(bootID: "boot"))
        #expect(handover.connections.count == count)
        #expect(handover.head.workers == 2)
        #expect(handover.head.backends.first?.counters == [7])
        #expect(handover.head.counters.workers == [["received": 9]])
        #expect(handover.clients.map(\.encoded) == (0..<3).map { Array(repeating: $0, count: 16) })
        for (port, connection) in handover.connections.enumerated() {
            #expect(Int(connection.client.sourcePort) == port)
        }
        let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions]
        #expect(mode as? Int == 0o600)
    }

    @Test func `nothing there is no error`() throws {
        #expect(try file.read(bootID: "boot") == nil)
    }

    @Test func `a file of another boot is not read`() throws {
        try write(1)
        #expect(throws: HandoverFile.Failure.self) { try file.read(bootID: "another") }
    }

    @Test func `a file that is cut off or changed anywhere is not read`() throws {
        try write(3)
        let whole = try Data(contentsOf: URL(filePath: file.path))
        for length in stride(from: 0, to: whole.count, by: 37) {
            try whole.prefix(length).write(to: URL(filePath: file.path))
            #expect(throws: HandoverFile.Failure.self) { try file.read(bootID: "boot") }
        }
        for place in stride(from: 0, to: whole.count, by: 29) {
            var changed = whole
            changed[place] ^= 0x40
            try changed.write(to: URL(filePath: file.path))
            #expect(throws: HandoverFile.Failure.self) { try file.read(bootID: "boot") }
        }
    }
}
