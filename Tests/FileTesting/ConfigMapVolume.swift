// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// A mounted ConfigMap, which the test changes as the kubelet does.
///
///     dpvs.conf -> ..data/dpvs.conf
///     web.yaml  -> ..data/web.yaml
///     ..data    -> ..2026_11_24_10_00_00.1
///     ..2026_11_24_10_00_00.1/dpvs.conf, web.yaml
///
/// An update writes a new directory of its own time, points `..data_tmp` to it, and renames that
/// onto `..data`: `AtomicWriter.Write` of Kubernetes (pkg/volume/util/atomic_writer.go).
public final class ConfigMapVolume: Sendable {
    public let path: String
    private let updates = Atomic(0)
    private var files: FileManager { .default }

    /// A volume that is not there yet, with these files; names may have directories before them, as
    /// `items` of a volume makes them.
    public init(_ path: String, _ contents: [String: String]) throws {
        self.path = path
        try files.createDirectory(atPath: path, withIntermediateDirectories: false)
        try update(to: contents)
    }

    /// All of an update.
    public func update(to contents: [String: String]) throws {
        try swap(to: try prepare(contents))
    }

    /// The first half of an update, which no reader may notice; returns the new directory's name.
    public func prepare(_ contents: [String: String]) throws -> String {
        let number = updates.add(1, ordering: .relaxed).newValue
        let directory = "..2026_11_24_10_00_00.\(number)"
        try files.createDirectory(
            atPath: "\(path)/\(directory)",
            withIntermediateDirectories: false
        )
        for (name, text) in contents {
            let place = URL(filePath: "\(path)/\(directory)/\(name)")
            try files.createDirectory(
                at: place.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: place)
        }
        return directory
    }

    /// The second half: `directory` is what readers see, and the one before goes away.
    public func swap(to directory: String) throws {
        let before = try? files.destinationOfSymbolicLink(atPath: "\(path)/..data")
        try link("..data_tmp", to: directory)
        guard unsafe rename("\(path)/..data_tmp", "\(path)/..data") == 0 else {
            throw POSIXError(.EIO)
        }
        let names = try files.contentsOfDirectory(atPath: "\(path)/\(directory)")
        let visible = try files.contentsOfDirectory(atPath: path).filter { !$0.hasPrefix("..") }
        for name in Set(names).subtracting(visible) { try link(name, to: "..data/\(name)") }
        for name in Set(visible).subtracting(names) {
            try files.removeItem(atPath: "\(path)/\(name)")
        }
        if let before { try files.removeItem(atPath: "\(path)/\(before)") }
    }

    private func link(_ name: String, to target: String) throws {
        try files.createSymbolicLink(atPath: "\(path)/\(name)", withDestinationPath: target)
    }
}
