// SPDX-License-Identifier: Apache-2.0
import Balancing
import DPDK
import Packet

/// How replies that arrive at one port reach the worker that owns their connection, and why so.
struct PortSteering: Equatable, Sendable {
    enum Method: String, Sendable {
        /// There is one worker: nothing to steer.
        case direct
        /// The device's hash brings them; workers choose local ports by it.
        case rss
        /// Rules in the device bring them, by local address and the low bits of the port.
        case flow
        /// They are handed over in software when they arrive elsewhere.
        case redirect
    }

    var method: Method
    /// A clause for the log and for `dpvs status`.
    var reason: String

    init(_ method: Method, _ reason: String) {
        self.method = method
        self.reason = reason
    }

    /// Adds that replies of IPv6 are handed over in software, when there is a reason for it.
    mutating func redirectsIPv6(because lack: String?) {
        if let lack { reason += "; IPv6 is redirected: \(lack)" }
    }
}

/// The one hash and table that ports with receive-side scaling share.
///
/// A worker chooses a local port before it knows where the reply will arrive, so all devices have
/// to agree; one that does not is left to redirection.
struct SteeringDomain {
    let workers: Int
    /// What devices are asked to hash with: random, so that nobody can aim at one queue.
    let wantedKey: [UInt8]
    /// Places of the smallest table; larger ones repeat it.
    let places: Int
    /// Key and worker by place as the first device has them.
    private(set) var agreed: (device: String, key: Toeplitz, owners: [Int])?
    /// The first of those devices whose hash serves IPv6, too, which looks at more of the key.
    private(set) var agreedIPv6: (device: String, key: Toeplitz)?

    /// - Parameters:
    ///   - workers: how many there are.
    ///   - tableSizes: places of the redirection table of each device that has one.
    ///   - known: a key that serves.
    ///   - random: gives random octets for another one.
    init(
        workers: Int,
        tableSizes: [Int],
        key known: [UInt8]? = nil,
        random: () throws -> UInt64
    ) rethrows {
        self.workers = workers
        places = tableSizes.filter(Self.isUsable).min() ?? 0
        var key = known ?? []
        while !Self.tellsPortsApart(key) || !Self.tellsPortsApart(key, isIPv6: true) {
            key = []
            for _ in 0..<8 {
                let word = try random()
                key += (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
            }
        }
        wantedKey = key
    }

    /// Worker by place, as it is wanted in a table of `size` places.
    func owners(_ size: Int) -> [Int] { (0..<size).map { $0 % max(1, places) % workers } }

    /// Whether a port that spreads flows like this brings replies to their owners; `queueOwners`
    /// has the worker that polls each queue.
    mutating func judge(
        _ spread: Device.Spread,
        of device: String,
        queueOwners: [Int: Int]
    ) -> PortSteering {
        guard Self.isUsable(spread.table.count) else {
            return PortSteering(.redirect, "its table has \(spread.table.count) places")
        }
        if let missing = spread.ipv4.missing {
            return PortSteering(.redirect, "it does not hash the ports of \(missing)")
        }
        let owners = spread.table.compactMap { queueOwners[$0] }
        guard owners.count == spread.table.count else {
            return PortSteering(.redirect, "its table names queues that no worker polls")
        }
        guard Set(owners) == Set(0..<workers) else {
            return PortSteering(.redirect, "its table does not lead to every worker")
        }
        guard Self.tellsPortsApart(spread.key), let key = Toeplitz(key: spread.key) else {
            return PortSteering(.redirect, "its key does not tell local ports apart")
        }
        if let agreed {
            guard agreed.key.key.prefix(16) == key.key.prefix(16),
                Self.repeats(agreed.owners, owners)
            else {
                return PortSteering(.redirect, "its key or table differs from \(agreed.device)'s")
            }
        } else {
            agreed = (device, key, owners)
        }
        var steering = PortSteering(.rss, "Toeplitz over a table of \(owners.count) places")
        steering.redirectsIPv6(because: lackForIPv6(spread, key, of: device))
        return steering
    }

    /// What keeps a device that agrees on IPv4 from steering IPv6 in the same way; nil: nothing.
    private mutating func lackForIPv6(
        _ spread: Device.Spread,
        _ key: Toeplitz,
        of device: String
    ) -> String? {
        if let missing = spread.ipv6.missing { return "it does not hash the ports of \(missing)" }
        guard Self.tellsPortsApart(spread.key, isIPv6: true) else {
            return "its key of \(spread.key.count) octets does not tell local ports apart"
        }
        guard let agreedIPv6 else {
            agreedIPv6 = (device, key)
            return nil
        }
        return agreedIPv6.key.key.prefix(40) == key.key.prefix(40)
            ? nil : "its key differs from \(agreedIPv6.device)'s"
    }

    /// The steering that the devices agreed on; nil when none has a hash.
    func makeSteering() -> FamilySteering? {
        agreed.flatMap {
            FamilySteering(
                agreedIPv6?.key ?? $0.key,
                table: $0.owners,
                workers: workers,
                hashesIPv6: agreedIPv6 != nil
            )
        }
    }

    private static func isUsable(_ size: Int) -> Bool {
        size.nonzeroBitCount == 1 && (2...1024).contains(size)
    }

    /// Whether the hashes of local ports differ in all low bits that a table may use.
    private static func tellsPortsApart(_ key: [UInt8], isIPv6: Bool = false) -> Bool {
        let table = Array(repeating: 0, count: 1024)
        guard let hash = Toeplitz(key: key),
            let steering = FlowSteering(hash, table: table, workers: 1, isIPv6: isIPv6)
        else { return false }
        steering.destroy()
        return true
    }

    private static func repeats(_ left: [Int], _ right: [Int]) -> Bool {
        (0..<max(left.count, right.count))
            .allSatisfy { left[$0 % left.count] == right[$0 % right.count] }
    }
}

extension Device.Spread {
    /// Why packets that a slave spreads like this do not come to the queues that its bond promises;
    /// nil: they do.
    func lack(comparedTo bond: Device.Spread) -> String? {
        guard key.prefix(40) == bond.key.prefix(40) else { return "has another key" }
        guard !table.isEmpty, table.count % max(1, bond.table.count) == 0,
            table.indices.allSatisfy({ table[$0] == bond.table[$0 % bond.table.count] })
        else { return "has another table" }
        guard ipv4 == bond.ipv4, ipv6 == bond.ipv6 else { return "hashes other fields" }
        return nil
    }
}
