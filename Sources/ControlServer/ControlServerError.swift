// SPDX-License-Identifier: Apache-2.0

/// Why the control API cannot be served.
package enum ControlServerError: Error, Equatable, Sendable {
    /// Another process answers on this socket.
    case inUse(String)
    /// Something that is no socket stands there.
    case notASocket(String)
    /// `limit`: octets that the path may have.
    case pathTooLong(String, limit: Int)
    case cannotListen(String, reason: String)
}

extension ControlServerError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .inUse(let path):
            "another dpvs answers on \(path); run this one as another --instance"
        case .notASocket(let path):
            "\(path) is there and is no socket: it is not replaced, name another path"
        case .pathTooLong(let path, let limit):
            "\(path) is too long for a unix socket: \(path.utf8.count) octets, "
                + "at most \(limit) are possible"
        case .cannotListen(let address, let reason):
            "cannot listen on \(address): \(reason)"
        }
    }
}
