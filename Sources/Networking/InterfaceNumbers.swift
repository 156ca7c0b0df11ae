// SPDX-License-Identifier: Apache-2.0
public import Packet

/// Gives numbers to VLANs and tunnels, the same to the same one for the whole run.
///
/// A value, which a compilation may change and drop; an `InterfaceTable` makes it known to the workers.
public struct InterfaceNumbers: Sendable, Equatable {
    /// By place: the words of `InterfaceTable` without what changes.
    private(set) var words: [UInt64] = []
    private var count = 0

    public init() {}

    /// The number of the VLAN with `tags` on a port, given now unless it has one; nil when there
    /// were too many.
    public mutating func reserve(port: Int, _ tags: VLANTags) -> Int? {
        reserve(InterfaceTable.key(port, tags))
    }

    /// The same of the tunnel with an identifier, from now on served by `port`.
    public mutating func reserve(tunnel identifier: Int, port: Int) -> Int? {
        let key = InterfaceTable.used | InterfaceTable.tunnel | UInt64(identifier & 0xFF_FFFF)
        guard let number = reserve(key) else { return nil }
        let carrier = UInt64(UInt16(truncatingIfNeeded: port)) << 24
        let word = key | carrier
        if words[number - InterfaceTable.firstNumber] != word {
            words[number - InterfaceTable.firstNumber] = word
        }
        return number
    }

    /// The port that carries an interface; a port carries itself.
    public func port(of number: Int) -> Int {
        number < InterfaceTable.firstNumber ? number : Int(word(of: number) >> 24 & 0xFFFF)
    }

    /// Whether an interface is a tunnel, on which there are no link-layer addresses.
    public func isTunnel(_ number: Int) -> Bool {
        number >= InterfaceTable.firstNumber && word(of: number) & InterfaceTable.tunnel != 0
    }

    private func word(of number: Int) -> UInt64 {
        let place = number - InterfaceTable.firstNumber
        return place < words.count ? words[place] : 0
    }

    private mutating func reserve(_ key: UInt64) -> Int? {
        if words.isEmpty { words = Array(repeating: 0, count: InterfaceTable.places) }
        let place = InterfaceTable.search(key) { words[$0] }
        if words[place] == 0 {
            guard count < InterfaceTable.capacity else { return nil }
            count += 1
            words[place] = key
        }
        return place + InterfaceTable.firstNumber
    }
}
