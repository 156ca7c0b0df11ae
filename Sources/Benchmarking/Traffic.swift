// SPDX-License-Identifier: Apache-2.0

/// What the peer behind a `LoopPort` sends and how it answers.
enum Traffic {
    // MARK: - Clients

    /// Datagrams of `flows` flows in scrambled order; nothing is answered.
    case datagrams(flows: UInt64)
    /// Opens `flows` TCP connections, then sends data segments on them in scrambled order.
    case segments(flows: UInt64)
    /// Every frame is the first of a flow, and answers are not looked at: a flood.
    case newFlows
    /// Datagrams of `flows` flows, and with every eighth frame one of a new flow.
    case services(flows: UInt64)
    /// Opens connections, asks once and closes: seven segments with the server's.
    case tcpClient
    /// Opens connections and resets them: SYN, SYN-ACK, ACK, RST.
    case resettingClient

    // MARK: - Servers

    /// Takes everything, sends nothing.
    case silence
    /// Sends every frame back.
    case echo
    /// The other side of `tcpClient`.
    case tcpServer
    /// Accepts connections, says nothing more.
    case acceptor

    /// Whose frames `LoopState.write` makes.
    var isClient: Bool {
        switch self {
        case .datagrams, .segments, .newFlows, .services, .tcpClient, .resettingClient: true
        case .silence, .echo, .tcpServer, .acceptor: false
        }
    }

    /// Established flows, or as many as there can be; a power of two.
    var flows: UInt64 {
        switch self {
        case .datagrams(let flows), .segments(let flows), .services(let flows): flows
        default: 1 << 32
        }
    }
}

/// Flags octets of TCP segments (RFC 9293 section 3.1).
enum Segment {
    static let syn: UInt8 = 0x02, synAck: UInt8 = 0x12, data: UInt8 = 0x18
    static let fin: UInt8 = 0x01, finAck: UInt8 = 0x11, ack: UInt8 = 0x10, rst: UInt8 = 0x04
}

/// Where frames of many services go, as a table in wire order.
///
///      0         32     48              64
///     +---------+------+---------------+
///     | address | port | id adjustment |
///     +---------+------+---------------+
///
/// The adjustment makes up in the identification for what the address adds to the header checksum.
struct Destinations {
    var words: [UInt64]

    /// A power of two of them, which may be one; `template` is the frame that will be changed.
    init(_ endpoints: [(address: UInt32, port: UInt16)], template: [UInt8]) {
        precondition(endpoints.count.nonzeroBitCount == 1)
        func half(_ offset: Int) -> UInt32 {
            UInt32(template[offset]) | UInt32(template[offset + 1]) << 8
        }
        let given = half(30) + half(32)
        words = endpoints.map { address, port in
            let wire = address.bigEndian
            let taken = UInt32(UInt16(truncatingIfNeeded: wire)) + wire >> 16
            // given + ~taken in ones' complement.
            let shift = Self.fold(given + (~Self.fold(taken) & 0xFFFF))
            return UInt64(wire) | UInt64(port.bigEndian) << 32 | UInt64(shift) << 48
        }
    }

    static func fold(_ sum: UInt32) -> UInt32 {
        let once = sum & 0xFFFF + sum >> 16
        return once & 0xFFFF + once >> 16
    }
}
