// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

private let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]

private func octets(_ header: ProxyHeader) -> [UInt8] {
    let buffer = LooseBuffer(Array(repeating: 0, count: ProxyHeader.longest))
    header.write(to: buffer.bytes, at: 0)
    return Array(buffer.octets.prefix(header.length))
}

private func presence(_ data: [UInt8]) -> ProxyPresence {
    let buffer = LooseBuffer(data, surroundings: 0x20)
    return ProxyHeader.presence(in: buffer.bytes, from: 0, to: data.count)
}

private func presence(_ text: String) -> ProxyPresence { presence(Array(text.utf8)) }

private func between(_ source: Endpoint, _ destination: Endpoint) -> ProxyHeader.Content {
    .proxied(source: source, destination: destination)
}

@Suite struct ProxyHeaderTests {
    @Test(arguments: [
        (client4, service4, "PROXY TCP4 198.51.100.7 203.0.113.1 51000 80\r\n"),
        (
            client6, service6,
            "PROXY TCP6 2001:db8:0:0:0:0:0:7 2001:db8:0:0:0:0:0:1 51000 80\r\n"
        ),
        (
            client4, service6,
            "PROXY TCP6 0:0:0:0:0:ffff:c633:6407 2001:db8:0:0:0:0:0:1 51000 80\r\n"
        ),
        (
            endpoint("255.255.255.255:65535"), endpoint("0.0.0.0:0"),
            "PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n"
        ),
    ])
    func `version 1 is a line of text`(source: Endpoint, destination: Endpoint, text: String) {
        let header = ProxyHeader(.v1, between(source, destination))
        #expect(String(decoding: octets(header), as: UTF8.self) == text)
        #expect(
            String(decoding: octets(ProxyHeader(.v1, .unknown)), as: UTF8.self)
                == "PROXY UNKNOWN\r\n"
        )
    }

    @Test func `version 2 is 28 octets, or 52`() {
        let tcp4 = octets(ProxyHeader(.v2, between(client4, service4)))
        let addresses: [UInt8] = [198, 51, 100, 7, 203, 0, 113, 1, 0xC7, 0x38, 0, 80]
        #expect(tcp4 == signature + [0x21, 0x11, 0, 12] + addresses)
        let udp4 = octets(ProxyHeader(.v2, between(client4, service4), isUDP: true))
        #expect(udp4 == signature + [0x21, 0x12, 0, 12] + addresses)
        let tcp6 = octets(ProxyHeader(.v2, between(client6, service6)))
        #expect(
            tcp6 == signature + [0x21, 0x21, 0, 36] + client6.address.octets
                + service6.address.octets + [0xC7, 0x38, 0, 80]
        )
        #expect(octets(ProxyHeader(.v2, between(client6, service6), isUDP: true))[13] == 0x22)
        #expect(octets(ProxyHeader(.v2, .unknown)) == signature + [0x20, 0, 0, 0])
    }

    @Test(arguments: [ProxyHeader.Version.v1, .v2], [1, 2, 3] as [UInt64])
    func `what is written is read, every start of it is partial, and data may follow`(
        version: ProxyHeader.Version,
        seed: UInt64
    ) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            let isIPv6 = Bool.random(using: &random)
            func random4() -> Endpoint {
                Endpoint(.v4(IPv4Address(rawValue: random.next32)), random.next16)
            }
            func random6() -> Endpoint {
                Endpoint(.v6(IPv6Address(high: random.next(), low: random.next())), random.next16)
            }
            let content =
                isIPv6 ? between(random6(), random6()) : between(random4(), random4())
            let header = ProxyHeader(version, content)
            let written = octets(header)
            #expect(written.count <= ProxyHeader.longest)
            #expect(presence(written) == .present(length: written.count, header))
            #expect(presence(written + [1, 2]) == .present(length: written.count, header))
            for count in 1..<written.count {
                #expect(
                    presence(Array(written.prefix(count))) == .partial,
                    "\(count) of \(written)"
                )
            }
        }
    }

    @Test(arguments: [
        "1:2:3:4:5:6:7:8", "::", "::1", "1::", "2001:DB8::7", "1:2:3:4:5:6:7::", "::ffff:192.0.2.1",
        "1:2:3:4:5:6:192.0.2.1", "::2:3:4:5:6:7:8",
    ])
    func `every form of an IPv6 address is read`(text: String) {
        let line = "PROXY TCP6 \(text) ::1 1 2\r\n"
        let header = ProxyHeader(.v1, between(endpoint("[\(text)]:1"), endpoint("[::1]:2")))
        #expect(presence(line) == .present(length: line.utf8.count, header))
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "PROXY\r\n", "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n", "PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", "PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 1.2.3.4 ::1 1 2\r\n",
        "PROXY TCP6 1::2::3 ::1 1 2\r\n", "PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2\r\n",
        "PROXY TCP6 ::: ::1 1 2\r\n", "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n",
        "PROXY TCP6 12345:: ::1 1 2\r\n", "PROXY TCP6 :1:: ::1 1 2\r\n", "proxy TCP4", "",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n" + String(repeating: "x", count: 100),
    ])
    func `what is not quite a line of version 1 is data`(text: String) {
        #expect(presence(text) == .absent)
    }

    @Test func `UNKNOWN may say more, up to 107 octets`() {
        let line = "PROXY UNKNOWN ffff::1 anything 1 2\r\n"
        let header = ProxyHeader(.v1, .unknown)
        #expect(presence(line) == .present(length: line.utf8.count, header))
        let longest = "PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n"
        #expect(presence(longest) == .present(length: 107, header))
        #expect(presence("x".withPrefix(longest, dropping: 2)) == .absent)
    }

    @Test func `additional fields of version 2 belong to the header`() {
        let addresses: [UInt8] = [198, 51, 100, 7, 203, 0, 113, 1, 0xC7, 0x38, 0, 80]
        let fields: [UInt8] = [4, 0, 1, 9]
        let data = signature + [0x21, 0x11, 0, 16] + addresses + fields
        let header = ProxyHeader(.v2, between(client4, service4))
        #expect(presence(data + [7]) == .present(length: 32, header))
        #expect(presence(data.dropLast(1) + []) == .partial)
    }

    @Test(
        arguments: [
            ([0x20, 0x00, 0, 0], 0, ProxyPresence.present(length: 16, ProxyHeader(.v2, .unknown))),
            ([0x20, 0x11, 0, 12], 12, .present(length: 28, ProxyHeader(.v2, .unknown))),
            ([0x21, 0x00, 0, 3], 3, .present(length: 19, ProxyHeader(.v2, .unknown))),
            ([0x21, 0x31, 0, 216], 216, .present(length: 232, ProxyHeader(.v2, .unknown))),
            ([0x21, 0x11, 0, 11], 11, .absent), ([0x21, 0x21, 0, 35], 35, .absent),
            ([0x22, 0x11, 0, 12], 12, .absent), ([0x11, 0x11, 0, 12], 12, .absent),
            ([0x31, 0x11, 0, 12], 12, .absent),
        ] as [([UInt8], Int, ProxyPresence)]
    )
    func `version 2 without addresses for us says nothing, and impossible ones are data`(
        start: [UInt8],
        count: Int,
        expected: ProxyPresence
    ) {
        #expect(presence(signature + start + Array(repeating: 1, count: count)) == expected)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `no octets trap`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for round in 0..<5_000 {
            let content = round & 1 == 0 ? between(client4, service4) : between(client6, service6)
            let header = ProxyHeader(round & 2 == 0 ? .v1 : .v2, content)
            let data = random.mutation(of: octets(header) + random.octets(8))
            if case .present(let length, _) = presence(data) { #expect(length <= data.count) }
        }
    }
}

extension SeededGenerator {
    fileprivate var next16: UInt16 {
        mutating get { UInt16(truncatingIfNeeded: next()) }
    }
    fileprivate var next32: UInt32 {
        mutating get { UInt32(truncatingIfNeeded: next()) }
    }
}

extension String {
    /// `line` with this before its last `count` characters.
    fileprivate func withPrefix(_ line: String, dropping count: Int) -> String {
        String(decoding: line.utf8.dropLast(count), as: UTF8.self) + self + "\r\n"
    }
}
