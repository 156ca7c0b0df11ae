// SPDX-License-Identifier: Apache-2.0

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers for the same seed on every machine.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) {
        state = seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

extension SeededGenerator {
    /// Octets, each as likely as any other.
    public mutating func octets(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    /// At most `longest` characters of `alphabet`.
    public mutating func text(of alphabet: String, upTo longest: Int) -> String {
        let characters = Array(alphabet)
        let length = Int.random(in: 0...longest, using: &self)
        return String((0..<length).compactMap { _ in characters.randomElement(using: &self) })
    }

    /// `octets` with one to four mistakes: bits that flip, octets that change, a lost end, a part
    /// that is missing or stands twice.
    public mutating func mutation(of octets: [UInt8]) -> [UInt8] {
        var result = octets
        for _ in 0..<Int.random(in: 1...4, using: &self) where !result.isEmpty {
            let place = Int.random(in: result.indices, using: &self)
            let end = Int.random(in: place...min(place + 8, result.count), using: &self)
            switch Int.random(in: 0..<8, using: &self) {
            case 0...2: result[place] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 3...4: result[place] = UInt8(truncatingIfNeeded: next())
            case 5: result.removeSubrange(place...)
            case 6: result.removeSubrange(place..<end)
            default: result.insert(contentsOf: result[place..<end], at: end)
            }
        }
        return result
    }
}
