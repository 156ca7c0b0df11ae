// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// What `dpip route` is asked for.
package enum RouteCommand: Equatable, Sendable {
    case show(device: String?)
    case flush(device: String)
    case add(Settings)
    case set(Settings)
    case del(Settings)

    package struct Settings: Equatable, Sendable {
        package var destination: IPPrefix
        package var gateway: IPAddress?
        package var device: String?
        /// `host`, `kni_host`, `link`, `global`, or a number; nil: by the gateway.
        package var scope: String?
        package var mtu: Int?
        package var source: IPAddress?
        package var metric: Int?

        package init(destination: IPPrefix) { self.destination = destination }
    }

    static let keywords = ["via", "dev", "scope", "mtu", "src", "metric", "local"]

    init(
        _ verb: DPIPVerb,
        _ words: inout Words,
        _ family: AddressFamily?
    ) throws(UsageError) {
        switch verb {
        case .show: self = .show(device: try words.device())
        case .flush:
            self = .flush(device: try words.device().required("the device to flush (dev NAME)"))
        case .set: self = .set(try Settings(&words, family))
        case .del: self = .del(try Settings(&words, family))
        default: self = .add(try Settings(&words, family))
        }
    }
}

extension RouteCommand.Settings {
    init(_ words: inout Words, _ family: AddressFamily?) throws(UsageError) {
        var destination: IPPrefix?
        var isDefault = false
        var route = RouteCommand.Settings(destination: .any(.ipv4))
        while let word = words.next() {
            switch word {
            case "via": route.gateway = try words.address(of: word)
            case "dev": route.device = try words.value(of: word)
            case "scope":
                route.scope = try words.scope(among: ["host", "kni_host", "link", "global"])
            case "mtu": route.mtu = try words.number(of: word, in: 0...65535)
            case "src": route.source = try words.address(of: word)
            case "metric": route.metric = try words.number(of: word, in: 0...Int(UInt32.max))
            case "local": route.scope = "host"
            case "to" where destination == nil && !isDefault: continue
            case "default" where destination == nil: isDefault = true
            default:
                guard destination == nil, !isDefault else {
                    throw Words.unknown(word, RouteCommand.keywords)
                }
                guard let read = IPPrefix(word) else {
                    throw UsageError("'\(word)' is not a network, as 10.0.0.0/16 or default is")
                }
                destination = read.network
            }
        }
        if isDefault { destination = .any(route.gateway?.family ?? family ?? .ipv4) }
        route.destination = try destination.required("the network that is to be reached")
        if let family, route.destination.address.family != family {
            throw UsageError("\(route.destination) is not of the family that was asked for")
        }
        self = route
    }
}
