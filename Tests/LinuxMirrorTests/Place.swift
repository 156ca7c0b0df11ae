// SPDX-License-Identifier: Apache-2.0
import CLinux
import Foundation
import Glibc
import LinuxMirror
import Synchronization

/// A network namespace of a test's own.
final class Place: Sendable {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private static let count = Atomic(0)
    let name: String

    static var isAllowed: Bool { geteuid() == 0 }

    init() throws {
        let number = Self.count.add(1, ordering: .relaxed).newValue
        name = "dpvsm\(getpid())x\(number)"
        try Self.run("netns add \(name)")
    }

    deinit { try? Self.run("netns delete \(name)") }

    /// Runs `ip WORDS` inside.
    func ip(_ words: String) throws { try Self.run("-n \(name) \(words)") }

    /// Runs lines of `ip` commands inside.
    func batch(_ lines: [String]) throws {
        let file = FileManager.default.temporaryDirectory.appending(path: name)
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(lines.joined(separator: "\n").utf8).write(to: file)
        try Self.run("-n \(name) -batch \(file.path)")
    }

    /// A companion without its other half.
    func addCompanion(_ name: String) throws {
        try ip("tuntap add name \(name) mode tap")
        try ip("link set \(name) up")
    }

    /// A mirror that was made inside; the calling thread is outside again afterwards.
    func mirror(_ names: String..., buffer: Int = 1 << 20) throws -> KernelMirror {
        let outside = unsafe open("/proc/thread-self/ns/net", O_RDONLY)
        let inside = unsafe open("/run/netns/\(name)", O_RDONLY)
        defer {
            close(outside)
            close(inside)
        }
        guard CLinux_enter_network(inside) == 0 else { throw Failure(description: "setns") }
        defer { _ = CLinux_enter_network(outside) }
        return try KernelMirror(names, buffer: buffer)
    }

    private static func run(_ words: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["ip"] + words.split(separator: " ").map(String.init)
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let text = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(
                description: "ip \(words): \(String(decoding: text, as: UTF8.self))"
            )
        }
    }
}

extension KernelMirror {
    /// The first view that `condition` is true of, from now on; nil when none comes within `limit`.
    func view(
        within limit: Duration = .seconds(1),
        where condition: @escaping @Sendable (KernelView) -> Bool
    ) async -> KernelView? {
        await withTaskGroup(of: KernelView?.self) { group in
            group.addTask { [views] in await views.first(where: condition) }
            group.addTask {
                try? await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}
