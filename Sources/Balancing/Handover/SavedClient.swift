// SPDX-License-Identifier: Apache-2.0
public import Timing

/// A client of a persistent service, as one process leaves it to the next.
public struct SavedClient: Hashable, BitwiseCopyable, Sendable {
    /// What the table knows of the client's hash; it is worth something with the same secret only.
    var hash: UInt64
    /// The slot of its backend; in a file, its place in the list of backends.
    public var backendSlot: UInt32
    /// Ticks for which it is remembered.
    public var remaining: UInt32

    /// Octets of a client in a file: hash (8), backend (4) and remaining ticks (4), little-endian.
    public static let encodedSize = 16

    /// As in a file.
    public var encoded: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: hash >> ($0 * 8)) }
            + [backendSlot, remaining]
            .flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }
    }

    init(hash: UInt64, backendSlot: UInt32, remaining: UInt32) {
        self.hash = hash
        self.backendSlot = backendSlot
        self.remaining = remaining
    }

    /// Reads what `encoded` has made; nil when there are too few octets.
    public init?(reading octets: some Collection<UInt8>) {
        guard octets.count >= Self.encodedSize else { return nil }
        func number(_ place: Int, _ count: Int) -> UInt64 {
            octets.dropFirst(place).prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        hash = number(0, 8)
        backendSlot = UInt32(truncatingIfNeeded: number(8, 4))
        remaining = UInt32(truncatingIfNeeded: number(12, 4))
    }
}

extension PersistenceTable {
    /// Every client that is remembered, for a process that comes after this one.
    public func saved(at now: Tick) -> [SavedClient] {
        var clients: [SavedClient] = []
        forEach(at: now) { set, word in
            clients.append(
                SavedClient(
                    hash: UInt64(set) | (word & Field.tag) << Field.tagShift,
                    backendSlot: Self.backend(word),
                    remaining: UInt32(Self.units(of: word, from: now)) << Field.unitShift
                )
            )
        }
        return clients
    }

    /// Remembers a client that another table of the same secret has saved, which had no fewer
    /// places than this one.
    public func restore(_ client: SavedClient, now: Tick) {
        _ = assign(
            client.backendSlot,
            to: client.hash,
            replacing: nil,
            until: now + client.remaining,
            now: now
        )
    }
}
