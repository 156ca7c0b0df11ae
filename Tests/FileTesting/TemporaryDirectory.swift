// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A directory that is there for one test.
public final class TemporaryDirectory: Sendable {
    public let path: String

    public init() throws {
        let place = FileManager.default.temporaryDirectory
            .appending(path: "dpvs-test-\(UUID().uuidString)")
        path = place.path
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    public func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
    }

    public func makeDirectory(_ name: String) throws {
        try FileManager.default
            .createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: false)
    }

    public func move(_ name: String, onto other: String) throws {
        guard unsafe rename("\(path)/\(name)", "\(path)/\(other)") == 0 else {
            throw POSIXError(.EIO)
        }
    }

    public func link(_ name: String, to target: String) throws {
        try FileManager.default
            .createSymbolicLink(atPath: "\(path)/\(name)", withDestinationPath: target)
    }

    public func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: "\(path)/\(name)")
    }
}
