// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// What `dpip link` is asked for.
package enum LinkCommand: Equatable, Sendable {
    /// nil: all of them.
    case show(device: String?)
    case bondStatus(device: String)
    /// The workers; nil: all of them.
    case lcores(Int?)
    case set(device: String, Item)
    case addSlave(bond: String, slave: String)
    case delSlave(bond: String, slave: String)

    package enum Item: Equatable, Sendable {
        case flag(Flag, Bool)
        case address(MACAddress)
        case bondMode(Int)
        case bondPrimary(String)
        case bondPolicy(String)
        /// Milliseconds.
        case bondMonitor(Int)
        case bondDelay(isUp: Bool, Int)
    }

    package enum Flag: String, Equatable, Sendable, CaseIterable {
        case promisc, allmulticast, forward2kni, lldp, link
        case trafficOut = "tc-egress"
        case trafficIn = "tc-ingress"

        /// What the switch is called on and off.
        var words: (on: String, off: String) { self == .link ? ("up", "down") : ("on", "off") }
    }

    static let items =
        Flag.allCases.map(\.rawValue) + [
            "addr", "bond-mode", "bond-primary", "bond-xmit-policy", "bond-monitor-interval",
            "bond-link-up-prop", "bond-link-down-prop",
        ]

    init(_ verb: DPIPVerb, _ words: inout Words) throws(UsageError) {
        switch verb {
        case .show: self = try Self.show(&words)
        case .set:
            let device = try words.device().required("the device")
            let word = try words.next().required("what is to be set")
            self = .set(device: device, try Item(word, &words))
        default:
            let bond = try words.device().required("the bond")
            guard try words.next().required("bond-slave") == "bond-slave" else {
                throw UsageError("accepted: link \(verb.rawValue) BOND bond-slave DEVICE")
            }
            let slave = try words.value(of: "bond-slave")
            self =
                verb == .add
                ? .addSlave(bond: bond, slave: slave)
                : .delSlave(bond: bond, slave: slave)
        }
    }

    private static func show(_ words: inout Words) throws(UsageError) -> LinkCommand {
        guard let device = try words.device() else { return .show(device: nil) }
        if words.first == "status" {
            _ = words.next()
            return .bondStatus(device: device)
        }
        if device.hasPrefix("cpu") {
            let number = device.dropFirst(3)
            if number.isEmpty { return .lcores(nil) }
            if let number = Int(number) { return .lcores(number) }
        }
        return .show(device: device)
    }
}

extension LinkCommand.Item {
    init(_ word: String, _ words: inout Words) throws(UsageError) {
        if let flag = LinkCommand.Flag(rawValue: word) {
            // The help of the old program says that lldp is up or down.
            let isOn = try words.value(of: word, accepted: "\(flag.words.on), \(flag.words.off)") {
                switch $0 {
                case flag.words.on: true
                case flag.words.off: false
                case "up" where flag == .lldp: true
                case "down" where flag == .lldp: false
                default: Bool?.none
                }
            }
            self = .flag(flag, isOn)
            return
        }
        switch word {
        case "addr":
            self = .address(
                try words.value(of: word, accepted: "a MAC address") { MACAddress($0) }
            )
        case "bond-mode": self = .bondMode(try words.number(of: word, in: 0...6))
        case "bond-primary": self = .bondPrimary(try words.value(of: word))
        case "bond-xmit-policy":
            let policies = ["layer2", "layer23", "layer34"]
            self = .bondPolicy(
                try words.value(of: word, accepted: policies.joined(separator: ", ")) {
                    policies.contains($0) ? $0 : nil
                }
            )
        case "bond-monitor-interval":
            self = .bondMonitor(try words.number(of: word, in: 1...Int(Int32.max)))
        case "bond-link-up-prop":
            self = .bondDelay(isUp: true, try words.number(of: word, in: 0...Int(Int32.max)))
        case "bond-link-down-prop":
            self = .bondDelay(isUp: false, try words.number(of: word, in: 0...Int(Int32.max)))
        default: throw Words.unknown(word, LinkCommand.items)
        }
    }
}
