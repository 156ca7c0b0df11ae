// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// A TCP or UDP packet of either family as its receiver understands it, with the client's address
/// in whatever form it is carried: what a backend's module takes from it.
public struct DecodedTransport: Equatable, Sendable {
    public struct Option: Equatable, Sendable {
        public var kind: UInt8
        public var value: [UInt8]

        public init(_ kind: UInt8, _ value: [UInt8] = []) {
            self.kind = kind
            self.value = value
        }
    }

    public var source: Endpoint
    public var destination: Endpoint
    /// Octets of the IP packet as its header says.
    public var packetLength: Int
    public var isUDP: Bool
    public var flags: UInt8 = 0
    public var sequence: UInt32 = 0
    public var acknowledgment: UInt32 = 0
    public var urgentPointer: UInt16 = 0
    public var tcpOptions: [Option] = []
    public var ipOptions: [Option] = []
    public var checksum: UInt16 = 0
    public var data: [UInt8] = []
    public var padding: [UInt8] = []
    /// TCP options of kind 254, first to last.
    public var tcpClients: [Endpoint] = []
    /// What the header of IP protocol 248 says.
    public var udpHeaderClient: Endpoint?
    /// IPv4 options of kind 31, first to last.
    public var udpOptionClients: [Endpoint] = []
    /// Whether every checksum that is there is right.
    public var hasValidChecksums = true

    public init?(_ frame: [UInt8]) {
        guard frame.count >= 34 else { return nil }
        let packet: [UInt8]
        var number: UInt8
        var body: [UInt8]
        let addresses: [UInt8]
        if frame[12] == 0x86 {
            guard frame.count >= 54 else { return nil }
            packetLength = 40 + Int(frame.word(18))
            guard 14 + packetLength <= frame.count else { return nil }
            packet = Array(frame[14..<(14 + packetLength)])
            (number, addresses) = (packet[6], Array(packet[8..<40]))
            body = Array(packet[40...])
        } else {
            packetLength = Int(frame.word(16))
            guard packetLength >= 20, 14 + packetLength <= frame.count else { return nil }
            packet = Array(frame[14..<(14 + packetLength)])
            let length = Int(packet[0] & 0xF) * 4
            guard length >= 20, length <= packetLength else { return nil }
            hasValidChecksums = Checksum.of(Array(packet[..<length])) == 0
            ipOptions = Self.options(packet[20..<length])
            (number, addresses) = (packet[9], Array(packet[12..<20]))
            body = Array(packet[length...])
        }
        padding = Array(frame[(14 + packetLength)...])
        if number == 248 {
            guard let (client, length) = Self.udpHeader(body) else { return nil }
            udpHeaderClient = client
            number = body[1]
            body.removeFirst(length)
        }
        guard number == 6 || number == 17, body.count >= (number == 6 ? 20 : 8),
            let from = IPAddress(octets: addresses.prefix(addresses.count / 2)),
            let to = IPAddress(octets: addresses.suffix(addresses.count / 2))
        else { return nil }
        source = Endpoint(from, body.word(0))
        destination = Endpoint(to, body.word(2))
        isUDP = number == 17
        udpOptionClients = Self.clients(ipOptions, kind: 31)
        let pseudo = addresses + bigEndian(UInt32(body.count)) + [0, 0, 0, number]
        let isRight = Checksum.of(pseudo + body) == 0
        if isUDP {
            guard Int(body.word(4)) == body.count else { return nil }
            checksum = body.word(6)
            data = Array(body[8...])
            hasValidChecksums = hasValidChecksums && (checksum == 0 || isRight)
            return
        }
        let length = Int(body[12] >> 4) * 4
        guard length >= 20, length <= body.count else { return nil }
        sequence = body.long(4)
        acknowledgment = body.long(8)
        flags = body[13]
        checksum = body.word(16)
        urgentPointer = body.word(18)
        tcpOptions = Self.options(body[20..<length])
        tcpClients = Self.clients(tcpOptions, kind: 254)
        data = Array(body[length...])
        hasValidChecksums = hasValidChecksums && isRight
    }

