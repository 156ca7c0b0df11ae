// SPDX-License-Identifier: Apache-2.0
import CommandWire
import Foundation
import Model

/// Where an instance's control socket is: `/run/dpvs/<instance>/control.sock`.
package enum SocketPath {
    /// Every instance has a directory here.
    package static let root = InstanceWords.root
    package static let file = InstanceWords.file
    /// Directory beside those of the instances; no instance has this name.
    package static let claims = "claims"
    package static let defaultInstance = InstanceWords.defaultInstance
    /// `sun_path` of unix(7) has room for so many octets and a zero.
    package static let longest = 107

    /// Whether an instance may have the name: it is part of paths and of labels.
    package static func isInstance(_ name: String) -> Bool {
        !name.isEmpty && !name.contains("/") && !name.hasPrefix(".") && name != claims
            && !name.hasControlCharacters
    }

    package static func of(instance: String, under root: String = root) -> String {
        "\(root)/\(instance)/\(file)"
    }

    /// The socket of the instance that a command without options of its own asks: `DPVS_IPC_FILE` names
    /// the socket, as it did for the tools of DPVS, `DPVS_INSTANCE` the instance.
    ///
    /// nil: `instance`, or the one of the environment, can be no instance's name.
    package static func chosen(
        instance: String?,
        socket: String?,
        environment: [String: String]
    ) -> String? {
        if let instance, !isInstance(instance), socket == nil { return nil }
        return InstanceWords.path(instance: instance, socket: socket) { environment[$0] }
    }

    /// Instances that have a socket, whether somebody listens or not.
    package static func instances(under root: String = root) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return
            names.filter {
                FileManager.default.fileExists(atPath: of(instance: $0, under: root))
            }
            .sorted()
    }
}
