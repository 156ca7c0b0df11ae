// SPDX-License-Identifier: Apache-2.0
import CLinux
import CPacket
public import Timing

/// Which backend each client of persistent services has, for all workers together.
///
/// The connections of one client open at whatever worker the device gives them to, and all must
/// agree on the backend even while two workers see the client for the first time at once. So the
/// workers share this table, without locks: an entry is one word that is only ever exchanged as a
/// whole, and whoever comes second takes what the first has put there. Only the first packet of a
/// connection of a persistent service, and the timer of such a connection, come here.
///
///     63          40 39       20 19        0
///     +-------------+-----------+-----------+      eight entries a set, one cache line;
///     | expires     | backend   | tag       |      the client's hash says set and tag
///     +-------------+-----------+-----------+
///
/// The hash is keyed, so nobody can choose clients that collide; two that do by chance, at
/// 1 : 10^11 for a pair, have one backend. A full set takes no more: its clients are scheduled as
/// if there were no persistence, so nobody loses a backend to a flood of new clients.
///
/// A handle: copies name the same memory, which the maker destroys when all threads have ended.
@safe
public struct PersistenceTable: BitwiseCopyable, @unchecked Sendable {
    enum Field {
        static let backendShift: UInt64 = 20, expiryShift: UInt64 = 40
        /// Where the tag is in a hash.
        static let tagShift: UInt64 = 44
        static let tag: UInt64 = 1 << 20 - 1, backend: UInt64 = 1 << 20 - 1
        /// 2^3 ticks, a second, are one unit of time: 24 bits last for 208 days, half of which a
        /// comparison can tell.
        static let unitShift: UInt32 = 3
        static let unit: UInt32 = 1 << 3 - 1
    }

    private static var ways: Int { 8 }
    /// Backend slots that an entry can name.
    public static var slotLimit: Int { 1 << 20 }

    private let words: UnsafeMutablePointer<UInt64>
    private let setMask: UInt64
    private let key: HashKey
    /// What the hashes depend on: secret.
    public let seed: UInt64

    /// Room for `capacity` clients, rounded up; nil when memory is short.
    ///
    /// Untouched pages cost no memory. `seed` is random and secret.
    public init?(capacity: Int, seed: UInt64) {
        var sets = 1
        while sets * Self.ways < capacity { sets *= 2 }
        setMask = UInt64(sets - 1)
        key = HashKey(seed: seed)
        self.seed = seed
        guard let memory = unsafe CLinux_map_lazily(sets * Self.ways * 8) else { return nil }
        unsafe words = memory.assumingMemoryBound(to: UInt64.self)
    }

    /// The same clients in memory of its own; nil when that is short.
    public func copy() -> PersistenceTable? {
        guard let memory = unsafe CLinux_map_lazily(capacity * 8) else { return nil }
        return unsafe PersistenceTable(copying: self, into: memory)
    }

    private init(copying other: PersistenceTable, into memory: UnsafeMutableRawPointer) {
        unsafe words = memory.assumingMemoryBound(to: UInt64.self)
        setMask = other.setMask
        key = other.key
        seed = other.seed
        for place in 0..<other.capacity {
            let word = unsafe CPacket_load_relaxed(other.words + place)
            if word != 0 { unsafe words[place] = word }
        }
    }

    public func destroy() { unsafe CLinux_unmap_lazily(words, capacity * 8) }

    public var capacity: Int { (Int(setMask) + 1) * Self.ways }

    // MARK: - Workers

    /// The hash under which a client is known: of its network and what it asks.
    func hash(_ flow: Flow) -> UInt64 { flow.hash(key: key) }

    /// The backend slot of a client; nil when it has none now.
    func backend(of hash: UInt64, now: Tick) -> UInt32? {
        let set = unsafe set(hash)
        for way in 0..<Self.ways {
            let word = unsafe CPacket_load_relaxed(set + way)
            if Self.isOf(hash, word), Self.isLive(word, now) { return Self.backend(word) }
        }
        return nil
    }

