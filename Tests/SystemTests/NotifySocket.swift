// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation
import Synchronization

/// A supervisor's end of sd_notify(3): keeps every message, in order.
///
/// Unchecked, because a dispatch source may be cancelled from any thread and says so nowhere.
final class NotifySocket: @unchecked Sendable {
    private let received = Mutex<[String]>([])
    private let source: any DispatchSourceRead

    init(_ path: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        guard descriptor >= 0 else { throw POSIXError(.EIO) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
            unsafe room.copyBytes(from: path.utf8.prefix(room.count - 1))
        }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, length)
            }
        }
        guard result == 0 else { throw POSIXError(.EADDRINUSE) }
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor)
        source.setEventHandler { [weak self] in self?.receive(descriptor) }
        source.setCancelHandler { close(descriptor) }
        source.activate()
    }

    deinit { source.cancel() }

    /// A message is lines of `KEY=value`.
    var messages: [String] { received.withLock { $0 } }

    /// The first line of each message.
    var heads: [String] {
        messages.compactMap { $0.split(separator: "\n").first.map(String.init) }
    }

    private func receive(_ descriptor: Int32) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = unsafe recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        guard count > 0 else { return }
        let text = String(decoding: buffer.prefix(count), as: UTF8.self)
        received.withLock { $0.append(text) }
    }
}
