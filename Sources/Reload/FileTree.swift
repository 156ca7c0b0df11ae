// SPDX-License-Identifier: Apache-2.0
package import ConfigurationFiles
import Linux
import Synchronization

/// Files of one moment: each directory is resolved once, and every file read through what it was.
///
/// Kubernetes updates a mounted ConfigMap by pointing the link `..data` to a new directory; all files
/// of the volume change at that instant. Whoever opened them one after another through `..data`
/// could see two versions, so the link is followed once for the whole reading.
package final class FileTree: SourceReader {
    /// Octets; larger files are no configuration, and reading them would hold up every reload.
    private static let limit = 64 << 20

    private struct State {
        /// Where a directory's files really are, by its name.
        var directories: [String: String] = [:]
        /// What each file was when it was read, by its real path.
        var identities: [String: Files.Identity?] = [:]
        /// What each `..data` said.
        var links: [String: String] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package func read(_ path: String) throws(SourceError) -> [UInt8] {
        let (directory, name) = Self.split(path)
        let real = "\(resolved(directory))/\(name)"
        let before = Files.identity(of: real)
        if let size = before?.size, size > Self.limit {
            let message = "it has \(size) octets, and accepted are at most \(Self.limit) (64 MiB)"
            throw SourceError(path: path, message: message)
        }
        do throws(LinuxError) {
            let bytes = try Files.read(real, limit: Self.limit)
            state.withLock { $0.identities[real] = before }
            return bytes
        } catch {
            throw SourceError(path: path, message: error.reason)
        }
    }

    package func glob(_ pattern: String) -> [String] {
        // Patterns are for names; a directory in which one stands is resolved as any other.
        let (directory, name) = Self.split(pattern)
        guard !directory.contains("*"), !directory.contains("?") else { return Files.glob(pattern) }
        let names = (try? Files.list(resolved(directory))) ?? []
        return names.filter { matches($0, pattern: name) && !$0.hasPrefix(".") }
            .map { "\(directory)/\($0)" }
    }

    package func list(_ directory: String) throws(SourceError) -> [String] {
        do throws(LinuxError) {
            let real = resolved(directory)
            return try Files.list(real).filter { !Files.isDirectory("\(real)/\($0)") }
        } catch {
            throw SourceError(path: directory, message: error.reason)
        }
    }

    /// Whether everything that was read is still what it was.
    package var isUnchanged: Bool {
        state.withLock { state in
            state.identities.allSatisfy { Files.identity(of: $0) == $1 }
                && state.links.allSatisfy { Files.link($0) == $1 }
        }
    }

    /// Directories whose link `..data` was followed: where a volume changes.
    package var volumes: [String] {
        state.withLock { $0.links.keys.map { Self.split($0).directory } }
    }

    /// Where `directory` really is, with the link `..data` of its volume followed once.
    private func resolved(_ directory: String) -> String {
        state.withLock { state in
            if let known = state.directories[directory] { return known }
            var real = directory
            if let found = Self.volume(of: directory) {
                let link = "\(found.volume)/..data"
                let target = state.links[link] ?? Files.link(link)
                if let target {
                    state.links[link] = target
                    let root = target.hasPrefix("/") ? target : "\(found.volume)/\(target)"
                    real = root + found.below
                }
            }
            state.directories[directory] = real
            return real
        }
    }

    /// The volume that `directory` is, or that it is a directory of: the kubelet makes a link to
    /// `..data/NAME` for each name in a volume.
    private static func volume(of directory: String) -> (volume: String, below: String)? {
        if Files.link("\(directory)/..data") != nil { return (directory, "") }
        let (above, name) = split(directory)
        guard Files.link(directory) == "..data/\(name)" else { return nil }
        return (above, "/\(name)")
    }

    private static func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let directory = String(path[..<slash])
        return (directory.isEmpty ? "/" : directory, String(path[path.index(after: slash)...]))
    }
}
