// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A directory that is there for one test.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        let place = FileManager.default.temporaryDirectory
            .appending(path: "dpvs-reload-\(UUID().uuidString)")
        path = place.path
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
    }

    func makeDirectory(_ name: String) throws {
        try FileManager.default
            .createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: false)
    }

    func move(_ name: String, onto other: String) throws {
        guard unsafe rename("\(path)/\(name)", "\(path)/\(other)") == 0 else {
            throw POSIXError(.EIO)
        }
    }

    func link(_ name: String, to target: String) throws {
        try FileManager.default
            .createSymbolicLink(atPath: "\(path)/\(name)", withDestinationPath: target)
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: "\(path)/\(name)")
    }
}
