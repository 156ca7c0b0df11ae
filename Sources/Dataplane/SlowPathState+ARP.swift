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
    /// Ethernet, and what some that speak it over IEEE 802 networks say (RFC 1700, "Number Hardware
    /// Type"): Linux takes both.
    static let hardware: [UInt16] = [1, 6]
    static let request: UInt16 = 1
    static let reply: UInt16 = 2
    static let operation = 6, senderMAC = 8, senderIP = 14, targetMAC = 18, targetIP = 24
}

extension SlowPathState {
    // MARK: - Received

    mutating func handleARP(_ packet: consuming Packet, on interface: InterfaceID, offset: Int) {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        guard
            ARP.hardware.contains(bytes.word(offset) ?? 0),
            bytes.word(offset + 2) == EtherType.ipv4.rawValue,
            bytes.word(offset + 4) == 0x0604, let operation = bytes.word(offset + ARP.operation),
            let mac = bytes.macAddress(offset + ARP.senderMAC),
            let sender = bytes.ipv4Address(offset + ARP.senderIP),
            let target = bytes.ipv4Address(offset + ARP.targetIP)
        else {
            drop(packet, .badARP)
            return
        }
        if sender != .any, !own.contains(.v4(sender), on: interface) {
            perform(neighbours.learn(Key(.v4(sender), on: interface), at: mac, now: now))
        } else if sender != .any {
            noteClaim(to: .v4(sender), by: mac, on: interface)
        }
        let answers = own.onLink(.v4(target), on: interface)?.standing == .usable
        // What asks for us is answered here; replies are also the kernel's, who may have asked.
        if operation != ARP.request || !answers { copyUp(packet, to: interface) }
        if operation == ARP.request, answers, sender != target {
            sendARP(
                ARP.reply,
                on: interface,
                from: target,
                to: (sender, mac),
                frameTo: mac
            )
        }
        deliver(packet)
    }

    // MARK: - Sent

    /// Asks who has an address: everybody, or the neighbour that had it.
    mutating func request(_ target: IPv4Address, at mac: MACAddress?, on interface: InterfaceID) {
        sendARP(
            ARP.request,
            on: interface,
            from: source(toward: .v4(target), on: interface)?.ipv4 ?? .any,
            to: (target, .zero),
            frameTo: mac ?? .broadcast
        )
    }

    /// Tells everybody where an own address is.
    mutating func sayGratuitously(_ address: IPv4Address, on interface: InterfaceID) {
        sendARP(
            ARP.request,
            on: interface,
            from: address,
            to: (address, .zero),
            frameTo: .broadcast
        )
    }

    private mutating func sendARP(
        _ operation: UInt16,
        on interface: InterfaceID,
        from source: IPv4Address,
        to target: (address: IPv4Address, mac: MACAddress),
        frameTo destination: MACAddress
    ) {
        // Ethernet's shortest frame is 60 octets without its check sequence (IEEE 802.3).
        guard let packet = make(60, on: interface) else { return }
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        writeEthernet(bytes, to: destination, from: interface, .arp)
        bytes.set(UInt16(1), at: 14)
        bytes.set(EtherType.ipv4.rawValue, at: 16)
        bytes.set(UInt16(0x0604), at: 18)
        bytes.set(operation, at: 14 + ARP.operation)
        bytes.setAddress(device(of: interface).traits.macAddress.rawValue, at: 14 + ARP.senderMAC)
        bytes.set(source.rawValue, at: 14 + ARP.senderIP)
        bytes.setAddress(target.mac.rawValue, at: 14 + ARP.targetMAC)
        bytes.set(target.address.rawValue, at: 14 + ARP.targetIP)
        inject(packet, on: interface)
    }
}
