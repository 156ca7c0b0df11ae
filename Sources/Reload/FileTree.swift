// SPDX-License-Identifier: Apache-2.0
package import ConfigurationFiles
import Glibc
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
        guard !Files.isDirectory(real) else {
            throw SourceError(path: path, message: "it is a directory")
        }
        do throws(LinuxError) {
            let bytes = try Files.read(real, limit: Self.limit)
            state.withLock { $0.identities[real] = before }
            return bytes
        } catch {
            throw SourceError(error, on: path)
        }
    }

    /// Files that one pattern may name, and names that are looked at to find them.
    private static let mostMatches = 256
    private static let mostNames = 20_000

    package func glob(_ pattern: String) throws(SourceError) -> [String] {
        var names = 0
        var found = [pattern.hasPrefix("/") ? "/" : ""]
        let parts = pattern.split(separator: "/").map(String.init)
        for (number, part) in parts.enumerated() {
            let isLast = number == parts.count - 1
            var next: [String] = []
            for folder in found {
                next += try matching(part, in: folder, pattern, &names)
                    .filter { isLast || Files.isDirectory($0) }
            }
            guard next.count <= Self.mostMatches else {
                let message = "matches more than \(Self.mostMatches) files or directories"
                throw SourceError(path: pattern, message: message)
            }
            found = next
        }
        return found.filter(Files.isRegular).sorted()
    }

    /// The entries of a directory, which ends with a slash or is "", that match one part of a pattern.
    private func matching(
        _ part: String,
        in folder: String,
        _ pattern: String,
        _ names: inout Int
    ) throws(SourceError) -> [String] {
        let base = folder.isEmpty || folder.hasSuffix("/") ? folder : folder + "/"
        guard part.contains(where: { "*?[".contains($0) }) else {
            return Files.identity(of: base + part) == nil ? [] : [base + part]
        }
        let directory = folder.isEmpty ? "." : folder
        let entries: [String]
        do throws(LinuxError) {
            entries = try Files.list(resolved(directory), limit: Self.mostNames)
        } catch {
            if error.code == ENOENT || error.code == EACCES { return [] }
            throw SourceError(error, on: directory)
        }
        names += entries.count
        guard names <= Self.mostNames else {
            let message = "would look at more than \(Self.mostNames) files"
            throw SourceError(path: pattern, message: message)
        }
        return entries.filter { !$0.hasPrefix(".") && matches($0, pattern: part) }
            .map { base + $0 }
    }

    package func list(_ directory: String) throws(SourceError) -> [String] {
        do throws(LinuxError) {
            let real = resolved(directory)
            return try Files.list(real, limit: Self.mostNames)
                .filter { !Files.isDirectory("\(real)/\($0)") }
        } catch {
            throw SourceError(error, on: directory)
        }
    }

    package func isOutside(_ path: String, of main: String) -> Bool {
        let folder = Self.split(main).directory
        // What is no link, and below by its name, needs no walk along the path.
        if path.hasPrefix(folder + "/"), !path.contains("/../"), Files.link(path) == nil {
            return false
        }
        guard let file = Files.resolve(path), let start = Files.resolve(folder) else {
            return false
        }
        return !file.hasPrefix(start == "/" ? start : start + "/")
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

extension SourceError {
    fileprivate init(_ error: LinuxError, on path: String) {
        let kind: Kind =
            if error.isMissing { .missing } else if error.isPassing { .passing } else { .other }
        let message =
            switch error.code {
            case EFBIG: "it has more than is accepted"
            default: error.reason
            }
        self.init(path: path, message: message, kind)
    }
}