    /// Gives a client a backend until `expiry`, and returns the one that it has then.
    ///
    /// `replaced` is the backend that it had and that will not do; any other that is found was
    /// chosen by another worker, and stays.
    func assign(
        _ backend: UInt32,
        to hash: UInt64,
        replacing replaced: UInt32?,
        until expiry: Tick,
        now: Tick
    ) -> UInt32 {
        let set = unsafe set(hash)
        let wanted = Self.word(hash, backend, expiry)
        // Each failed exchange means that another worker got on; a set has eight places to fail at.
        for _ in 0..<Self.ways {
            var vacant: Int?
            var own: Int?
            for way in 0..<Self.ways {
                let word = unsafe CPacket_load_relaxed(set + way)
                if Self.isOf(hash, word) {
                    own = way
                    break
                }
                if vacant == nil, !Self.isLive(word, now) { vacant = way }
            }
            guard let way = own ?? vacant else { return backend }
            let word = unsafe CPacket_load_relaxed(set + way)
            if Self.isOf(hash, word), Self.isLive(word, now), Self.backend(word) != replaced {
                extend(hash, until: expiry, now: now)
                return Self.backend(word)
            }
            if own == nil, Self.isLive(word, now) { continue }
            if unsafe CPacket_exchange_if_equal(set + way, word, wanted) { return backend }
        }
        return backend
    }

    /// Lets a client be remembered until `expiry` at least.
    func extend(_ hash: UInt64, until expiry: Tick, now: Tick) {
        let set = unsafe set(hash)
        for way in 0..<Self.ways {
            let word = unsafe CPacket_load_relaxed(set + way)
            guard Self.isOf(hash, word), Self.isLive(word, now) else { continue }
            let wanted = Self.word(hash, Self.backend(word), expiry)
            // Another worker's change of the same moment is as good.
            if Self.isLater(wanted, word) {
                _ = unsafe CPacket_exchange_if_equal(set + way, word, wanted)
            }
            return
        }
    }

    // MARK: - Any thread

    /// How many clients each backend slot has now; clears what has expired.
    ///
    /// To be called once in 100 days at least, before the time of an entry seems to lie ahead again:
    /// whoever scrapes metrics does.
    public func clients(now: Tick) -> [UInt32: Int] {
        var result: [UInt32: Int] = [:]
        forEach(at: now) { _, word in result[Self.backend(word), default: 0] += 1 }
        return result
    }

    /// Calls `body` with each live entry and its set; clears the others.
    func forEach(at now: Tick, _ body: (_ set: Int, _ word: UInt64) -> Void) {
        for place in 0..<capacity {
            let word = unsafe CPacket_load_relaxed(words + place)
            if word == 0 { continue }
            if Self.isLive(word, now) {
                body(place / Self.ways, word)
            } else {
                _ = unsafe CPacket_exchange_if_equal(words + place, word, 0)
            }
        }
    }

    // MARK: - Inside

    private func set(_ hash: UInt64) -> UnsafeMutablePointer<UInt64> {
        unsafe words + Int(hash & setMask) &* Self.ways
    }

    /// Never 0, so that an empty place is nobody's.
    private static func tag(_ hash: UInt64) -> UInt64 { max(1, hash >> Field.tagShift & Field.tag) }

    private static func word(_ hash: UInt64, _ backend: UInt32, _ expiry: Tick) -> UInt64 {
        // Rounded up: a client is not forgotten early.
        let unit = UInt64((expiry + Field.unit).rawValue >> Field.unitShift)
        return tag(hash) | (UInt64(backend) & Field.backend) << Field.backendShift
            | unit << Field.expiryShift
    }

    private static func isOf(_ hash: UInt64, _ word: UInt64) -> Bool {
        word & Field.tag == tag(hash)
    }

    static func backend(_ word: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: word >> Field.backendShift & Field.backend)
    }

    /// Units from `now` to the word's end.
    static func units(of word: UInt64, from now: Tick) -> Int32 {
        units(of: word, from: now.rawValue >> Field.unitShift)
    }

    /// Units from `start` to the word's end, in 24 bits with a sign.
    private static func units(of word: UInt64, from start: UInt32) -> Int32 {
        let difference = UInt32(truncatingIfNeeded: word >> Field.expiryShift) &- start
        return Int32(bitPattern: difference << 8) >> 8
    }

    private static func isLive(_ word: UInt64, _ now: Tick) -> Bool {
        word != 0 && units(of: word, from: now) > 0
    }

    private static func isLater(_ word: UInt64, _ other: UInt64) -> Bool {
        units(of: word, from: UInt32(truncatingIfNeeded: other >> Field.expiryShift)) > 0
    }
}
