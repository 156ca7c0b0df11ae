// SPDX-License-Identifier: Apache-2.0
public import Packet

/// The interfaces of one snapshot that are no ports, VLANs and tunnels, each under a number of its
/// own: immutable, freed with the snapshot, so that a packet sees the interfaces of one state.
///
/// Numbers below `firstNumber` are ports. A number belongs to a port and its tags, or to a tunnel's
/// identifier, for the whole run, so nothing that remembers one can mean another interface later;
/// one that is gone only takes no more frames. `InterfaceNumbers` gives the numbers, which are
/// positions in a hash table:
///
///      63     62   61          60      58 57       56 40 39     24 23     12 11      0
///     +------+----+-----------+----------+--------+-----+---------+---------+---------+
///     | used | up | companion | priority | tunnel | 0   | port    | outer   | inner   |
///     +------+----+-----------+----------+--------+-----+---------+---------+---------+
///
/// Of a tunnel, the last 24 bits are its identifier, and the port is whatever serves it now.
@safe
public struct InterfaceTable: BitwiseCopyable, @unchecked Sendable {
    /// More than any host has ports.
    public static let firstNumber = 256
    /// Interfaces of one run, those included that are gone.
    public static let capacity = 4096

    /// Every number is less.
    public static let numberLimit = firstNumber + places

    static let places = capacity * 2
    static let used: UInt64 = 1 << 63
    private static let up: UInt64 = 1 << 62
    private static let companion: UInt64 = 1 << 61

    static let tunnel: UInt64 = 1 << 57
    static let portMask: UInt64 = 0xFFFF << 24

    /// What is no part of a key.
    private static let changing = up | companion | 7 << priorityShift
    private static let priorityShift: UInt64 = 58

    private let words: UnsafeMutablePointer<UInt64>
    /// Of places; without interfaces there is one, which is empty.
    private let mask: Int

    /// The interfaces that have numbers, of which those of `up` take frames.
    ///
    /// `companions` are those of them that the kernel has a side of, and `priorities`, 0 to 7, go
    /// with what they send.
    public init(
        _ numbers: InterfaceNumbers = InterfaceNumbers(),
        up: Set<Int> = [],
        companions: Set<Int> = [],
        priorities: [Int: Int] = [:]
    ) {
        mask = numbers.words.isEmpty ? 0 : Self.places - 1
        unsafe words = .allocate(capacity: mask + 1)
        unsafe words.initialize(repeating: 0, count: mask + 1)
        for (place, key) in numbers.words.enumerated() where key != 0 {
            let number = place + Self.firstNumber
            var word = key
            if up.contains(number) {
                word |= companions.contains(number) ? Self.up | Self.companion : Self.up
                word |= UInt64(priorities[number, default: 0] & 7) << Self.priorityShift
            }
            unsafe words[place] = word
        }
    }

    public func destroy() { unsafe words.deallocate() }

    /// The interface that takes frames with these tags from `port`: the port itself when there are
    /// none; nil when there is no such interface.
    public func number(port: Int, _ tags: VLANTags) -> Int? {
        guard !tags.isEmpty else { return port }
        if tags.tunnel != 0 {
            let number = Int(tags.tunnel)
            return isTunnel(number) && word(number - Self.firstNumber) & Self.up != 0 ? number : nil
        }
        let place = search(Self.key(port, tags))
        return word(place) & Self.up != 0 ? place + Self.firstNumber : nil
    }

    /// The port that carries an interface; a port carries itself.
    public func port(of number: Int) -> Int {
        number < Self.firstNumber ? number : Int(word(number - Self.firstNumber) >> 24 & 0xFFFF)
    }

    /// What frames of an interface are tagged with.
    public func tags(of number: Int) -> VLANTags {
        guard number >= Self.firstNumber else { return VLANTags() }
        let word = word(number - Self.firstNumber)
        guard word & Self.tunnel == 0 else {
            return VLANTags(tunnel: UInt16(truncatingIfNeeded: number))
        }
        return VLANTags(
            outer: UInt16(truncatingIfNeeded: word >> 12 & 0xFFF),
            inner: UInt16(truncatingIfNeeded: word & 0xFFF)
        )
    }

    /// The same as they are sent: with the priority of the interface in each (IEEE 802.1Q section
    /// 9.6: three bits before the drop indicator and the identifier).
    public func tagging(of number: Int) -> VLANTags {
        var tags = tags(of: number)
        guard !tags.isEmpty, tags.tunnel == 0 else { return tags }
        let word = word(number - Self.firstNumber)
        let priority = UInt16(truncatingIfNeeded: word >> Self.priorityShift & 7) << 13
        tags.outer |= priority
        if tags.inner != 0 { tags.inner |= priority }
        return tags
    }

    /// Whether the kernel has a side of its own of a VLAN; of ports others know.
    public func hasCompanion(_ number: Int) -> Bool {
        number >= Self.firstNumber && word(number - Self.firstNumber) & Self.companion != 0
    }

    /// Whether an interface is a tunnel, on which there are no link-layer addresses.
    public func isTunnel(_ number: Int) -> Bool {
        number >= Self.firstNumber && word(number - Self.firstNumber) & Self.tunnel != 0
    }

    /// Whether frames of an interface come and go now; those of a port always do.
    public func takesFrames(_ number: Int) -> Bool {
        number < Self.firstNumber || word(number - Self.firstNumber) & Self.up != 0
    }

    /// VLANs that take frames, in a fixed order.
    public var numbers: [Int] {
        (0...mask).filter { word($0) & (Self.up | Self.tunnel) == Self.up }
            .map { $0 + Self.firstNumber }
    }

    // MARK: - Memory

    private func word(_ place: Int) -> UInt64 { unsafe words[place & mask] }

    static func key(_ port: Int, _ tags: VLANTags) -> UInt64 {
        used | UInt64(UInt16(truncatingIfNeeded: port)) << 24
            | UInt64(tags.outer & 0xFFF) << 12 | UInt64(tags.inner & 0xFFF)
    }

    /// What a word is found by.
    static func key(_ word: UInt64) -> UInt64 {
        word & ~changing & (word & tunnel == 0 ? ~0 : ~portMask)
    }

    private func search(_ key: UInt64) -> Int { Self.search(key) { word($0) } & mask }

    /// The place of a key, or the empty one where it would stand; at most half of them are used.
    @inline(__always)
    static func search(_ key: UInt64, _ word: (Int) -> UInt64) -> Int {
        var place = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 40)
        while true {
            place &= places - 1
            let word = word(place)
            if word == 0 || Self.key(word) == key { return place }
            place &+= 1
        }
    }
}
