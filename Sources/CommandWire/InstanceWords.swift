// SPDX-License-Identifier: Apache-2.0

/// Which instance a command line means: words that every command has.
package struct InstanceWords: Equatable, Sendable {
    package private(set) var instance: String?
    package private(set) var socket: String?
    /// The words without these.
    package private(set) var rest: [String] = []

    /// Every instance has a directory here, with a socket.
    package static let root = "/run/dpvs"
    package static let file = "control.sock"
    package static let defaultInstance = "default"

    /// nil: `--instance` or `--socket` stands at the end, without a value.
    package init?(_ words: [String]) {
        var left = words[...]
        while let word = left.popFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.first == "--instance" || parts.first == "--socket" else {
                rest.append(word)
                continue
            }
            guard let value = parts.count == 2 ? String(parts[1]) : left.popFirst() else {
                return nil
            }
            if parts[0] == "--instance" { instance = value } else { socket = value }
        }
    }

    /// The socket to ask: `DPVS_IPC_FILE` names it, as it did for the tools of DPVS, `DPVS_INSTANCE`
    /// the instance; nil: what stands for an instance can be the name of none.
    package func path(_ environment: (String) -> String?) -> String? {
        Self.path(instance: instance, socket: socket, environment)
    }

    /// The same where the words are known.
    package static func path(
        instance: String?,
        socket: String?,
        _ environment: (String) -> String?
    ) -> String? {
        func variable(_ name: String) -> String? {
            environment(name).flatMap { $0.isEmpty ? nil : $0 }
        }
        if let socket { return socket }
        if instance == nil, let path = variable("DPVS_IPC_FILE") { return path }
        let name = instance ?? variable("DPVS_INSTANCE") ?? defaultInstance
        let isName = !name.isEmpty && !name.contains("/") && !name.hasPrefix(".")
        return isName ? "\(root)/\(name)/\(file)" : nil
    }
}
