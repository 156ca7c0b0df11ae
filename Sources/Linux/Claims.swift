// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization

/// Something that one instance on a host has for itself.
package struct Claim: Hashable, Sendable, CustomStringConvertible {
    package enum Kind: String, Sendable { case device, interface, address }

    package var kind: Kind
    /// "0000:06:02.1", "eth1", "10.0.0.100".
    package var name: String
    /// The network namespace in which it is unique; nil: on the whole host.
    package var scope: String?

    package init(_ kind: Kind, _ name: String, in scope: String? = nil) {
        self.kind = kind
        self.name = name
        self.scope = scope
    }

    /// A line of the file.
    package var description: String {
        "\(kind.rawValue) \(name)" + (scope.map { " in \($0)" } ?? "")
    }
}

/// What the instances on a host have for themselves.
///
/// One file an instance in a directory that they share, one claim a line. A file counts as long as
/// the process that wrote it lives, because that holds the file's lock.
package final class Claims: Sendable {
    /// What is claimed at different times.
    package enum Part: Hashable, Sendable { case devices, companions, addresses }

    private let directory: String
    private let instance: String
    private let file: InstanceLock
    private let parts = Mutex<[Part: Set<Claim>]>([:])

    /// Throws a `LinuxError`: `EWOULDBLOCK` when a living instance has the name; a `LockError` when
    /// another process does not let others at the directory.
    package init(in directory: String, instance: String) throws {
        self.directory = directory
        self.instance = instance
        try Files.makePrivateDirectory(directory)
        file = try Self.alone(in: directory) { try InstanceLock("\(directory)/\(instance)") }
    }

    deinit { try? Self.alone(in: directory) { Files.remove(file.path) } }

    /// Runs `body` while no other process does so in this directory.
    private static func alone<Result>(
        in directory: String,
        _ body: () throws -> Result
    ) throws -> Result {
        try InstanceLock.alone(with: "\(directory)/.lock", body)
    }

    package func held(for part: Part) -> Set<Claim> { parts.withLock { $0[part] ?? [] } }

    /// Replaces what is claimed for `part`; throws, and nothing has changed, a `ClaimError` when
    /// another instance has one of them, and a `LockError` when nobody can look.
    package func hold(_ claims: Set<Claim>, for part: Part) throws {
        try parts.withLock { parts in
            // Most reloads claim what was claimed before.
            if parts[part] == claims { return }
            let added = Set(claims.subtracting(parts[part] ?? []).map(\.description))
            try Self.alone(in: directory) {
                // Nobody else can have what is ours already.
                if !added.isEmpty, let conflict = conflict(with: added) { throw conflict }
                parts[part] = claims
                file.write(parts.values.joined().map(\.description).sorted())
            }
        }
    }

    private func conflict(with claims: Set<String>) -> ClaimError? {
        let names = (try? Files.list(directory)) ?? []
        for name in names where name != instance && !name.hasPrefix(".") {
            let path = "\(directory)/\(name)"
            guard InstanceLock.isHeld(path) else {
                Files.remove(path)
                continue
            }
            let text = (try? Files.read(path, limit: 1 << 26)) ?? []
            let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").dropFirst()
            if let line = lines.first(where: { claims.contains(String($0)) }) {
                return ClaimError(
                    claim: String(line),
                    instance: name,
                    process: InstanceLock.holder(of: path)
                )
            }
        }
        return nil
    }
}

/// Something is another instance's.
package struct ClaimError: Error, Equatable, CustomStringConvertible {
    package var claim: String
    package var instance: String
    package var process: Int?

    package var description: String {
        let holder = process.map { " (process \($0))" } ?? ""
        return "\(claim) belongs to instance '\(instance)'\(holder)"
    }
}
