// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting

@testable import Balancing

/// Builds and reads ICMP errors for tests.
enum ICMPErrors {
    /// An error of the family of `quoted` from a router to `receiver`, quoting at most `length`
    /// octets.
    static func error(
        _ type: UInt8,
        _ code: UInt8 = 0,
        rest: UInt32 = 0,
        about quoted: IPPacket,
        quoting length: Int = .max,
        extensions: [UInt8] = [],
        from router: String? = nil,
        to receiver: IPAddress? = nil
    ) -> IPPacket {
        let quotation = Array(quoted.octets.prefix(length)) + extensions
        let number: UInt8 = quoted.isIPv6 ? 58 : 1
        return IPPacket(
            from: router ?? (quoted.isIPv6 ? "2001:db8:ffff::1" : "203.0.113.1"),
            to: (receiver ?? quoted.source).description,
            number,
            IPPacket.icmp(type, code, rest: rest, quotation)
        ) { packet in
            packet.trafficClass = 0xC0
            packet.timeToLive = 61
        }
        .withChecksum
    }

    static func read(_ buffer: RoomyBuffer) -> ICMPErrorMessage.Outcome? {
        guard let outline = buffer.outline else { return nil }
        return ICMPErrorMessage.read(buffer.bytes, outline)
    }

    static func message(_ buffer: RoomyBuffer) -> ICMPErrorMessage? {
        guard case .read(let message) = read(buffer) else { return nil }
        return message
    }

    /// The packet that the error in `packet` quotes.
    static func quotation(_ packet: IPPacket) -> IPPacket? {
        IPPacket(Array(packet.payload.dropFirst(8)))
    }

    static func flow(
        _ source: String,
        _ sourcePort: UInt16,
        _ destination: String,
        _ destinationPort: UInt16
    ) -> FlowAddresses<IPAddress> {
        FlowAddresses(
            source: IPAddress(source) ?? .v4(.any),
            sourcePort: sourcePort,
            destination: IPAddress(destination) ?? .v4(.any),
            destinationPort: destinationPort
        )
    }

    /// Data, long enough that a quotation ends in it.
    static let data = [UInt8](repeating: 0x5A, count: 100)

    /// A segment from us to the backend, in either family.
    static func segment(isIPv6: Bool, _ data: [UInt8] = data) -> IPPacket {
        let payload = IPPacket.tcp(1025, 8080, sequence: 0xFFFF_FFF0, data)
        return isIPv6
            ? IPPacket(from: "fd00::1", to: "fd00::2", 6, payload).withChecksum
            : IPPacket(from: "10.0.0.1", to: "10.0.0.2", 6, payload).withChecksum
    }
}
