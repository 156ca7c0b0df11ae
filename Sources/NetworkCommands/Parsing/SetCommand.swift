// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// `dpip ipset ...`: sets of addresses.
package enum SetCommand: Equatable, Sendable {
    case create(name: String, Creation)
    case destroy(name: String)
    case add(name: String, Entry)
    case del(name: String, Entry)
    case test(name: String, Entry)
    /// nil: all of them.
    case show(name: String?)
    case flush(name: String)

    /// What the elements of a set are made of.
    package enum Kind: String, Equatable, Sendable, CaseIterable {
        case bitmapAddress = "bitmap:ip"
        case bitmapAddressMAC = "bitmap:ip,mac"
        case bitmapPort = "bitmap:port"
        case address = "hash:ip"
        case network = "hash:net"
        case addressPort = "hash:ip,port"
        case networkPort = "hash:net,port"
        case networkPortInterface = "hash:net,port,iface"
        case addressPortAddress = "hash:ip,port,ip"
        case addressPortNetwork = "hash:ip,port,net"
        case networkPortNetwork = "hash:net,port,net"
        case networkPortNetworkPort = "hash:net,port,net,port"

        var isBitmap: Bool { rawValue.hasPrefix("bitmap:") }
    }

    package struct Creation: Equatable, Sendable {
        package var kind: Kind
        package var family: AddressFamily
        /// What a bitmap has room for.
        package var range: Part?
        package var hasComments = false
        package var hashSize: Int?
        package var maxElements: Int?
    }

    /// An element: its parts in the order of the set's kind, which the daemon knows.
    package struct Entry: Equatable, Sendable {
        package var parts: [Part]
        package var comment: String?
        /// Whether it is an exception to the networks around it.
        package var isException = false
    }

    package enum Part: Equatable, Sendable {
        case addresses(IPAddress, IPAddress)
        case network(IPPrefix)
        case mac(MACAddress)
        /// nil: any protocol.
        case ports(String?, ClosedRange<UInt16>)
        /// The name of an interface, or what no set can have: that is then in none.
        case text(String)
    }

    /// Octets of names and comments.
    static let longestName = 32

    init(_ verb: DPIPVerb, _ words: inout Words, _ options: Options) throws(UsageError) {
        if verb == .show {
            self = .show(name: words.next())
            return
        }
        let name = try words.next().required("the name of the set")
        guard name.utf8.count <= Self.longestName else {
            throw UsageError("'\(name)' is too long for a set: \(Self.longestName) octets at most")
        }
        switch verb {
        case .create: self = .create(name: name, try Creation(&words, options.family ?? .ipv4))
        case .destroy: self = .destroy(name: name)
        case .del: self = .del(name: name, try Entry(&words))
        case .test: self = .test(name: name, try Entry(&words))
        case .flush: self = .flush(name: name)
        default: self = .add(name: name, try Entry(&words))
        }
    }
}

extension SetCommand.Creation {
    fileprivate init(_ words: inout Words, _ family: AddressFamily) throws(UsageError) {
        let kinds = SetCommand.Kind.allCases.map(\.rawValue)
        let word = try words.next().required("the type of the set")
        guard let kind = SetCommand.Kind(rawValue: word) else {
            throw UsageError("there is no type '\(word)'; \(Words.list("types", kinds, word))")
        }
        self.init(kind: kind, family: family)
        while let word = words.next() {
            switch word {
            case "range":
                range = try words.value(of: word, accepted: "A-B, NETWORK/LENGTH or PORT-PORT") {
                    SetCommand.Part.range($0)
                }
            case "comment": hasComments = true
            case "hashsize": hashSize = try words.number(of: word, in: 1...Int(UInt32.max))
            case "maxelem": maxElements = try words.number(of: word, in: 1...Int(UInt32.max))
            default:
                throw Words.unknown(word, ["range", "comment", "hashsize", "maxelem"])
            }
        }
        if kind.isBitmap {
            _ = try range.required("the range of a bitmap (range A-B)")
        } else if range != nil {
            throw UsageError("'range' is for bitmaps, and \(kind.rawValue) is none")
        }
        if kind.isBitmap, family == .ipv6 { throw UsageError("bitmaps are of IPv4 addresses") }
    }
}

extension SetCommand.Entry {
    fileprivate init(_ words: inout Words) throws(UsageError) {
        let text = try words.next().required("the element")
        self.init(
            parts: text.split(separator: ",", omittingEmptySubsequences: false)
                .map { SetCommand.Part(String($0)) }
        )
        while let word = words.next() {
            switch word {
            case "comment":
                let value = try words.value(of: word)
                guard value.utf8.count <= SetCommand.longestName else {
                    throw UsageError(
                        "the comment is too long: \(SetCommand.longestName) octets at most"
                    )
                }
                comment = value
            case "nomatch", "unmatch": isException = true
            default: throw Words.unknown(word, ["comment", "nomatch"])
            }
        }
    }
}

extension SetCommand.Part {
    private static let protocols = ["tcp", "udp", "icmp", "icmp6", "sctp"]

    /// What a part of an element is shows in itself.
    fileprivate init(_ text: String) {
        if let range = Self.range(text) {
            self = range
        } else if let mac = MACAddress(text) {
            self = .mac(mac)
        } else if let colon = text.firstIndex(of: ":"),
            Self.protocols.contains(String(text[..<colon])),
            let span = PortSpan(text[text.index(after: colon)...])
        {
            self = .ports(String(text[..<colon]), span.bounds)
        } else {
            self = .text(text)
        }
    }

    /// Addresses, a network or ports.
    fileprivate static func range(_ text: String) -> SetCommand.Part? {
        if let prefix = IPPrefix(text) {
            return text.contains("/")
                ? .network(prefix) : .addresses(prefix.address, prefix.address)
        }
        if let span = PortSpan(text) { return .ports(nil, span.bounds) }
        let bounds = text.split(separator: "-", omittingEmptySubsequences: false)
        guard bounds.count == 2, let first = IPAddress(bounds[0]), let last = IPAddress(bounds[1]),
            first.family == last.family, first <= last
        else { return nil }
        return .addresses(first, last)
    }
}
