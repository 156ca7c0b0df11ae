// SPDX-License-Identifier: Apache-2.0

/// What `dpvs.conf` says; an item that it does not mention has its default from the catalogue.
package struct Settings: Equatable, Codable, Sendable {
    /// Values by path, "ipvs_defs.tcp.timeout.established".
    package var items: [String: ItemValue] = [:]
    /// `netif_defs { device NAME }`, in order.
    package var devices: [NamedBlock] = []
    /// `netif_defs { bonding NAME }`.
    package var bonds: [NamedBlock] = []
    /// `worker_defs { worker NAME }`, each with its `port NAME` blocks.
    package var workers: [NamedBlock] = []

    package init() {}

    /// The value of an item outside named blocks.
    package func value(_ path: String) -> ItemValue? {
        items[path] ?? ItemCatalogue.item(path)?.defaultValue
    }

    package func integer(_ path: String) -> Int {
        if case .integer(let value) = value(path) { value } else { 0 }
    }

    package func duration(_ path: String) -> Duration {
        if case .duration(let value) = value(path) { value } else { .zero }
    }

    package func isOn(_ path: String) -> Bool {
        if case .flag(let value) = value(path) { value } else { false }
    }

    package func text(_ path: String) -> String? {
        if case .text(let value) = value(path), !value.isEmpty { value } else { nil }
    }
}

/// A block that may stand several times, told apart by its name.
package struct NamedBlock: Equatable, Codable, Sendable {
    package var name: String
    /// The path of the block in the catalogue, "netif_defs.device".
    package var path: String
    /// Values by path within the block, "rx.queue_number".
    package var items: [String: ItemValue] = [:]
    package var blocks: [NamedBlock] = []

    package init(name: String, path: String) {
        self.name = name
        self.path = path
    }

    package func value(_ item: String) -> ItemValue? {
        items[item] ?? ItemCatalogue.item(path + "." + item)?.defaultValue
    }

    package func integer(_ item: String) -> Int? {
        if case .integer(let value) = value(item) { value } else { nil }
    }

    package func isOn(_ item: String) -> Bool {
        if case .flag(let value) = value(item) { value } else { false }
    }

    package func text(_ item: String) -> String? {
        if case .text(let value) = value(item), !value.isEmpty { value } else { nil }
    }

    package func words(_ item: String) -> [String] {
        if case .words(let value) = value(item) { value } else { [] }
    }

    package func integers(_ item: String) -> [Int] {
        if case .integers(let value) = value(item) { value } else { [] }
    }
}

/// The value of one item.
package enum ItemValue: Equatable, Codable, Sendable, CustomStringConvertible {
    case integer(Int)
    case flag(Bool)
    case text(String)
    case words([String])
    case integers([Int])
    case duration(Duration)

    /// As it would stand in the file.
    package var description: String {
        switch self {
        case .integer(let value): String(value)
        case .flag(let value): value ? "on" : "off"
        case .text(let value): value.isEmpty ? "(none)" : value
        case .words(let value): value.joined(separator: "|")
        case .integers(let value): value.map(String.init).joined(separator: " ")
        case .duration(let value): Self.text(value)
        }
    }

    private static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = attoseconds / 1_000_000_000_000_000
        return milliseconds == 0 ? "\(seconds)s" : "\(seconds * 1000 + milliseconds)ms"
    }
}
