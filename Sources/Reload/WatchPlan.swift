// SPDX-License-Identifier: Apache-2.0
import Linux

/// Which directories to watch so that a change in any of some, or its return, is seen.
struct WatchPlan: Equatable, Sendable {
    /// What is there, by path; another inode is another directory.
    private(set) var present: [String: Inode] = [:]
    /// For those that are not there: the nearest directories above, where they will come back.
    private(set) var ancestors: [String: Inode] = [:]

    struct Inode: Equatable, Sendable {
        var device: UInt64
        var number: UInt64
    }

    init(_ directories: [String]) {
        for directory in directories {
            if let inode = Self.inode(directory) {
                present[directory] = inode
            } else {
                var above = directory
                repeat { above = Self.parent(of: above) } while Self.inode(above) == nil
                ancestors[above] = Self.inode(above)
            }
        }
    }

    var paths: [String] { Set(present.keys).union(ancestors.keys).sorted() }

    private static func inode(_ path: String) -> Inode? {
        // The root and the working directory cannot be missing.
        if path == "/" || path == "." { return Inode(device: 0, number: 0) }
        guard Files.isDirectory(path), let identity = Files.identity(of: path) else { return nil }
        return Inode(device: identity.device, number: identity.inode)
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
