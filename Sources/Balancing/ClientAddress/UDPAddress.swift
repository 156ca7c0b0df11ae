// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import CPacket
import Packet

/// The client's address in a UDP packet (UOA), in either form.
///
///      0        1        2                 4        5        6               8
///     +---+----+--------+--------+--------+--------+--------+-------+-------+-- ... --+
///     |ver| 0  |   17   |     length      |   31   | length |  client port  | address |
///     +---+----+--------+--------+--------+--------+--------+-------+-------+-- ... --+
///      `------- only in the header ------'
///
/// The header (IP protocol 248) stands between IP and UDP; its version is 1 for an IPv4 client and
/// 2 for an IPv6 client. The option stands first among those of IPv4, which has room for an IPv4
/// client only.
enum UDPAddress {
    /// The IP protocol of the header: from the unassigned range.
    static let protocolNumber: UInt8 = 248
    /// The kind of the option: not copied into fragments, class control, number 31.
    static let optionKind: UInt8 = 31
    static let headerPrefix = 4
    static let longestIPv4Header = 60
    static let udpLength = 4, udpChecksum = 6, udpHeader = 8

    static func optionLength(for client: IPAddress) -> Int {
        switch client {
        case .v4: 8
        case .v6: 20
        }
    }

    /// Octets of the header at `offset`, when it is one that we write.
    static func headerLength(_ bytes: FrameBytes, at offset: Int) -> Int? {
        guard bytes.octet(offset &+ 1) == IPProtocol.udp.rawValue,
            bytes.octet(offset &+ headerPrefix) == optionKind
        else { return nil }
        switch (bytes.octet(offset), bytes.word(offset &+ 2)) {
        case (0x10, 12): return 12
        case (0x20, 24): return 24
        default: return nil
        }
    }
}

extension PacketEditor {
    /// Octets of the datagram, header included; nil when the packet does not hold it.
    var datagramLength: Int? {
        guard isUDP, transportLength >= UDPAddress.udpHeader, !isFragment else { return nil }
        let length = Int(word(transportOffset &+ UDPAddress.udpLength))
        return length >= UDPAddress.udpHeader && length <= transportLength ? length : nil
    }

    /// Inserts the client's address; what an IPv4 option cannot express goes into a header.
    ///
    /// The UDP checksum stays as it is: it covers addresses, protocol 17 and the datagram, which
    /// the backend has again once it took the header away. (DPVS sends none over IPv4.) `mtu` is
    /// the longest IP packet toward the backend. Unless it succeeds, the packet is as it was,
    /// a forged address excepted.
    public mutating func insertUDPAddress(
        _ client: Endpoint,
        _ form: UDPAddressForm,
        mtu: Int
    ) -> AddressInsertion {
        guard datagramLength != nil else { return .malformed }
        removeForeignAddressOptionsOfIP()
        if form == .option, !isIPv6, client.address.ipv4 != nil {
            return insertIPOption(client, mtu)
        }
        return insertUDPAddressHeader(client, mtu)
    }

    private mutating func insertUDPAddressHeader(_ client: Endpoint, _ mtu: Int) -> AddressInsertion
    {
        // Backends look for the header right behind the fixed one.
        guard !isIPv6 || transportOffset == networkOffset &+ IPv6Offset.fixedLength else {
            return .headerFull
        }
        let option = UDPAddress.optionLength(for: client.address)
        let length = UDPAddress.headerPrefix &+ option
        guard packetLength &+ length <= mtu else { return .exceedsMTU }
        let start = transportOffset
        guard insert(length, at: start) else { return .noRoom }
        bytes.set(option == 8 ? 0x10 : 0x20 as UInt8, at: start)
        bytes.set(IPProtocol.udp.rawValue, at: start &+ 1)
        bytes.set(UInt16(truncatingIfNeeded: length), at: start &+ 2)
        writeAddressOption(client, option, at: start &+ UDPAddress.headerPrefix)
        setProtocol(UDPAddress.protocolNumber)
        return .inserted
    }

