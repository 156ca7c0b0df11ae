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
        while !Self.tellsPortsApart(key) {
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
        guard spread.hashesTCP, spread.hashesUDP else {
            let missing = spread.hashesTCP ? "UDP" : "TCP"
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
        return PortSteering(.rss, "Toeplitz over a table of \(owners.count) places")
    }

    /// The steering that the devices agreed on; nil when none has a hash.
    func makeSteering() -> FamilySteering? {
        agreed.flatMap { FamilySteering($0.key, table: $0.owners, workers: workers) }
    }

    private static func isUsable(_ size: Int) -> Bool {
        size.nonzeroBitCount == 1 && (2...1024).contains(size)
    }

    /// Whether the hashes of local ports differ in all low bits that a table may use.
    private static func tellsPortsApart(_ key: [UInt8]) -> Bool {
        guard let hash = Toeplitz(key: key) else { return false }
        guard let steering = FlowSteering(hash, table: Array(repeating: 0, count: 1024), workers: 1)
        else { return false }
        steering.destroy()
        return true
    }

    private static func repeats(_ left: [Int], _ right: [Int]) -> Bool {
        (0..<max(left.count, right.count))
            .allSatisfy { left[$0 % left.count] == right[$0 % right.count] }
    }
}
