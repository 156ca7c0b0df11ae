// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// What `dpip addr` is asked for.
package enum AddressCommand: Equatable, Sendable {
    case show(device: String?)
    case flush(device: String)
    case add(Settings)
    case set(Settings)
    case del(Settings)

    package struct Settings: Equatable, Sendable {
        package var prefix: IPPrefix
        package var device: String
        /// Whether the address is meant for connections to backends.
        package var isLocalPool = false
        /// Seconds that it is to last; nil: for ever.
        package var lifetime: Int?
        package var broadcast: IPAddress?
        package var scope: String?
    }

    static let keywords = [
        "dev", "broadcast", "valid_lft", "preferred_lft", "scope", "sapool",
    ]

    init(_ verb: DPIPVerb, _ words: inout Words) throws(UsageError) {
        switch verb {
        case .show: self = .show(device: try words.device())
        case .flush:
            self = .flush(device: try words.device().required("the device to flush (dev NAME)"))
        case .set: self = .set(try Settings(&words))
        case .del: self = .del(try Settings(&words))
        default: self = .add(try Settings(&words))
        }
    }
}

extension AddressCommand.Settings {
    init(_ words: inout Words) throws(UsageError) {
        var prefix: IPPrefix?
        var device: String?
        var draft = (isPool: false, lifetime: Int?.none, broadcast: IPAddress?.none)
        var scope: String?
        while let word = words.next() {
            switch word {
            case "dev": device = try words.value(of: word)
            case "broadcast", "brd": draft.broadcast = try words.address(of: word)
            case "sapool": draft.isPool = true
            case "valid_lft": draft.lifetime = try Self.lifetime(&words, word)
            case "preferred_lft", "prefered_lft": _ = try Self.lifetime(&words, word)
            case "scope": scope = try words.scope(among: ["host", "link", "site", "global"])
            case "local" where prefix == nil: continue
            default:
                guard prefix == nil, let read = IPPrefix(word) else {
                    if prefix == nil {
                        throw UsageError("'\(word)' is not an address, as 10.0.0.1/24 is")
                    }
                    throw Words.unknown(word, AddressCommand.keywords)
                }
                prefix = read
            }
        }
        self.init(
            prefix: try prefix.required("the address"),
            device: try device.required("the device (dev NAME)"),
            isLocalPool: draft.isPool,
            lifetime: draft.lifetime,
            broadcast: draft.broadcast,
            scope: scope
        )
    }

    /// Seconds; 0 and `forever` are no end.
    private static func lifetime(
        _ words: inout Words,
        _ key: String
    ) throws(UsageError) -> Int? {
        let seconds = try words.value(of: key, accepted: "seconds or forever") { text in
            text == "forever" ? 0 : Int(text).flatMap { $0 >= 0 ? $0 : nil }
        }
        return seconds == 0 ? nil : seconds
    }
}

extension Words {
    /// A scope by its name, or by a number.
    mutating func scope(among names: [String]) throws(UsageError) -> String {
        let accepted = names.joined(separator: ", ") + " or a number"
        return try value(of: "scope", accepted: accepted) { text in
            if names.contains(text) { return text }
            guard let number = UInt8(text) else { return nil }
            // The numbers of rtnetlink(7).
            return [0: "global", 200: "site", 253: "link", 254: "host"][number] ?? text
        }
    }
}
