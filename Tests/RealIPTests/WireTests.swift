// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing
@testable import RealIP

/// Packets as DPVS 1.10 writes them, and as we do, go through the very program that the kernel runs.
@Suite(.needsEBPF) struct WireTests {
    /// What DPVS documents: version, protocol, length, then option 31 with port and address.
    private static let ipv4Header: [UInt8] = [
        0x10, 17, 0, 12, 31, 8, 0xC7, 0x38, 198, 51, 100, 7,
    ]
    private static let ipv6Header: [UInt8] =
        [0x20, 17, 0, 24, 31, 20, 0xC7, 0x38, 0x20, 0x01, 0x0D, 0xB8]
        + Array(repeating: 0, count: 11) + [7]
    private static let ipv4Client = "198.51.100.7:51000"
    private static let ipv6Client = "[2001:db8::7]:51000"

    @Test(arguments: [false, true], [ipv4Header, ipv6Header])
    func `a header of DPVS is read and taken off`(isIPv6: Bool, header: [UInt8]) throws {
        let programs = try TriedPrograms()
        // DPVS sends no checksum over IPv4.
        let plain = datagram(isIPv6: isIPv6) { $0.hasChecksum = isIPv6 }
        let sent = plain.octets.carrying(header, behind: plain.transportOffset)
        let client = header.count == 12 ? Self.ipv4Client : Self.ipv6Client
        #expect(try programs.receive(sent) == plain.octets)
        #expect(
            try programs.client(behind: "\(plain.source)", port: 53)?.description == client
        )
        #expect(try programs.balancer(of: client, port: 53) == plain.source)
        #expect(try programs.count(.datagramsOpp) == 1)
    }

    @Test(arguments: [4, 8, 36, 40])
    func `options of the client stay where a header is taken off`(count: Int) throws {
        let programs = try TriedPrograms()
        let plain = datagram {
            $0.ipOptions = [148, 4, 0, 0] + Array(repeating: 1, count: count - 4)
            $0.data = Array(0..<100)
        }
        let sent = plain.octets.carrying(Self.ipv4Header, behind: plain.transportOffset)
        #expect(try programs.receive(sent) == plain.octets)
        #expect(try programs.client(behind: "10.0.1.200:2000", port: 53) != nil)
    }

    @Test(arguments: [[], [148, 4, 0, 0], [1, 1, 1, 0]] as [[UInt8]])
    func `an IPv4 option of DPVS is read, and stays`(others: [UInt8]) throws {
        let programs = try TriedPrograms()
        let sent = datagram {
            $0.ipOptions = [31, 8, 0xC7, 0x38, 198, 51, 100, 7] + others
        }
        #expect(try programs.receive(sent.octets) == sent.octets)
        #expect(
            try programs.client(behind: "10.0.1.200:2000", port: 53)?.description
                == Self.ipv4Client
        )
        #expect(try programs.count(.datagramsIpo) == 1)
    }

    /// Seeded: what the balancer writes comes off without a trace.
    @Test(arguments: UDPAddressForm.allCases)
    func `what our balancer inserts is read, and nothing else changes`(
        form: UDPAddressForm
    ) throws {
        let programs = try TriedPrograms()
        var random = SeededGenerator(seed: 17)
        for round in 0..<500 {
            let isIPv6 = Bool.random(using: &random)
            let client =
                Bool.random(using: &random)
                ? Endpoint(
                    .v4(IPv4Address(rawValue: .random(in: 1...(.max), using: &random))),
                    1234
                )
                : Endpoint(.v6(IPv6Address(high: 0x2001 << 48, low: UInt64(round))), 4321)
            let plain = datagram(isIPv6: isIPv6) {
                $0.data = random.octets(.random(in: 0...80, using: &random))
                $0.source = Endpoint($0.source.address, UInt16(1024 + round))
                if !isIPv6, Bool.random(using: &random) {
                    $0.ipOptions = [148, 4, 0, 0] + random.octets(0)
                }
            }
            let buffer = RoomyBuffer(plain.octets)
            let view = unsafe PacketEditor(
                buffer.buffer,
                networkOffset: 14,
                transportOffset: plain.transportOffset,
                family: isIPv6 ? .ipv6 : .ipv4,
                protocol: .udp
            )
            var editor = try required(view)
            let outcome = editor.insertUDPAddress(client, form, mtu: 1500)
            #expect(outcome == .inserted)
            let isOption = form == .option && !isIPv6 && client.address.family == .ipv4
            let received = try programs.receive(buffer.octets)
            #expect(received == (isOption ? buffer.octets : plain.octets), "round \(round)")
            #expect(try programs.client(behind: "\(plain.source)", port: 53) == client)
        }
        let read = try programs.count(.datagramsOpp) + programs.count(.datagramsIpo)
        #expect(read == 500)
    }

    // MARK: - What is left alone

    @Test(arguments: [false, true])
    func `what comes from elsewhere is not believed`(isIPv6: Bool) throws {
        let programs = try TriedPrograms()
        let plain = datagram(isIPv6: isIPv6) {
            $0.source = endpoint(isIPv6 ? "[fd00::66]:2000" : "10.0.1.66:2000")
        }
        let sent = plain.octets.carrying(Self.ipv4Header, behind: plain.transportOffset)
        #expect(try programs.receive(sent) == sent)
        #expect(try programs.client(behind: "\(plain.source)", port: 53) == nil)
        #expect(try programs.count(.datagramsForged) == 1)
    }

    @Test func `an option from elsewhere is not believed`() throws {
        let programs = try TriedPrograms()
        let sent = datagram {
            $0.source = endpoint("10.0.1.66:2000")
            $0.ipOptions = [31, 8, 0xC7, 0x38, 198, 51, 100, 7]
        }
        #expect(try programs.receive(sent.octets) == sent.octets)
        #expect(try programs.client(behind: "10.0.1.66:2000", port: 53) == nil)
        #expect(try programs.count(.datagramsForged) == 1)
    }

    @Test(
        arguments: [
            [0x10, 6, 0, 12, 31, 8, 1, 1, 1, 1, 1, 1],
            [0x10, 17, 0, 12, 30, 8, 1, 1, 1, 1, 1, 1],
            [0x10, 17, 0, 12, 31, 20, 1, 1, 1, 1, 1, 1],
            [0x10, 17, 0, 16, 31, 8, 1, 1, 1, 1, 1, 1],
            [0x10, 17, 0xFF, 0xFF, 31, 8, 1, 1, 1, 1, 1, 1],
            [0x20, 17, 0, 24, 31, 20, 1, 1, 1, 1],
        ] as [[UInt8]]
    )
    func `a header that is none is left to the kernel`(header: [UInt8]) throws {
        let programs = try TriedPrograms()
        let plain = datagram { $0.data = [] }
        let sent = plain.octets.carrying(header, behind: plain.transportOffset)
        #expect(try programs.receive(sent) == sent)
        #expect(try programs.count(.datagramsMalformed) == 1)
    }

    @Test func `a fragment of protocol 248 is left to the kernel`() throws {
        let programs = try TriedPrograms()
        let plain = datagram()
        var sent = plain.octets.carrying(Self.ipv4Header, behind: plain.transportOffset)
        sent[20] = 0x20
        #expect(try programs.receive(sent) == sent)
        #expect(try programs.count(.datagramsMalformed) == 1)
    }

    @Test func `every packet that ends early is left to the kernel`() throws {
        let programs = try TriedPrograms()
        for isIPv6 in [false, true] {
            let plain = datagram(isIPv6: isIPv6) { $0.data = [] }
            let sent = plain.octets.carrying(Self.ipv6Header, behind: plain.transportOffset)
            for count in 14..<sent.count {
                let short = Array(sent[..<count])
                // The kernel hands no frame of less than its header to a program.
                guard let received = try? programs.receive(short) else { continue }
                #expect(received == short, "\(count) octets")
            }
        }
        #expect(try programs.count(.datagramsOpp) == 0)
    }

    @Test func `random packets go on as they are, or shorter by a header`() throws {
        let programs = try TriedPrograms(believing: ["0.0.0.0/0", "::/0"])
        var random = SeededGenerator(seed: 248)
        for _ in 0..<5000 {
            var packet = datagram(isIPv6: Bool.random(using: &random)).octets
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 12..<packet.count, using: &random)
                packet[place] =
                    [0, 5, 17, 31, 248, 255, random.octets(1)[0]]
                    .randomElement(using: &random) ?? 0
            }
            let received = try programs.receive(packet)
            #expect([0, 12, 24].contains(packet.count - received.count), "\(packet)")
        }
    }

    // MARK: - The list

    @Test func `the list is followed while it changes`() throws {
        var programs = try TriedPrograms(believing: ["10.0.0.0/8"])
        let plain = datagram()
        let sent = plain.octets.carrying(Self.ipv4Header, behind: plain.transportOffset)
        #expect(try programs.receive(sent) == plain.octets)
        try programs.believe(["10.0.1.192/28", "10.0.0.0/24"])
        #expect(try programs.receive(sent) == plain.octets)
        try programs.believe(["10.0.1.201", "fd00::200"])
        #expect(try programs.receive(sent) == sent)
        try programs.believe([])
        #expect(try programs.receive(sent) == sent)
        #expect(try programs.count(.datagramsForged) == 2)
    }

    @Test func `a list that is too long is an error, and what fits is believed`() throws {
        var programs = try TriedPrograms(believing: [])
        let many = (0...BelievedMap.capacity).map { "10.\($0 >> 8).\($0 & 255).1" }
        #expect(throws: (any Error).self) { try programs.believe(many) }
        #expect(programs.believed.prefixes.count == BelievedMap.capacity)
    }

    // MARK: - Flows

    @Test func `two own addresses that share a flow are kept apart`() throws {
        let programs = try TriedPrograms()
        let first = datagram()
        let second = datagram(to: "10.0.1.3:53")
        var other = Self.ipv4Header
        other[11] = 8
        _ = try programs.receive(first.octets.carrying(Self.ipv4Header, behind: 34))
        #expect(try !programs.isShared("10.0.1.200:2000", port: 53))
        _ = try programs.receive(second.octets.carrying(other, behind: 34))
        #expect(try programs.isShared("10.0.1.200:2000", port: 53))
        let clients = try ["10.0.1.2", "10.0.1.3"]
            .map {
                try programs.client(behind: "10.0.1.200:2000", port: 53, at: $0)?.description
            }
        #expect(clients == ["198.51.100.7:51000", "198.51.100.8:51000"])
    }
}

private func endpoint(_ text: String) -> Endpoint {
    guard let endpoint = Endpoint(text) else { preconditionFailure(text) }
    return endpoint
}
