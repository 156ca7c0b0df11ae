// SPDX-License-Identifier: Apache-2.0
import Foundation
import Subprocess
import Synchronization
import Testing

/// The network of `scripts/lab`: a client 10.0.0.10, a balancer's place, and nginx on 10.0.1.2, .3
/// and .4.
struct Lab: Sendable {
    let name: String
    let directory: String

    /// Builds a lab around `body` and takes it down whatever comes of it.
    static func run(_ body: (Lab) async throws -> Void) async throws {
        let number = count.add(1, ordering: .relaxed).newValue
        let name = "dpvst\(ProcessInfo.processInfo.processIdentifier)x\(number)"
        let lab = Lab(name: name, directory: "/tmp/\(name)")
        try FileManager.default
            .createDirectory(atPath: lab.directory, withIntermediateDirectories: false)
        let script = "\(Program.repository)/scripts/lab"
        do {
            try await Program.demand([script, "up", name, lab.directory])
            try await body(lab)
        } catch {
            await lab.takeDown()
            throw error
        }
        await lab.takeDown()
    }

    private static let count = Atomic(0)

    /// In a task of its own, which is not cancelled with a test that takes too long.
    private func takeDown() async {
        await Task {
            let script = "\(Program.repository)/scripts/lab"
            await #expect(throws: Never.self) {
                defer { try? FileManager.default.removeItem(atPath: directory) }
                try await Program.demand([script, "down", name, directory])
            }
        }
        .value
    }

    // MARK: - Places

    enum Place: String {
        case client, balancer, backends
        /// Another balancer's: see `Pair`.
        case second
    }

    /// The command line that runs `words` in a namespace, on every CPU: tests of EAL and of pinning
    /// may have left the calling thread with one.
    func command(in place: Place, _ words: [String]) -> [String] {
        ["taskset", "ffffffff", "ip", "netns", "exec", "\(name)-\(place.rawValue)"] + words
    }

    func run(
        in place: Place,
        _ words: String...,
        timeout: Duration = .seconds(30)
    ) async throws -> Program.Outcome {
        try await Program.run(command(in: place, words), timeout: timeout)
    }

    /// An `ip` command in a namespace.
    func ip(_ place: Place, _ words: String) async throws {
        let words = words.split(separator: " ").map(String.init)
        try await Program.demand(["ip", "-n", "\(name)-\(place.rawValue)"] + words)
    }

    /// A second pair of interfaces: client1 to 10.0.2.10/24, backend1 to 10.0.3.2/24.
    func addInterfaces() async throws {
        for (link, place, address) in [
            ("client1", Place.client, "10.0.2.10/24"), ("backend1", .backends, "10.0.3.2/24"),
        ] {
            let peer = "peer name eth1 netns \(name)-\(place.rawValue)"
            try await ip(.balancer, "link add \(link) type veth \(peer)")
            try await ip(.balancer, "link set \(link) up")
            try await Program.demand(command(in: place, ["ethtool", "-K", "eth1", "tso", "off"]))
            try await ip(place, "link set eth1 up")
            try await ip(place, "address add \(address) dev eth1")
        }
    }

    // MARK: - Clients

    /// What curl makes of a URL; extra words go before it.
    func curl(
        _ url: String = "http://10.0.0.100/",
        _ options: String...
    ) async throws -> Program.Outcome {
        let words = ["curl", "-sS", "--max-time", "10"] + options + [url]
        return try await Program.run(command(in: .client, words))
    }

    /// The numbers of the backends that answer `count` connections, one after another.
    func backends(
        answering count: Int,
        at url: String = "http://10.0.0.100/",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [Int] {
        let outcome = try await curl("\(url)?[1-\(count)]", "-H", "Connection: close")
        try #require(outcome.status == 0, "\(outcome.errors)", sourceLocation: sourceLocation)
        return outcome.output.split(separator: "\n")
            .compactMap { $0.hasPrefix("hello") ? $0.last?.wholeNumberValue : nil }
    }

    // MARK: - Servers

    /// Runs a server in the backends' namespace while `body` works with it.
    func serve(_ words: String..., body: () async throws -> Void) async throws {
        try await serve(words, in: .backends, body: body)
    }

    /// The same in another namespace.
    func serve(
        _ words: [String],
        in place: Place,
        body: () async throws -> Void
    ) async throws {
        let command = command(in: place, words)
        _ = try await Subprocess.run(
            .name(command[0]),
            arguments: Arguments(Array(command.dropFirst())),
            input: .none,
            output: .discarded,
            error: .discarded
        ) { server in
            try await body()
            try server.send(signal: .terminate)
        }
    }
}
