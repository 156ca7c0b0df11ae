// SPDX-License-Identifier: Apache-2.0
public import CPacket
import Packet

extension PacketEditor {
    /// What the data starts with; over UDP only version 2 exists.
    public var proxyPresence: ProxyPresence {
        if isUDP {
            guard let length = datagramLength else { return .absent }
            let presence = ProxyHeader.presence(
                in: bytes,
                from: transportOffset &+ UDPAddress.udpHeader,
                to: transportOffset &+ length
            )
            if case .present(_, let header) = presence, header.version == .v1 { return .absent }
            return presence
        }
        guard let header = tcpHeaderLength else { return .absent }
        return ProxyHeader.presence(in: bytes, from: transportOffset &+ header, to: packetEnd)
    }

    /// Puts `header` where the first `count` octets of data are, or only removes these.
    ///
    /// Both lengths and the checksum follow; sequence numbers are the caller's. `mtu` is the
    /// longest IP packet toward the backend. Unless it succeeds, the packet is as it was.
    mutating func replaceData(
        removing count: Int,
        inserting header: ProxyHeader?,
        mtu: Int
    ) -> AddressInsertion {
        let start: Int
        let end: Int
        if isUDP {
            guard let length = datagramLength else { return .malformed }
            start = transportOffset &+ UDPAddress.udpHeader
            end = transportOffset &+ length
        } else {
            guard let length = tcpHeaderLength else { return .malformed }
            start = transportOffset &+ length
            end = packetEnd
        }
        guard count >= 0, count <= end &- start else { return .malformed }
        let length = header?.length ?? 0
        let growth = length &- count
        guard growth <= 0 || packetLength &+ growth <= mtu else { return .exceedsMTU }
        guard growth <= 0 || hasRoom(for: growth) else { return .noRoom }

        // Data that moves by an odd number of octets counts the other way round in the sum.
        let isEven = growth & 1 == 0 && count & 1 == 0
        var change = ChecksumChange()
        change.subtract(sum(start, isEven ? count : end &- start))
        change.subtract(UInt16(truncatingIfNeeded: end &- transportOffset))
        _ = growth < 0 ? remove(0 &- growth, at: start) : insert(growth, at: start)
        header?.write(to: bytes, at: start)
        let newEnd = end &+ growth
        change.add(sum(start, isEven ? length : newEnd &- start))
        change.add(UInt16(truncatingIfNeeded: newEnd &- transportOffset))
        if isUDP {
            finishDatagram(newEnd &- transportOffset, &change)
        } else {
            moveUrgentPointer(by: growth, &change)
            applyToTCP(change)
        }
        return .inserted
    }

    private func finishDatagram(_ length: Int, _ change: inout ChecksumChange) {
        let field = transportOffset &+ UDPAddress.udpLength
        let new = UInt16(truncatingIfNeeded: length)
        change.replace(word(field), with: new)
        bytes.set(new, at: field)
        // A checksum of 0 means "none" (RFC 768), and one that comes out as 0 is sent as all ones.
        let checksum = word(transportOffset &+ UDPAddress.udpChecksum)
        guard checksum != 0 else { return }
        let updated = change.applied(to: checksum)
        bytes.set(
            updated == 0 ? 0xFFFF : updated,
            at: transportOffset &+ UDPAddress.udpChecksum
        )
    }

    /// The urgent pointer counts from the segment's first octet (RFC 9293 section 3.8.5).
    private func moveUrgentPointer(by growth: Int, _ change: inout ChecksumChange) {
        guard flags.contains(.urg) else { return }
        let field = transportOffset &+ TCPOffset.urgentPointer
        let new = UInt16(clamping: Int(word(field)) &+ growth)
        change.replace(word(field), with: new)
        bytes.set(new, at: field)
    }

    // MARK: - A segment of its own

    /// Writes into the empty buffer `fresh` a segment that holds `header` alone, at `sequence`,
    /// and acknowledges what this one does; nil when it has no room.
    ///
    /// For a segment that is too long to take the header itself; to be sent before it. Addresses
    /// and ports are those of this packet, so they are rewritten first.
    @unsafe
    public func writeHeaderSegment(
        into fresh: UnsafeMutablePointer<CPacket_buffer>,
        _ header: ProxyHeader,
        sequence: UInt32
    ) -> PacketEditor? {
        let fixed = TCPOffset.fixedLength
        guard tcpHeaderLength != nil,
            let copy = unsafe companion(in: fresh, transport: fixed &+ header.length)
        else { return nil }
        let start = copy.transportOffset
        copy.bytes.copy(fixed, from: bytes, at: transportOffset, to: start)
        copy.bytes.set(sequence, at: start &+ TCPOffset.sequence)
        copy.bytes.set(0x50 as UInt8, at: start &+ TCPOffset.dataOffset)
        let flags: TCPFlags = [.psh, .ack]
        copy.bytes.set(flags.rawValue, at: start &+ TCPOffset.flags)
        copy.bytes.set(0 as UInt16, at: start &+ TCPOffset.urgentPointer)
        header.write(to: copy.bytes, at: start &+ fixed)
        copy.computeTransportChecksum()
        return copy
    }
}
