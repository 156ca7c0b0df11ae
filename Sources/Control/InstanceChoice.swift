// SPDX-License-Identifier: Apache-2.0
import Foundation
import Model

/// Which running instance a program of operators asks.
package enum InstanceChoice {
    /// The socket of `instance` or the one at `socket`, as options have named them, else of the environment:
    /// `DPVS_IPC_FILE` is the path of a socket, `DPVS_INSTANCE` a name; nil: no instance has such a name.
    package static func socket(
        instance: String?,
        socket: String?,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        readsOldVariable: Bool
    ) -> String? {
        let said = { (name: String) -> String? in
            guard let value = environment[name], !value.isEmpty else { return nil }
            return value
        }
        if let socket { return socket }
        if instance == nil, readsOldVariable, let path = said("DPVS_IPC_FILE") { return path }
        let name = instance ?? said("DPVS_INSTANCE") ?? SocketPath.defaultInstance
        return SocketPath.isInstance(name) ? SocketPath.of(instance: name) : nil
    }
}
