// SPDX-License-Identifier: Apache-2.0
import Addressing
import Networking
import Packet

/// The headers of a packet that is made here, of either family.
struct Headers {
    var source: IPAddress
    var destination: IPAddress
    /// The neighbour that gets the frame.
    var mac: MACAddress
    var interface: InterfaceID
    var `protocol`: IPProtocol
    var hopLimit: UInt8
    /// A hop-by-hop header with the router alert option stands before the message: MLD.
    var alertsRouters = false
    /// Options of IPv4, a whole number of words.
    var options: [UInt8] = []

    private var isIPv4: Bool { source.family == .ipv4 }
    /// Where the transport header begins in the frame.
    var payloadOffset: Int {
        14 + (isIPv4 ? 20 + options.count : 40) + (alertsRouters ? 8 : 0)
    }

    /// Writes Ethernet, IP and extension headers into zeroed octets.
    func write(to bytes: FrameBytes, from own: MACAddress, payload: Int) {
        bytes.setAddress(mac.rawValue, at: 0)
        bytes.setAddress(own.rawValue, at: 6)
        bytes.set((isIPv4 ? EtherType.ipv4 : .ipv6).rawValue, at: 12)
        if isIPv4 {
            let length = 20 + options.count
            bytes.set(UInt8(0x40 + length / 4), at: 14)
            bytes.set(UInt16(length + payload), at: 16)
            bytes.set(UInt16(0x4000), at: 20)
            bytes.set(hopLimit, at: 22)
            bytes.set(`protocol`.rawValue, at: 23)
            bytes.set(source, at: 26)
            bytes.set(destination, at: 30)
            for (index, octet) in options.enumerated() { bytes.set(octet, at: 34 + index) }
            bytes.set(bytes.checksum(14, length), at: 24)
        } else {
            bytes.set(UInt8(0x60), at: 14)
            bytes.set(UInt16(payload + payloadOffset - 54), at: 18)
            bytes.set((alertsRouters ? .hopByHopOptions : `protocol`).rawValue, at: 20)
            bytes.set(hopLimit, at: 21)
            bytes.set(source, at: 22)
            bytes.set(destination, at: 38)
            guard alertsRouters else { return }
            // RFC 2711 section 2.1: option 5 of two octets, value 0 for MLD; then PadN of none.
            bytes.set(UInt32(`protocol`.rawValue) << 24 | 0x0502, at: 54)
            bytes.set(UInt32(0x0000_0100), at: 58)
        }
    }
}

extension SlowPathState {
    /// Headers of an answer to the sender of `request`, from `source`, by the way it came.
    func headers(
        answering request: Datagram,
        from source: IPAddress,
        _ number: IPProtocol,
        on interface: InterfaceID
    ) -> Headers {
        Headers(
            source: source,
            destination: request.source,
            mac: request.sender,
            interface: interface,
            protocol: number,
            hopLimit: limits.timeToLive
        )
    }

    /// Makes a packet and sends it as its headers say: see `compose`.
    mutating func send(
        _ headers: Headers,
        payload: Int,
        checksum place: Int,
        _ write: (_ bytes: FrameBytes, _ base: Int) -> Void
    ) {
        guard let packet = compose(headers, payload: payload, checksum: place, write) else {
            return
        }
        inject(packet, on: headers.interface)
    }

    /// Makes a packet of `payload` octets behind its headers; `write` fills in the payload, which
    /// begins where it is told, and `checksum` is the place of the checksum in it.
    mutating func compose(
        _ headers: Headers,
        payload: Int,
        checksum place: Int,
        _ write: (_ bytes: FrameBytes, _ base: Int) -> Void
    ) -> Packet? {
        let base = headers.payloadOffset
        guard let packet = make(base + payload, on: headers.interface) else { return nil }
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        headers.write(
            to: bytes,
            from: device(of: headers.interface).traits.macAddress,
            payload: payload
        )
        write(bytes, base)
        // ICMP of IPv4 (RFC 792) has no pseudo-header.
        let pseudo =
            headers.protocol == .icmp
            ? 0
            : IPAddress.pseudoHeader(
                headers.source,
                headers.destination,
                headers.protocol,
                length: payload
            )
        bytes.set(bytes.checksum(base, payload, adding: pseudo), at: base + place)
        return packet
    }
}
