// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Synchronization

/// The path of a unix socket, from nothing to a listening socket with mode 0600 and back.
///
/// The socket is bound in a directory that only this user enters and moved to its path when it has
/// its mode, so that no other user can ever open it.
final class SocketPlace: Sendable {
    let path: String
    private let nursery: String
    /// The socket that stands at `path` as far as this process knows.
    private let published = Mutex<Identity?>(nil)

    /// Where to bind.
    var temporaryPath: String { nursery + "/s" }

    init(_ path: String) throws(ControlServerError) {
        let directory = URL(filePath: path).deletingLastPathComponent().path
        self.path = path
        nursery = "\(directory)/.\(ProcessInfo.processInfo.processIdentifier)"
        let longest = max(path.utf8.count, nursery.utf8.count + "/s".utf8.count)
        if longest > SocketPath.longest {
            throw .pathTooLong(path, limit: SocketPath.longest - (longest - path.utf8.count))
        }
    }

    /// Makes the directories; fails when somebody listens at `path`, or what is there is no socket.
    func prepare() async throws {
        let files = FileManager.default
        try refuseOthers()
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

    /// Shows the bound socket under its path.
    func publish() throws {
        let files = FileManager.default
        try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: temporaryPath)
        // Nobody listens there: `prepare` asked.
        try refuseOthers()
        try? files.removeItem(atPath: path)
        try files.moveItem(atPath: temporaryPath, toPath: path)
        try? files.removeItem(atPath: nursery)
        published.withLock { $0 = identity() }
    }

    /// Nothing but a socket is ever replaced.
    private func refuseOthers() throws(ControlServerError) {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        guard let type = attributes?[.type] as? FileAttributeType, type != .typeSocket else {
            return
        }
        throw .notASocket(path)
    }

    /// Whether what was published does not stand at the path any more.
    var isLost: Bool { identity() != published.withLock { $0 } }

    /// Removes the socket, unless another one stands there now.
    func remove() {
        try? FileManager.default.removeItem(atPath: nursery)
        if !isLost { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Which file it is, whatever its name.
    private struct Identity: Equatable, Sendable {
        var device: UInt64
        var inode: UInt64
        /// A new file may get the number of one that was removed.
        var created: Date
    }

    private func identity() -> Identity? {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            let device = attributes[.systemNumber] as? NSNumber,
            let inode = attributes[.systemFileNumber] as? NSNumber,
            let changed = attributes[.modificationDate] as? Date
        else { return nil }
        return Identity(device: device.uint64Value, inode: inode.uint64Value, created: changed)
    }
}
