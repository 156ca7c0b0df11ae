// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Model

/// What `dpip vlan` is asked for.
package enum VLANCommand: Equatable, Sendable {
    case show(Selection)
    case add(name: String?, link: String, id: Int, isServiceTag: Bool)
    case del(Selection)

    /// Which VLANs are meant; what is nil fits all.
    package struct Selection: Equatable, Sendable {
        package var name: String?
        package var link: String?
        package var id: Int?

        package init(name: String? = nil, link: String? = nil, id: Int? = nil) {
            self.name = name
            self.link = link
            self.id = id
        }
    }

    static let keywords = ["link", "proto", "id"]
    private static let plain = ["802.1q", "802.1Q", "vlan"]
    private static let double = ["802.1ad", "QinQ", "qinq"]

    init(_ verb: DPIPVerb, _ words: inout Words) throws(UsageError) {
        var wanted = Selection()
        var isServiceTag = false
        while let word = words.next() {
            switch word {
            case "link", "dev": wanted.link = try words.value(of: word)
            case "proto":
                isServiceTag = try words.value(of: word, accepted: "802.1q, vlan, 802.1ad, QinQ") {
                    Self.plain.contains($0) ? false : Self.double.contains($0) ? true : nil
                }
            case "id":
                wanted.id = try words.number(of: word, in: VLANInterface.identifiers)
            case "name" where wanted.name == nil: continue
            default:
                guard wanted.name == nil else { throw Words.unknown(word, Self.keywords) }
                wanted.name = word
            }
        }
        switch verb {
        case .show: self = .show(wanted)
        case .del:
            guard wanted.name != nil || (wanted.link != nil && wanted.id != nil) else {
                throw UsageError("name the VLAN, or say link DEVICE id NUMBER")
            }
            self = .del(wanted)
        default:
            self = .add(
                name: wanted.name,
                link: try wanted.link.required("the device (link NAME)"),
                id: try wanted.id.required("the identifier (id 1...4094)"),
                isServiceTag: isServiceTag
            )
        }
    }
}

/// What `dpip tunnel` is asked for.
package enum TunnelCommand: Equatable, Sendable {
    case show(Selection)
    case add(Settings)
    case change(Settings)
    case replace(Settings)
    case del(name: String)

    /// Which tunnels are meant; what is nil fits all.
    package struct Selection: Equatable, Sendable {
        package var name: String?
        package var kind: TunnelInterface.Kind?
        package var device: String?
    }

    /// What was said of a tunnel; nil: nothing.
    package struct Settings: Equatable, Sendable {
        package enum End: Equatable, Sendable {
            case any
            case address(IPAddress)
        }

        package var name = ""
        package var kind: TunnelInterface.Kind?
        package var remote: End?
        package var local: End?
        package var device: String?
        package var inputKey: UInt32?
        package var outputKey: UInt32?
        package var inputFlags: Set<Flag> = []
        package var outputFlags: Set<Flag> = []
        /// 0: the inner packet's.
        package var timeToLive: Int?
        /// -1: the inner packet's.
        package var service: Int?

        package init() {}
    }

    package enum Flag: String, Equatable, Sendable {
        case sequence = "seq"
        case checksum = "csum"
    }

    static let keywords = [
        "mode", "remote", "local", "dev", "key", "ikey", "okey", "seq", "iseq", "oseq", "csum",
        "icsum", "ocsum", "ttl", "tos",
    ]

    init(_ verb: DPIPVerb, _ words: inout Words) throws(UsageError) {
        var settings = Settings()
        while let word = words.next() { try settings.read(word, &words) }
        switch verb {
        case .show:
            self = .show(
                Selection(
                    name: settings.name.isEmpty ? nil : settings.name,
                    kind: settings.kind,
                    device: settings.device
                )
            )
        case _ where settings.name.isEmpty: throw UsageError("the name of the tunnel is missing")
        case .del: self = .del(name: settings.name)
        case .set: self = .change(settings)
        default:
            guard settings.kind != nil else {
                throw UsageError("the kind of the tunnel is missing: mode ipip, mode gre")
            }
            self = verb == .replace ? .replace(settings) : .add(settings)
        }
    }
}

extension TunnelCommand.Settings {
    fileprivate mutating func read(_ word: String, _ words: inout Words) throws(UsageError) {
        switch word {
        case "mode", "type", "kind":
            kind = try words.value(of: word, accepted: "ipip, gre") {
                TunnelInterface.Kind(rawValue: $0)
            }
        case "remote": remote = try Self.end(&words, word)
        case "local": local = try Self.end(&words, word)
        case "dev": device = try words.value(of: word)
        case "key", "ikey", "okey":
            let key = try words.value(of: word, accepted: "a number or a dotted quad") { text in
                UInt32(text) ?? IPv4Address(text)?.rawValue
            }
            if word != "okey" { inputKey = key }
            if word != "ikey" { outputKey = key }
        case "seq", "iseq", "oseq", "csum", "icsum", "ocsum":
            let flag: TunnelCommand.Flag = word.hasSuffix("seq") ? .sequence : .checksum
            if !word.hasPrefix("o") { inputFlags.insert(flag) }
            if !word.hasPrefix("i") { outputFlags.insert(flag) }
        case "ttl", "hoplimit":
            timeToLive = try words.value(of: word, accepted: "1...255 or inherit") { text in
                text == "inherit" ? 0 : Int(text).flatMap { (1...255).contains($0) ? $0 : nil }
            }
        case "tos", "dsfield":
            service = try words.value(of: word, accepted: "0...255 or inherit") { text in
                text == "inherit" ? -1 : Self.octet(text)
            }
        case "name" where name.isEmpty: return
        default:
            guard name.isEmpty else { throw Words.unknown(word, TunnelCommand.keywords) }
            name = word
        }
    }

    private static func octet(_ text: String) -> Int? {
        let value =
            text.hasPrefix("0x") ? UInt8(text.dropFirst(2), radix: 16) : UInt8(text, radix: 10)
        return value.map(Int.init)
    }

    private static func end(_ words: inout Words, _ key: String) throws(UsageError) -> End {
        try words.value(of: key, accepted: "an address or any") { text in
            text == "any" ? .any : IPAddress(text).map { .address($0) }
        }
    }
}
