// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// What `dpip neigh` is asked for.
package enum NeighbourCommand: Equatable, Sendable {
    case show(device: String?)
    case add(IPAddress, MACAddress, device: String)
    case del(IPAddress, device: String)

    static let keywords = ["lladdr", "dev"]

    init(_ verb: DPIPVerb, _ words: inout Words) throws(UsageError) {
        if verb == .show {
            self = .show(device: try words.device())
            return
        }
        var address: IPAddress?
        var mac: MACAddress?
        var device: String?
        while let word = words.next() {
            switch word {
            case "lladdr":
                mac = try words.value(of: word, accepted: "a MAC address") { MACAddress($0) }
            case "dev": device = try words.value(of: word)
            case "to" where address == nil: continue
            default:
                guard address == nil else { throw Words.unknown(word, Self.keywords) }
                guard let read = IPAddress(word) else {
                    throw UsageError("'\(word)' is not the address of a neighbour")
                }
                address = read
            }
        }
        let who = try address.required("the neighbour's address")
        let place = try device.required("the device (dev NAME)")
        self =
            verb == .del
            ? .del(who, device: place)
            : .add(who, try mac.required("the MAC address (lladdr MAC)"), device: place)
    }
}