    /// The options but for those of one octet.
    private static func options(_ octets: ArraySlice<UInt8>) -> [Option] {
        var rest = octets
        var found: [Option] = []
        while let kind = rest.first, kind != 0 {
            if kind == 1 {
                rest = rest.dropFirst()
                continue
            }
            guard let length = rest.dropFirst().first, length >= 2, rest.count >= length else {
                break
            }
            found.append(Option(kind, Array(rest.prefix(Int(length)).dropFirst(2))))
            rest = rest.dropFirst(Int(length))
        }
        return found
    }

    private static func clients(_ options: [Option], kind: UInt8) -> [Endpoint] {
        options.filter { $0.kind == kind }
            .compactMap { option in
                guard option.value.count > 2,
                    let address = IPAddress(octets: option.value.dropFirst(2))
                else { return nil }
                return Endpoint(address, option.value.word(0))
            }
    }

    private static func udpHeader(_ body: [UInt8]) -> (Endpoint, Int)? {
        guard body.count >= 12, body[1] == 17 else { return nil }
        let length = Int(body.word(2))
        guard length == (body[0] == 0x10 ? 12 : 24), body[0] == 0x10 || body[0] == 0x20,
            body.count >= length, body[4] == 31, Int(body[5]) == length - 4,
            let address = IPAddress(octets: body[8..<length])
        else { return nil }
        return (Endpoint(address, body.word(6)), length)
    }

    // MARK: - PROXY protocol

    /// A header of the PROXY protocol at the start of the data.
    public struct ProxyHeader: Equatable, Sendable {
        public var version: Int
        /// "TCP4", "UDP6", "UNKNOWN".
        public var kind: String
        public var source: Endpoint?
        public var destination: Endpoint?
        public var length: Int
    }

    /// What a server that expects the PROXY protocol reads.
    public var proxyHeader: ProxyHeader? {
        let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
        if data.starts(with: signature), data.count >= 16 { return binaryHeader }
        guard let end = data.firstIndex(of: 10), end <= 106, end > 0, data[end - 1] == 13 else {
            return nil
        }
        let words = String(decoding: data[..<(end - 1)], as: UTF8.self).split(separator: " ")
        guard words.first == "PROXY", words.count == 2 || words.count == 6 else { return nil }
        var header = ProxyHeader(version: 1, kind: String(words[1]), length: end + 1)
        guard words.count == 6 else { return header }
        guard let from = IPAddress(words[2]), let to = IPAddress(words[3]),
            let port = UInt16(words[4]), let other = UInt16(words[5])
        else { return nil }
        header.source = Endpoint(from, port)
        header.destination = Endpoint(to, other)
        return header
    }

    private var binaryHeader: ProxyHeader? {
        let length = 16 + Int(data.word(14))
        guard data.count >= length else { return nil }
        let kinds: [UInt8: String] = [0x11: "TCP4", 0x12: "UDP4", 0x21: "TCP6", 0x22: "UDP6"]
        var header = ProxyHeader(version: 2, kind: kinds[data[13]] ?? "UNKNOWN", length: length)
        guard data[12] == 0x21, kinds[data[13]] != nil else { return header }
        let size = data[13] >> 4 == 1 ? 4 : 16
        guard length >= 16 + 2 * size + 4,
            let from = IPAddress(octets: data[16..<(16 + size)]),
            let to = IPAddress(octets: data[(16 + size)..<(16 + 2 * size)])
        else { return nil }
        header.source = Endpoint(from, data.word(16 + 2 * size))
        header.destination = Endpoint(to, data.word(18 + 2 * size))
        return header
    }
}

extension [UInt8] {
    fileprivate func word(_ offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }

    fileprivate func long(_ offset: Int) -> UInt32 {
        UInt32(word(offset)) << 16 | UInt32(word(offset + 2))
    }
}