    private mutating func insertIPOption(_ client: Endpoint, _ mtu: Int) -> AddressInsertion {
        let length = UDPAddress.optionLength(for: client.address)
        guard transportOffset &- networkOffset &+ length <= UDPAddress.longestIPv4Header else {
            return .headerFull
        }
        guard packetLength &+ length <= mtu else { return .exceedsMTU }
        let start = networkOffset &+ IPv4Offset.fixedLength
        guard insert(length, at: start) else { return .noRoom }
        writeAddressOption(client, length, at: start)
        // The octets of the header's length are in the first word: two words of 32 bits more.
        var change = ChecksumChange()
        let first = word(networkOffset)
        change.replace(first, with: first &+ 0x0200)
        bytes.set(first &+ 0x0200, at: networkOffset)
        change.add(sum(start, length))
        let field = networkOffset &+ IPv4Offset.checksum
        bytes.set(change.applied(to: word(field)), at: field)
        return .inserted
    }

    private func writeAddressOption(_ client: Endpoint, _ length: Int, at offset: Int) {
        bytes.set(UDPAddress.optionKind, at: offset)
        bytes.set(UInt8(truncatingIfNeeded: length), at: offset &+ 1)
        bytes.set(client.port, at: offset &+ 2)
        bytes.set(client.address, at: offset &+ 4)
    }

    private func setProtocol(_ number: UInt8) {
        if isIPv6 {
            bytes.set(number, at: networkOffset &+ IPv6Offset.nextHeader)
        } else {
            let field = networkOffset &+ IPv4Offset.protocol &- 1
            setNetwork(word(field) & 0xFF00 | UInt16(number), at: field)
        }
    }

    /// Writes no-operations over an IPv4 option with an address of the client's own making, which
    /// the backend would believe; for every packet with options of a service that tells addresses
    /// this way, also when it carries none itself.
    @discardableResult
    public func removeForeignAddressOptionsOfIP() -> Bool {
        guard !isIPv6 else { return false }
        let end = min(transportOffset, networkOffset &+ UDPAddress.longestIPv4Header)
        var position = networkOffset &+ IPv4Offset.fixedLength
        var found = false
        // RFC 791 section 3.1: 0 ends the options, 1 is a single octet, others tell their length.
        while position < end, octet(position) != 0 {
            let kind = octet(position)
            let length = kind == 1 ? 1 : Int(octet(position &+ 1))
            guard length >= (kind == 1 ? 1 : 2), position &+ length <= end else { break }
            if kind == UDPAddress.optionKind {
                blankNetwork(position, length)
                found = true
            }
            position &+= length
        }
        return found
    }

    private func blankNetwork(_ offset: Int, _ count: Int) {
        var change = ChecksumChange()
        for position in offset..<(offset &+ count) {
            let old = octet(position)
            change.replace(octet: old, with: 1, distance: position &- networkOffset)
            bytes.set(1 as UInt8, at: position)
        }
        let field = networkOffset &+ IPv4Offset.checksum
        bytes.set(change.applied(to: word(field)), at: field)
    }

    // MARK: - A datagram of its own

    /// Writes into the empty buffer `fresh` a datagram without data that carries the client's
    /// address in this one's place; nil when it has no room.
    ///
    /// For a packet that cannot take the address itself; to be sent before it. Addresses and ports
    /// are those of this packet, so they are rewritten first.
    @unsafe
    public func writeAddressDatagram(
        into fresh: UnsafeMutablePointer<CPacket_buffer>,
        _ client: Endpoint,
        _ form: UDPAddressForm
    ) -> PacketEditor? {
        guard isUDP, var copy = unsafe companion(in: fresh, transport: UDPAddress.udpHeader) else {
            return nil
        }
        let start = copy.transportOffset
        copy.bytes.set(long(transportOffset), at: start)
        copy.bytes.set(UInt16(UDPAddress.udpHeader), at: start &+ UDPAddress.udpLength)
        copy.computeTransportChecksum()
        guard copy.insertUDPAddress(client, form, mtu: .max).isDone else { return nil }
        return copy
    }
}
