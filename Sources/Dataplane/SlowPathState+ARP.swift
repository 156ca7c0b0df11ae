// SPDX-License-Identifier: Apache-2.0
import Addressing
import CPacket
import Networking
import Packet
import Timing

/// ARP over Ethernet (RFC 826), with announcements (RFC 5227 section 3).
///
///     0   2   4  5  6     8            14         18           24
///     +---+---+--+--+-----+------------+----------+------------+----------+
///     | 1 |IP |6 |4 | op  | sender MAC | sender IP| target MAC | target IP|
///     +---+---+--+--+-----+------------+----------+------------+----------+
enum ARP {
    static let length = 28
    static let request: UInt16 = 1
    static let reply: UInt16 = 2
    static let operation = 6, senderMAC = 8, senderIP = 14, targetMAC = 18, targetIP = 24
}

extension SlowPathState {
    private static var announcementCount: Int { 2 }
    private static var announcementsPerTurn: Int { 64 }

    // MARK: - Received

    mutating func handleARP(_ packet: consuming Packet, port: Int, offset: Int) {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        guard
            bytes.word(offset) == 1, bytes.word(offset + 2) == EtherType.ipv4.rawValue,
            bytes.word(offset + 4) == 0x0604, let operation = bytes.word(offset + ARP.operation),
            let mac = bytes.address(offset + ARP.senderMAC).map(MACAddress.init(rawValue:)),
            let sender = bytes.long(offset + ARP.senderIP).map(IPv4Address.init(rawValue:)),
            let target = bytes.long(offset + ARP.targetIP).map(IPv4Address.init(rawValue:))
        else {
            drop(packet, .badARP)
            return
        }
        if sender != .any, own[sender] == nil {
            perform(neighbours.learn(Key(.v4(sender), port: port), at: mac, now: now))
        }
        let answers = own[target].map { $0.port == nil || $0.port == port } ?? false
        if operation == ARP.request, answers, sender != target {
            sendARP(
                ARP.reply,
                on: port,
                from: target,
                to: (sender, mac),
                frameTo: mac
            )
        }
        deliver(packet)
    }

    // MARK: - Sent

    /// Asks who has the key's address: everybody, or the neighbour that had it.
    mutating func solicit(_ key: Key, _ mac: MACAddress?) {
        guard let target = key.address.ipv4 else { return }
        sendARP(
            ARP.request,
            on: key.port,
            from: source(toward: target, on: key.port),
            to: (target, .zero),
            frameTo: mac ?? .broadcast
        )
    }

    private mutating func sendARP(
        _ operation: UInt16,
        on port: Int,
        from source: IPv4Address,
        to target: (address: IPv4Address, mac: MACAddress),
        frameTo destination: MACAddress
    ) {
        // Ethernet's shortest frame is 60 octets without its check sequence (IEEE 802.3).
        guard let packet = make(60, on: port) else { return }
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        writeEthernet(bytes, to: destination, from: port, .arp)
        bytes.set(UInt16(1), at: 14)
        bytes.set(EtherType.ipv4.rawValue, at: 16)
        bytes.set(UInt16(0x0604), at: 18)
        bytes.set(operation, at: 14 + ARP.operation)
        bytes.setAddress(ports[port].traits.macAddress.rawValue, at: 14 + ARP.senderMAC)
        bytes.set(source.rawValue, at: 14 + ARP.senderIP)
        bytes.setAddress(target.mac.rawValue, at: 14 + ARP.targetMAC)
        bytes.set(target.address.rawValue, at: 14 + ARP.targetIP)
        inject(packet, on: port)
    }

    /// An own address from which a neighbour on `port` can be asked.
    private func source(toward target: IPv4Address, on port: Int) -> IPv4Address {
        let onLink = own.values.filter { $0.port == port }
        let sameNetwork = onLink.filter { !$0.prefix.isHost && $0.prefix.contains(.v4(target)) }
        let best = (sameNetwork.isEmpty ? onLink : sameNetwork).map(\.address).min()
        return best ?? .any
    }

    // MARK: - Own addresses

    mutating func install(_ addresses: [OwnAddress]) {
        let before = own
        own = Dictionary(addresses.map { ($0.address, $0) }) { first, _ in first }
        announcements.removeAll { own[$0.address] == nil }
        for address in addresses
        where before[address.address]?.port != address.port
            || before[address.address] == nil
        {
            announce(address)
        }
    }

    mutating func announceAll(on port: Int) {
        for address in own.values where address.port == nil || address.port == port {
            announce(address)
        }
    }

    private mutating func announce(_ address: OwnAddress) {
        let links = address.port.map { [$0] } ?? Array(ports.indices)
        for port in links {
            announcements.append(
                Announcement(
                    address: address.address,
                    port: port,
                    due: now,
                    remaining: Self.announcementCount
                )
            )
        }
    }

    /// Sends gratuitous ARP, a bounded number at a time.
    mutating func announceDue() {
        guard !announcements.isEmpty else { return }
        var sent = 0
        var later: [Announcement] = []
        for var announcement in announcements {
            guard announcement.due <= now, sent < Self.announcementsPerTurn else {
                later.append(announcement)
                continue
            }
            sent += 1
            sendARP(
                ARP.request,
                on: announcement.port,
                from: announcement.address,
                to: (announcement.address, .zero),
                frameTo: .broadcast
            )
            announcement.remaining -= 1
            announcement.due = now.advanced(by: .seconds(1))
            if announcement.remaining > 0 { later.append(announcement) }
        }
        announcements = later
    }
}
