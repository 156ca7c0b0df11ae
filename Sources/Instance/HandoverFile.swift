// SPDX-License-Identifier: Apache-2.0
import Balancing
import Cryptography
import Foundation
import Linux
import Model
import Provisioning

/// The file in which one process leaves its connections to the next.
///
///     "DPVSWARM" | length of the head (4, little-endian) | head, JSON
///         | connections | clients | SHA-256
///
/// It belongs on a file system in memory: what it says is stale after minutes and worthless after a
/// reboot. Only a file that is complete, of this form and of this boot is believed.
struct HandoverFile {
    let path: String

    private static let magic = Array("DPVSWARM".utf8)
    private static let digestSize = 32
    /// A full table of 64 million connections, and its head.
    private static let largest = 16 << 30

    /// The file of `instance`, unless the configuration names another.
    init(instance: String, _ settings: Settings) {
        path = settings.text("global_defs.warm_restart_file") ?? "/run/dpvs/\(instance)/connections"
    }

    init(path: String) { self.path = path }

    // MARK: - Writing

    /// Octets of connections that are written at once.
    private static let chunk = 1 << 20

    /// Writes `handover`, with the `head.connections` connections that `save` calls its argument
    /// with in the place of its own.
    func write(
        _ handover: Handover,
        save: ((SavedConnection) throws -> Void) throws -> Void
    ) throws {
        let text = [UInt8](try JSONEncoder().encode(handover.head))
        let length = (0..<4).map { UInt8(truncatingIfNeeded: text.count >> ($0 * 8)) }
        let output = try Output(path)
        try output.append(Self.magic + length + text)
        var records: [UInt8] = []
        records.reserveCapacity(Self.chunk + SavedConnection.encodedSize)
        try save { connection in
            records += connection.encoded
            if records.count >= Self.chunk {
                try output.append(records)
                records.removeAll(keepingCapacity: true)
            }
        }
        for client in handover.clients { records += client.encoded }
        try output.append(records)
        try output.finish()
    }

    /// A file, and the digest of what was written to it so far.
    private final class Output {
        private var file: FileReplacement
        private var digest = SHA256.Running()

        init(_ path: String) throws(LinuxError) { file = try FileReplacement(of: path) }

        func append(_ octets: [UInt8]) throws(LinuxError) {
            digest.append(octets)
            try file.append(octets)
        }

        func finish() throws(LinuxError) {
            try file.append(digest.finish())
            try file.commit()
        }
    }

    // MARK: - Reading

    enum Failure: Error, CustomStringConvertible {
        case unreadable(LinuxError)
        case damaged(String)
        case foreign(String)

        var description: String {
            switch self {
            case .unreadable(let error): "\(error)"
            case .damaged(let what): "it is damaged: \(what)"
            case .foreign(let what): "it is not for this process: \(what)"
            }
        }
    }

    /// What is there; nil when there is no file.
    func read(bootID: String) throws(Failure) -> Handover? {
        let bytes: [UInt8]
        do {
            bytes = try Files.read(path, limit: Self.largest)
        } catch {
            if error.code == ENOENT { return nil }
            throw .unreadable(error)
        }
        let frontSize = Self.magic.count + 4
        guard bytes.count >= frontSize + Self.digestSize, bytes.starts(with: Self.magic) else {
            throw .damaged("it does not begin as such files do")
        }
        let body = bytes.dropLast(Self.digestSize)
        var digest = SHA256.Running()
        digest.append(body)
        guard digest.finish() == Array(bytes.suffix(Self.digestSize)) else {
            throw .damaged("its checksum is another")
        }
        let length = bytes[Self.magic.count..<frontSize].reversed()
            .reduce(0) { $0 << 8 | Int($1) }
        guard length <= body.count - frontSize else { throw .damaged("its head is cut off") }
        let recordsStart = frontSize + length
        let head: Handover.Head
        do {
            head = try JSONDecoder()
                .decode(Handover.Head.self, from: Data(bytes[frontSize..<recordsStart]))
        } catch {
            throw .foreign("its head is of another version")
        }
        let expected = Handover.Head()
        guard head.version == expected.version, head.sideLayout == expected.sideLayout else {
            throw .foreign("it is of another version")
        }
        guard head.bootID == bootID else { throw .foreign("it is from before a reboot") }
        let records = body[recordsStart...]
        // Neither number can be more than there are octets, so nothing overflows.
        guard (0...records.count).contains(head.connections),
            (0...records.count).contains(head.clients),
            records.count
                == head.connections * SavedConnection.encodedSize
                + head.clients * SavedClient.encodedSize
        else { throw .damaged("it has other numbers of connections and clients than it says") }
        let clients = records.suffix(head.clients * SavedClient.encodedSize)
        return Handover(
            head: head,
            connections: try Self.connections(records.prefix(records.count - clients.count)),
            clients: Self.clients(clients)
        )
    }

    private static func clients(_ records: ArraySlice<UInt8>) -> [SavedClient] {
        stride(from: records.startIndex, to: records.endIndex, by: SavedClient.encodedSize)
            .compactMap { SavedClient(reading: records[$0...]) }
    }

    private static func connections(
        _ records: ArraySlice<UInt8>
    ) throws(Failure) -> [SavedConnection] {
        var connections: [SavedConnection] = []
        connections.reserveCapacity(records.count / SavedConnection.encodedSize)
        var rest = records
        while !rest.isEmpty {
            let record = rest.prefix(SavedConnection.encodedSize)
            guard let connection = SavedConnection(reading: record) else {
                throw .damaged("connection \(connections.count) makes no sense")
            }
            connections.append(connection)
            rest = rest.dropFirst(SavedConnection.encodedSize)
        }
        return connections
    }

    func remove() { Files.remove(path) }
}
