// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// `dpip ipv6 show`: what was counted of IPv6.
package enum IPv6Command: Equatable, Sendable {
    case total
    /// Each worker.
    case all
    case lcore(Int)

    init(_ words: inout Words) throws(UsageError) {
        switch words.next() {
        case nil, "total": self = .total
        case "all": self = .all
        case "cpu": self = .lcore(try words.number(of: "cpu", in: 0...1023))
        case let word?:
            guard word.hasPrefix("cpu"), let number = Int(word.dropFirst(3)) else {
                throw Words.unknown(word, ["total", "all", "cpu"])
            }
            self = .lcore(number)
        }
    }
}

/// `dpip iftraf ...`: samples of the flows on a device.
package struct FlowSampleCommand: Equatable, Sendable {
    package var verb: DPIPVerb
    package var device: String?

    init(_ verb: DPIPVerb, _ words: inout Words) throws(UsageError) {
        self.verb = verb
        device = try words.device()
    }
}

/// `dpip eal-mem show ...`: DPDK's memory.
package enum MemoryCommand: String, Equatable, Sendable, CaseIterable {
    case segments = "seg"
    case rings = "ring"
    case zones = "zone"
    case pools = "pool"

    init(_ words: inout Words) throws(UsageError) {
        let names = Self.allCases.map(\.rawValue)
        let word = try words.next()
            .required("what is to be shown (\(names.joined(separator: ", ")))")
        let found = Self.allCases.first { !word.isEmpty && $0.rawValue.hasPrefix(word) }
        // Also seen with an s behind.
        let plural = Self.allCases.first { $0.rawValue + "s" == word }
        guard let kind = found ?? plural else { throw Words.unknown(word, names) }
        self = kind
    }
}

/// `dpip flow ... type kni`: addresses whose packets the kernel gets.
package enum FlowCommand: Equatable, Sendable {
    case add(IPAddress, device: String)
    case del(IPAddress, device: String)
    case show(device: String?)
    case flush(device: String)

    init(_ verb: DPIPVerb, _ words: inout Words) throws(UsageError) {
        var device: String?
        var address: IPAddress?
        while let word = words.next() {
            switch word {
            case "type":
                _ = try words.value(of: word, accepted: "kni") { $0 == "kni" ? true : nil }
            case "dev": device = try words.value(of: word)
            default:
                guard address == nil, let read = IPPrefix(word), read.isHost else {
                    throw UsageError(
                        "'\(word)' is not understood; accepted: type kni dev NAME ADDRESS"
                    )
                }
                address = read.address
            }
        }
        switch verb {
        case .show: self = .show(device: device)
        case .flush: self = .flush(device: try device.required("the device (dev NAME)"))
        default:
            let place = try device.required("the device (dev NAME)")
            let who = try address.required("the address")
            self = verb == .add ? .add(who, device: place) : .del(who, device: place)
        }
    }
}

/// What `dpip lldp show` is asked for.
package enum DiscoveryCommand: Equatable, Sendable {
    /// What we say of ourselves; nil: on every device.
    case local(device: String?)
    case neighbours(device: String?)

    init(_ words: inout Words) throws(UsageError) {
        var device: String?
        var isLocal: Bool?
        while let word = words.next() {
            switch word {
            case "dev": device = try words.value(of: word)
            case "local": isLocal = true
            case "neigh", "neighbour", "neighbor": isLocal = false
            default: throw Words.unknown(word, ["local", "neigh", "dev"])
            }
        }
        self =
            try isLocal.required("what is to be shown (local or neigh)")
            ? .local(device: device) : .neighbours(device: device)
    }
}
