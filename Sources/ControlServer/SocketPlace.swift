// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation

/// The path of a unix socket, from nothing to a listening socket with mode 0600 and back.
///
/// The socket is bound in a directory that only this user enters and moved to its path when it has
/// its mode, so that no other user can ever open it.
struct SocketPlace: Sendable {
    /// `sun_path` of unix(7) has room for 107 octets and a zero.
    static let longestPath = 107

    let path: String
    private let nursery: String

    /// Where to bind.
    var temporaryPath: String { nursery + "/s" }

    init(_ path: String) throws(ControlServerError) {
        let directory = URL(filePath: path).deletingLastPathComponent().path
        self.path = path
        nursery = "\(directory)/.\(ProcessInfo.processInfo.processIdentifier)"
        let longest = max(path.utf8.count, nursery.utf8.count + "/s".utf8.count)
        if longest > Self.longestPath {
            throw .pathTooLong(path, limit: Self.longestPath - (longest - path.utf8.count))
        }
    }

    /// Makes the directories; fails when somebody listens at `path`.
    func prepare() async throws {
        let files = FileManager.default
        if files.fileExists(atPath: path), await ControlClient(socket: path).isListening() {
            throw ControlServerError.inUse(path)
        }
        let directory = URL(filePath: path).deletingLastPathComponent().path
        try files.createDirectory(
            atPath: directory,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755]
        )
        try? files.removeItem(atPath: nursery)
        try files.createDirectory(
            atPath: nursery,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700]
        )
    }

    /// Shows the bound socket under its path and tells which it is.
    func publish() throws -> Identity? {
        let files = FileManager.default
        try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: temporaryPath)
        // Nobody listens there: `prepare` asked.
        try? files.removeItem(atPath: path)
        try files.moveItem(atPath: temporaryPath, toPath: path)
        try? files.removeItem(atPath: nursery)
        return identity()
    }

    /// Removes the socket, unless another one stands there now.
    func remove(_ published: Identity?) {
        try? FileManager.default.removeItem(atPath: nursery)
        if let published, published == identity() {
            try? FileManager.default.removeItem(atPath: path)
        }
    }

    /// Which file it is, whatever its name.
    struct Identity: Equatable, Sendable {
        var device: UInt64
        var inode: UInt64
    }

    private func identity() -> Identity? {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            let device = attributes[.systemNumber] as? NSNumber,
            let inode = attributes[.systemFileNumber] as? NSNumber
        else { return nil }
        return Identity(device: device.uint64Value, inode: inode.uint64Value)
    }
}
