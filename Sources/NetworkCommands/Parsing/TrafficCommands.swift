// SPDX-License-Identifier: Apache-2.0

/// The name of a queueing discipline or a classifier: two numbers in hexadecimal digits, `1:`, `10:2`.
package struct TrafficHandle: Equatable, Sendable, CustomStringConvertible {
    package var major: UInt16
    package var minor: UInt16

    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let major = UInt16(parts[0], radix: 16) else { return nil }
        guard let minor = parts[1].isEmpty ? 0 : UInt16(parts[1], radix: 16) else { return nil }
        (self.major, self.minor) = (major, minor)
    }

    package var description: String {
        String(major, radix: 16) + ":" + (minor == 0 ? "" : String(minor, radix: 16))
    }

    static let accepted = "two hexadecimal numbers, as 1: or 10:2"
}

/// Where a queueing discipline hangs.
package enum TrafficParent: Equatable, Sendable {
    case root, ingress
    case handle(TrafficHandle)

    init?(_ text: String) {
        switch text {
        case "root": self = .root
        case "ingress": self = .ingress
        default:
            guard let handle = TrafficHandle(text) else { return nil }
            self = .handle(handle)
        }
    }

    static let accepted = "root, ingress or a handle, as 1:"
}

/// `dpip qsch ...`: a queueing discipline of a device.
package struct SchedulerCommand: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        /// Packets that wait at most; nil: 1024.
        case pfifo(limit: Int?)
        /// Octets that wait at most; nil: what 1024 packets of the device's MTU have.
        case bfifo(limit: Int?)
        case pfifoFast
        case tokenBucket(TokenBucket)
    }

    package struct TokenBucket: Equatable, Sendable {
        package enum Limit: Equatable, Sendable {
            case octets(Int)
            /// Milliseconds.
            case latency(Int)
        }

        /// Bits a second.
        package var rate: Int
        package var burst: Int
        package var limit: Limit
        package var peak: Peak?
    }

    package struct Peak: Equatable, Sendable {
        package var rate: Int
        package var burst: Int
    }

    package var verb: DPIPVerb
    package var device: String
    package var handle: TrafficHandle?
    package var parent: TrafficParent?
    package var kind: Kind?

    static let keywords = [
        "dev", "handle", "root", "ingress", "parent", "pfifo", "bfifo", "pfifo_fast", "tbf",
        "limit",
        "rate", "burst", "latency", "peakrate", "mtu",
    ]

    init(_ verb: DPIPVerb, _ words: inout Words) throws(UsageError) {
        var device: String?
        var handle: TrafficHandle?
        var parent: TrafficParent?
        var draft = SchedulerDraft()
        while let word = words.next() {
            switch word {
            case "dev": device = try words.value(of: word)
            case "handle":
                handle = try words.value(of: word, accepted: TrafficHandle.accepted) {
                    TrafficHandle($0)
                }
            case "root": parent = .root
            case "ingress": parent = .ingress
            case "parent":
                parent = try words.value(of: word, accepted: TrafficParent.accepted) {
                    TrafficParent($0)
                }
            default: try draft.read(word, &words)
            }
        }
        self.verb = verb
        self.device = try device.required("the device (dev NAME)")
        self.handle = handle
        self.parent = parent
        kind = try draft.finish()
        if verb == .add || verb == .replace {
            _ = try kind.required("the kind (pfifo, bfifo, pfifo_fast or tbf)")
            _ = try parent.required("the place (root, ingress or parent HANDLE)")
        }
    }
}

/// What was said of a queueing discipline so far, in any order.
private struct SchedulerDraft {
    private var kind: String?
    private var numbers: [String: Int] = [:]

    mutating func read(_ word: String, _ words: inout Words) throws(UsageError) {
        switch word {
        case "pfifo", "bfifo", "pfifo_fast", "tbf": kind = word
        case "limit", "burst", "mtu":
            numbers[word] = try words.value(of: word, accepted: "a number, as 10000 or 10k") {
                Self.scaled($0, units: ["b", ""])
            }
        case "rate", "peakrate":
            numbers[word] = try words.value(of: word, accepted: "bits a second, as 800k or 10m") {
                Self.scaled($0, units: ["bit", "bps", ""])
            }
        case "latency":
            numbers[word] = try words.value(of: word, accepted: "milliseconds, as 2ms") {
                Self.scaled($0, units: ["ms", ""])
            }
        default: throw Words.unknown(word, SchedulerCommand.keywords)
        }
    }

    /// `10`, `800k`, `1.5m`: 1000 and its powers.
    private static func scaled(_ text: String, units: [String]) -> Int? {
        var text = text.lowercased()
        for unit in units where !unit.isEmpty && text.hasSuffix(unit) {
            text.removeLast(unit.count)
            break
        }
        let scales: [Character: Double] = ["k": 1000, "m": 1_000_000, "g": 1_000_000_000]
        let scale = text.last.flatMap { scales[$0] }
        if scale != nil { text.removeLast() }
        guard let number = Double(text), number > 0 else { return nil }
        let value = number * (scale ?? 1)
        return value < 1e15 ? Int(value) : nil
    }

