// SPDX-License-Identifier: Apache-2.0
public import Addressing
import Packet

/// The TCP option that carries the client's address (TOA), directly behind the fixed header.
///
///      0        1        2                 4
///     +--------+--------+--------+--------+--------+-- ... --+
///     |  254   | length |   client port   |  client address  |
///     +--------+--------+--------+--------+--------+-- ... --+
///
/// 8 octets for an IPv4 client, 20 for an IPv6 client.
public enum AddressOption {
    /// Octets that the option takes.
    public static func length(for client: IPAddress) -> Int {
        switch client {
        case .v4: 8
        case .v6: 20
        }
    }
}

extension PacketEditor {
    /// Whether and which options stay when the address needs their place.
    private enum Keeping: Int {
        /// All, as they stand.
        case everything
        /// All but padding.
        case options
        /// What a connection cannot do without, each once: those negotiated in a SYN; later
        /// timestamps, which RFC 7323 section 3.2 demands in every segment. Selective
        /// acknowledgments are advice (RFC 2018 section 8), and Multipath TCP falls back to plain
        /// TCP (RFC 8684 section 3.7).
        case essentials
    }

    /// Inserts the client's address, and takes away any that the client sent itself.
    ///
    /// When the header or the link has no room, padding goes first and then what is not essential;
    /// what remains leaves room for an IPv6 address even in a SYN (4 + 3 + 2 + 10 octets, padded
    /// to 20), so a full header is no reason to fail. `mtu` is the longest IP packet toward the
    /// backend. Unless it succeeds, the packet is as it was, a forged address excepted.
    public mutating func insertAddressOption(
        _ client: Endpoint,
        mtu: Int
    ) -> AddressInsertion {
        guard tcpHeaderLength != nil else { return .malformed }
        removeForeignAddressOptions()
        var step = Keeping.everything
        while true {
            let outcome = insertAddressOption(client, mtu, step)
            guard outcome == .exceedsMTU, let next = Keeping(rawValue: step.rawValue &+ 1) else {
                return outcome
            }
            step = next
        }
    }

    /// Writes no-operations over addresses that the client made up, which the backend would believe.
    ///
    /// For segments that do not get an address, too.
    @discardableResult
    public func removeForeignAddressOptions() -> Bool { blankOptions(.clientAddress) > 0 }

    private mutating func insertAddressOption(
        _ client: Endpoint,
        _ mtu: Int,
        _ keeping: Keeping
    ) -> AddressInsertion {
        guard let header = tcpHeaderLength else { return .malformed }
        let start = transportOffset &+ TCPOffset.fixedLength
        let length = AddressOption.length(for: client.address)
        let before = header &- TCPOffset.fixedLength
        let kept = keptLength(header, keeping)
        let growth = length &+ kept &- before
        guard header &+ growth <= TCPOffset.longest, growth <= 0 || packetLength &+ growth <= mtu
        else { return .exceedsMTU }
        guard growth <= 0 || hasRoom(for: growth) else { return .noRoom }

        var change = ChecksumChange()
        change.subtract(UInt16(truncatingIfNeeded: transportLength))
        change.subtract(word(transportOffset &+ TCPOffset.dataOffset))
        change.subtract(sum(start, before))
        if keeping != .everything { compact(header, to: kept, keeping) }
        _ = growth < 0 ? remove(0 &- growth, at: start) : insert(growth, at: start)
        bytes.set(TCPOptionKind.clientAddress.rawValue, at: start)
        bytes.set(UInt8(truncatingIfNeeded: length), at: start &+ 1)
        bytes.set(client.port, at: start &+ 2)
        bytes.set(client.address, at: start &+ 4)
        let words = UInt8(truncatingIfNeeded: (header &+ growth) / 4)
        let field = transportOffset &+ TCPOffset.dataOffset
        bytes.set(words << 4 | octet(field) & 0xF, at: field)
        change.add(word(field))
        change.add(UInt16(truncatingIfNeeded: transportLength))
        change.add(sum(start, length &+ kept))
        applyToTCP(change)
        return keeping == .everything ? .inserted : .insertedWithoutOptions
    }

    // MARK: - Compaction

    /// Octets of the options that stay, padded to a multiple of four.
    private func keptLength(_ header: Int, _ keeping: Keeping) -> Int {
        guard keeping != .everything else { return header &- TCPOffset.fixedLength }
        var walk = options(header)
        var filter = OptionFilter(keeping == .essentials, isSYN: flags.contains(.syn))
        var length = 0
        while let option = walk.next() {
            if filter.keeps(option) { length &+= option.length }
        }
        return (length &+ 3) & ~3
    }

    /// Moves the options that stay to the end of the options, padding behind them: `kept` octets.
    private func compact(_ header: Int, to kept: Int, _ keeping: Keeping) {
        var walk = options(header)
        var filter = OptionFilter(keeping == .essentials, isSYN: flags.contains(.syn))
        let start = transportOffset &+ TCPOffset.fixedLength
        var position = start
        while let option = walk.next() {
            guard filter.keeps(option) else { continue }
            move(option.length, from: option.offset, to: position)
            position &+= option.length
        }
        while position < start &+ kept {
            bytes.set(TCPOptionKind.noOperation.rawValue, at: position)
            position &+= 1
        }
        move(kept, from: start, to: transportOffset &+ header &- kept)
    }
}

/// Which options survive a compaction.
private struct OptionFilter {
    private let onlyEssentials: Bool
    private let isSYN: Bool
    private var seen: UInt16 = 0

    init(_ onlyEssentials: Bool, isSYN: Bool) {
        self.onlyEssentials = onlyEssentials
        self.isSYN = isSYN
    }

    mutating func keeps(_ option: TCPOption) -> Bool {
        guard option.kind != .noOperation else { return false }
        guard onlyEssentials else { return true }
        guard option.length == length(of: option.kind) else { return false }
        let bit = UInt16(1) << UInt16(option.kind.rawValue)
        defer { seen |= bit }
        return seen & bit == 0
    }

    /// How long an essential option is; nil when it is not essential.
    private func length(of kind: TCPOptionKind) -> Int? {
        switch kind {
        case .timestamps: 10
        case .maximumSegmentSize: isSYN ? 4 : nil
        case .windowScale: isSYN ? 3 : nil
        case .sackPermitted: isSYN ? 2 : nil
        default: nil
        }
    }
}