    func finish() throws(UsageError) -> SchedulerCommand.Kind? {
        guard let kind else {
            if let word = numbers.keys.min() {
                throw UsageError("'\(word)' is of no kind: name one")
            }
            return nil
        }
        let accepted =
            switch kind {
            case "pfifo", "bfifo": ["limit"]
            case "pfifo_fast": [String]()
            default: ["rate", "burst", "latency", "limit", "peakrate", "mtu"]
            }
        if let wrong = numbers.keys.filter({ !accepted.contains($0) }).min() {
            let words = accepted.isEmpty ? "nothing" : accepted.joined(separator: ", ")
            throw UsageError("'\(wrong)' is not for \(kind), which takes \(words)")
        }
        switch kind {
        case "pfifo": return .pfifo(limit: numbers["limit"])
        case "bfifo": return .bfifo(limit: numbers["limit"])
        case "pfifo_fast": return .pfifoFast
        default: return .tokenBucket(try tokenBucket())
        }
    }

    private func tokenBucket() throws(UsageError) -> SchedulerCommand.TokenBucket {
        let rate = try numbers["rate"].required("the rate of tbf")
        let burst = try numbers["burst"].required("the burst of tbf, in octets")
        let limit: SchedulerCommand.TokenBucket.Limit
        switch (numbers["latency"], numbers["limit"]) {
        case (let latency?, nil): limit = .latency(latency)
        case (nil, let octets?): limit = .octets(octets)
        default: throw UsageError("tbf needs one of latency and limit")
        }
        var bucket = SchedulerCommand.TokenBucket(rate: rate, burst: burst, limit: limit)
        switch (numbers["peakrate"], numbers["mtu"]) {
        case (let rate?, let burst?): bucket.peak = .init(rate: rate, burst: burst)
        case (nil, nil): break
        default: throw UsageError("peakrate and mtu of tbf come together")
        }
        return bucket
    }
}

/// `dpip cls ...`: a classifier of a queueing discipline.
package struct ClassifierCommand: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        case pattern(TrafficPattern)
        /// The name of a set of addresses, and which address of a packet is looked up.
        case set(String, isDestination: Bool)
    }

    package enum Target: Equatable, Sendable {
        case drop
        case handle(TrafficHandle)
    }

    package enum PacketType: String, Equatable, Sendable, CaseIterable {
        case ipv4, ipv6, vlan
    }

    package var verb: DPIPVerb
    package var device: String
    package var handle: TrafficHandle?
    package var scheduler: TrafficParent?
    package var packetType: PacketType?
    package var priority: Int?
    package var kind: Kind?
    package var target: Target?

    static let keywords = [
        "dev", "handle", "qsch", "pkttype", "prio", "match", "pattern", "ipset", "target",
    ]

    init(_ verb: DPIPVerb, _ words: inout Words) throws(UsageError) {
        var device: String?
        var isSet = false
        self.verb = verb
        self.device = ""
        while let word = words.next() {
            switch word {
            case "dev": device = try words.value(of: word)
            case "handle":
                handle = try words.value(of: word, accepted: TrafficHandle.accepted) {
                    TrafficHandle($0)
                }
            case "qsch":
                scheduler = try words.value(of: word, accepted: TrafficParent.accepted) {
                    TrafficParent($0)
                }
            case "pkttype":
                let types = PacketType.allCases.map(\.rawValue).joined(separator: ", ")
                packetType = try words.value(of: word, accepted: types) { PacketType(rawValue: $0) }
            case "prio": priority = try words.number(of: word, in: 0...65535)
            case "ipset": isSet = true
            case "match" where isSet: kind = try Self.set(try words.value(of: word))
            case "match": continue
            case "pattern": kind = .pattern(try TrafficPattern(try words.value(of: word)))
            case "target":
                target = try words.value(of: word, accepted: "drop or a handle, as 1:") { text in
                    text == "drop" ? .drop : TrafficHandle(text).map { .handle($0) }
                }
            default: throw Words.unknown(word, Self.keywords)
            }
        }
        self.device = try device.required("the device (dev NAME)")
        if verb == .add || verb == .replace {
            _ = try kind.required("what packets are found by (match pattern ..., ipset match ...)")
            _ = try target.required("where they go (target HANDLE, target drop)")
        }
    }

    private static func set(_ text: String) throws(UsageError) -> Kind {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let directions = ["src": false, "dst": true]
        let isDestination = parts.count == 2 ? directions[String(parts[1])] : false
        guard parts.count <= 2, !parts[0].isEmpty, let isDestination else {
            throw UsageError("'\(text)' is not a set with a direction; accepted: SET[,src|,dst]")
        }
        return .set(String(parts[0]), isDestination: isDestination)
    }
}
