// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Testing

/// One TCP or UDP conversation through the balancer, seen by both of its ends.
private struct Conversation {
    let world: World
    var client = "10.0.0.10:40000"
    var service = "10.0.0.100:80"
    var backend = "10.0.1.2:8080"
    var isUDP = false
    /// The local address and port, once the backend has seen them.
    var local = ""

    /// What the backend gets when the client sends a packet.
    @discardableResult
    mutating func request(
        _ flags: UInt8 = Frame.ack,
        _ sequence: UInt32 = 1001,
        _ acknowledgment: UInt32 = 5001,
        data: [UInt8] = [],
        _ change: (inout TransportFrame) -> Void = { _ in }
    ) throws -> [DecodedTransport] {
        let frame = TransportFrame(from: client, to: service, isUDP: isUDP) {
            ($0.flags, $0.sequence, $0.acknowledgment) = (flags, sequence, acknowledgment)
            $0.data = data
            change(&$0)
        }
        world.send(frame.octets, on: 0)
        let got = try world.takeTransport(1)
        if let first = got.first { local = first.source.description }
        return got
    }

    /// What the client gets when the backend sends a packet.
    @discardableResult
    func reply(
        _ flags: UInt8 = Frame.ack,
        _ sequence: UInt32 = 5001,
        _ acknowledgment: UInt32 = 1001,
        data: [UInt8] = [],
        _ change: (inout TransportFrame) -> Void = { _ in }
    ) throws -> [DecodedTransport] {
        let frame = TransportFrame(from: backend, to: local, isUDP: isUDP) {
            ($0.flags, $0.sequence, $0.acknowledgment) = (flags, sequence, acknowledgment)
            $0.data = data
            change(&$0)
        }
        var octets = frame.octets
        octets[5] = 2
        world.send(octets, on: 1)
        return try world.takeTransport(0)
    }

    /// The handshake up to the client's ACK, which is still to come.
    mutating func open(_ options: [UInt8] = []) throws {
        let syn = try request(Frame.syn, 1000, 0) { $0.tcpOptions = options }
        #expect(syn.count == 1 && syn[0].tcpClients.isEmpty && syn[0].data.isEmpty)
        let synAck = try reply(Frame.synAck, 5000, 1001)
        #expect(synAck.map(\.acknowledgment) == [1001])
    }
}

extension World {
    fileprivate func takeTransport(_ port: Int) throws -> [DecodedTransport] {
        try takeFrames(port)
            .map { frame in
                let packet = try #require(DecodedTransport(frame))
                #expect(packet.hasValidChecksums, "\(packet)")
                return packet
            }
    }
}

private func world(
    _ mode: ClientAddressMode?,
    _ transport: TransportProtocol = .tcp,
    mtus: [UInt16] = [1500, 1500],
    _ edit: (inout DesiredState) -> Void = { _ in }
) throws -> World {
    var state = DesiredState.web(transport, weights: [1])
    state.services[0].clientAddress = mode
    edit(&state)
    let world = try World(state, mtus: mtus)
    world.hosts[0][IPv4Address(10, 0, 0, 10)] = .client(10)
    world.hosts[1][IPv4Address(10, 0, 1, 2)] = .backend(2)
    world.settle()
    return world
}

private let client = Endpoint(.v4(IPv4Address(10, 0, 0, 10)), 40_000)
private let vip = Endpoint(.v4(IPv4Address(10, 0, 0, 100)), 80)
private let forged: [UInt8] = [254, 8, 0, 99, 6, 6, 6, 6]

/// TOA, UOA and the PROXY protocol in the running balancer.
@Suite struct ClientAddressScenarios {
    // MARK: - TOA

    @Test func `TOA is in every segment from the handshake on until the backend has taken data`()
        throws
    {
        let world = try world(nil)
        defer { world.expectConservation() }
        var talk = Conversation(world: world)
        try talk.open()
        #expect(try talk.request().map(\.tcpClients) == [[client]])
        #expect(
            try talk.request(Frame.push, 1001, 5001, data: [1, 2]).map(\.tcpClients) == [[client]]
        )
        #expect(world.total(.addressedByTOA) == 2)
        // A bare acknowledgment of the SYN proves nothing; one of data does.
        try talk.reply()
        #expect(try talk.request().map(\.tcpClients) == [[client]])
        try talk.reply(Frame.ack, 5001, 1003)
        let plain = try talk.request(Frame.push, 1003, 5001, data: [3])
        #expect(plain.map(\.tcpClients) == [[]] && plain[0].data == [3])
        #expect(world.total(.addressedByTOA) == 3)
    }

    @Test func `TOA of an IPv6 client takes 20 octets`() throws {
        let world = try worldOfIPv6(.toa)
        defer { world.expectConservation() }
        var talk = Conversation(world: world)
        talk.client = "[2001:db8::10]:40000"
        talk.service = "[2001:db8::100]:80"
        talk.backend = "[2001:db8:1::2]:8080"
        try talk.open()
        let segments = try talk.request(Frame.push, 1001, 5001, data: [1, 2, 3])
        #expect(segments.map(\.tcpClients) == [[try #require(Endpoint(talk.client))]])
        #expect(segments.map(\.packetLength) == [40 + 20 + 20 + 3])
        try talk.reply(Frame.push, 5001, 1004, data: [9])
        #expect(try talk.request(Frame.ack, 1004, 5002).map(\.tcpClients) == [[]])
    }

    @Test func `the SYN-ACK announces less so that the option has room`() throws {
        let world = try world(.toa)
        var talk = Conversation(world: world)
        try talk.request(Frame.syn, 1000, 0)
        let synAck = try talk.reply(Frame.synAck, 5000, 1001) {
            $0.tcpOptions = [2, 4, 0x05, 0xB4]
        }
        #expect(synAck.first?.tcpOptions == [.init(2, [0x05, 0xAC])], "1460 becomes 1452")
        world.expectConservation()
    }

    @Test func `an address that the client made up does not arrive, with the SYN neither`() throws {
        let world = try world(.toa)
        defer { world.expectConservation() }
        var talk = Conversation(world: world)
        try talk.open(forged)
        let segments = try talk.request { $0.tcpOptions = forged }
        #expect(segments.map(\.tcpClients) == [[client]])
    }

    @Test func `a segment that has no room goes without, and is counted`() throws {
        let world = try world(.toa)
        defer { world.expectConservation() }
        var talk = Conversation(world: world)
        try talk.open()
        let data = [UInt8](repeating: 7, count: 1460)
        let segments = try talk.request(Frame.ack, 1001, 5001, data: data)
        #expect(segments.map(\.tcpClients) == [[]] && segments[0].data == data)
        #expect(world.total(.unaddressedForMTU) == 1 && world.total(.addressedByTOA) == 0)
    }

    @Test(arguments: [ClientAddressMode.none, .toa, .proxyV1])
    func `timestamps never reach a backend, for the clock would be each client's own`(
        mode: ClientAddressMode
    ) throws {
        let world = try world(mode)
        defer { world.expectConservation() }
        var talk = Conversation(world: world)
        let stamps: [UInt8] = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0]
        for _ in 0..<2 {
            let syn = try talk.request(Frame.syn, 1000, 0) { $0.tcpOptions = stamps }
            #expect(syn.map(\.tcpOptions) == [[]], "the repeated one too")
        }
    }

    @Test func `a client that opens its connection anew is told anew`() throws {
        let world = try world(.toa)
        defer { world.expectConservation() }
        var talk = Conversation(world: world)
        try talk.open()
        try talk.request(Frame.push, 1001, 5001, data: [1])
        try talk.reply(Frame.finAck, 5001, 1002)
        #expect(try talk.request(Frame.finAck, 1002, 5002).map(\.tcpClients) == [[]])
        try talk.request(Frame.syn, 90_000, 0)
        try talk.reply(Frame.synAck, 70_000, 90_001)
        let segments = try talk.request(Frame.ack, 90_001, 70_001)
        #expect(segments.map(\.tcpClients) == [[client]])
        #expect(world.connectionCount == 1)
    }

    // MARK: - UOA

    @Test(arguments: [true, false])
    func `UOA is in the first three datagrams of a connection`(isOption: Bool) throws {
        let world = try world(.uoa, .udp) {
            $0.settings.items["ipvs_defs.udp.uoa_mode"] = .text(isOption ? "ipo" : "opp")
        }
        defer { world.expectConservation() }
        var talk = Conversation(world: world, isUDP: true)
        for number in [0, 1, 2, 3, 4] as [UInt8] {
            let got = try #require(try talk.request(data: [number]).first)
            let told = isOption ? got.udpOptionClients.first : got.udpHeaderClient
            #expect(told == (number < 3 ? client : nil))
            #expect(got.data == [number])
        }
        #expect(try talk.reply(data: [9]).map(\.data) == [[9]])
        #expect(world.total(.addressedByUOA) == 3)
    }

    @Test func `uoa_max_trail says how many, and 0 none`() throws {
        for count in [0, 1, 7] {
            let world = try world(.uoa, .udp) {
                $0.settings.items["ipvs_defs.udp.uoa_max_trail"] = .integer(count)
            }
            var talk = Conversation(world: world, isUDP: true)
            let told = try (0..<9)
                .compactMap { _ in
                    try talk.request().first?.udpHeaderClient
                }
            #expect(told.count == count)
            world.expectConservation()
        }
    }

    @Test func `a datagram without room follows one that only tells the address`() throws {
        let world = try world(.uoa, .udp)
        defer { world.expectConservation() }
        var talk = Conversation(world: world, isUDP: true)
        let data = [UInt8](repeating: 7, count: 1472)
        let got = try talk.request(data: data)
        #expect(got.map(\.udpHeaderClient) == [client, nil])
        #expect(got.map(\.data) == [[], data])
        #expect(got.map(\.source) == [got[0].source, got[0].source])
        #expect(world.total(.addressedByUOA) == 1)
    }

    @Test func `an IPv4 option that the client made up never arrives`() throws {
        let world = try world(.uoaOption, .udp)
        defer { world.expectConservation() }
        var talk = Conversation(world: world, isUDP: true)
        for number in 0..<5 {
            let got = try talk.request { $0.ipOptions = [31, 8, 0, 99, 6, 6, 6, 6] }
            #expect(got.map(\.udpOptionClients) == (number < 3 ? [[client]] : [[]]))
        }
    }

    // MARK: - PROXY over TCP

    @Test(arguments: [ClientAddressMode.proxyV1, .proxyV2])
    func `the PROXY header starts the stream, and the client does not notice`(
        mode: ClientAddressMode
    ) throws {
        let world = try world(mode)
        defer { world.expectConservation() }
        var talk = Conversation(world: world)
        try talk.open()
        // The handshake's ACK takes it along, so a server that speaks first has it in time.
        let first = try #require(try talk.request().first)
        let header = try #require(first.proxyHeader)
        #expect(header.source == client && header.destination == vip)
        #expect(first.sequence == 1001 && first.data.count == header.length)
        let length = UInt32(header.length)

        // The server speaks first; the header was lost, as its acknowledgment shows.
        let greeting = try talk.reply(Frame.push, 5001, 1001, data: [0x32])
        #expect(greeting.map(\.acknowledgment) == [1001])
        let again = try #require(try talk.request(Frame.push, 1001, 5002, data: [1, 2]).first)
        #expect(again.proxyHeader == header && again.data.suffix(2) == [1, 2])
        #expect(again.sequence == 1001)

        let answer = try talk.reply(Frame.ack, 5002, 1003 + length)
        #expect(answer.map(\.acknowledgment) == [1003])
        let more = try #require(try talk.request(Frame.push, 1003, 5002, data: [3]).first)
        #expect(more.proxyHeader == nil && more.sequence == 1003 + length && more.data == [3])
        let repeated = try #require(try talk.request(Frame.push, 1001, 5002, data: [1, 2]).first)
        #expect(repeated.sequence == 1001 + length && repeated.data == [1, 2])
        let kind = mode == .proxyV1 ? WorkerCounters.Kind.addressedByProxyV1 : .addressedByProxyV2
        #expect(world.total(kind) == 2)
    }

    @Test func `a first segment that fills the link follows its header`() throws {
        let world = try world(.proxyV2)
        defer { world.expectConservation() }
        var talk = Conversation(world: world)
        try talk.open()
        let data = [UInt8](repeating: 7, count: 1460)
        let got = try talk.request(Frame.ack, 1001, 5001, data: data)
        #expect(got.map(\.sequence) == [1001, 1029])
        #expect(got.first?.proxyHeader?.source == client && got.last?.data == data)
        #expect(got.map(\.destination) == [Endpoint(talk.backend), Endpoint(talk.backend)])
    }

    @Test func `data that overtakes the first octets waits for them`() throws {
        let world = try world(.proxyV1)
        defer { world.expectConservation() }
        var talk = Conversation(world: world)
        try talk.open()
        #expect(try talk.request(Frame.ack, 1003, 5001, data: [3, 4]).isEmpty)
        #expect(world.drops(.proxyHeaderMissing) == 1)
        let first = try #require(try talk.request(Frame.ack, 1001, 5001, data: [1, 2]).first)
        #expect(first.proxyHeader?.source == client)
    }

    @Test func `a header of the client is replaced, or with insecure kept`()
        throws
    {
        let theirs = Array("PROXY TCP4 6.6.6.6 7.7.7.7 8 9\r\n".utf8)
        for mode in [ClientAddressMode.proxyV1, .proxyV1Insecure] {
            let world = try world(mode)
            var talk = Conversation(world: world)
            try talk.open()
            let got = try #require(
                try talk.request(Frame.push, 1001, 5001, data: theirs + [1]).first
            )
            let isBelieved = mode == .proxyV1Insecure
            #expect(got.proxyHeader?.source == (isBelieved ? Endpoint("6.6.6.6:8") : client))
            #expect(got.data.last == 1)
            world.expectConservation()
        }
    }

    // MARK: - NAT64

    private func conversationOfNAT64(
        _ mode: ClientAddressMode,
        _ transport: TransportProtocol
    ) throws -> Conversation {
        var state = DesiredState.dual(.nat64, .fnat, transport)
        state.services[0].clientAddress = mode
        return Conversation(
            world: try dualWorld(state),
            client: "[2001:db8::10]:40000",
            service: "[2001:db8::100]:80",
            isUDP: transport == .udp
        )
    }

    @Test func `an IPv4 backend is told an IPv6 client by TOA`() throws {
        var talk = try conversationOfNAT64(.toa, .tcp)
        defer { talk.world.expectConservation() }
        try talk.open()
        let got = try talk.request(Frame.push, 1001, 5001, data: [1, 2])
        #expect(got.map(\.tcpClients) == [[try #require(Endpoint(talk.client))]])
        #expect(got.first?.destination == Endpoint(talk.backend))
        try talk.reply(Frame.push, 5001, 1003, data: [9])
        #expect(try talk.request(Frame.ack, 1003, 5002).map(\.tcpClients) == [[]])
    }

    @Test func `an IPv4 backend is told an IPv6 client by UOA, ahead of a full datagram too`()
        throws
    {
        var talk = try conversationOfNAT64(.uoa, .udp)
        defer { talk.world.expectConservation() }
        let client = try #require(Endpoint(talk.client))
        #expect(try talk.request(data: [1]).map(\.udpHeaderClient) == [client])
        let data = [UInt8](repeating: 7, count: 1452)
        let got = try talk.request(data: data)
        #expect(got.map(\.udpHeaderClient) == [client, nil])
        #expect(got.map(\.data) == [[], data], "20 octets less of IP, 24 more of UOA")
    }

    @Test func `an IPv4 backend is told an IPv6 client by PROXY, and numbers are shifted back`()
        throws
    {
        var talk = try conversationOfNAT64(.proxyV2, .tcp)
        defer { talk.world.expectConservation() }
        try talk.open()
        let got = try #require(try talk.request(Frame.push, 1001, 5001, data: [1, 2]).first)
        #expect(got.proxyHeader?.kind == "TCP6" && got.proxyHeader?.length == 52)
        #expect(got.proxyHeader?.source == Endpoint(talk.client))
        #expect(try talk.reply(Frame.ack, 5001, 1003 + 52).map(\.acknowledgment) == [1003])
        #expect(try talk.request(Frame.ack, 1003, 5001).map(\.sequence) == [1003 + 52])
        let full = [UInt8](repeating: 7, count: 1440)
        let next = try talk.request(Frame.ack, 1003, 5001, data: full)
        #expect(next.map(\.data) == [full])
    }

    @Test func `a datagram of IPv6 that is too long with its header is answered too big`() throws {
        let talk = try conversationOfNAT64(.proxyV2, .udp)
        defer { talk.world.expectConservation() }
        let frame = TransportFrame(from: talk.client, to: talk.service, isUDP: true) {
            $0.data = [UInt8](repeating: 7, count: 1421)
        }
        talk.world.send(frame.octets, on: 0)
        let error = try #require(talk.world.take(0).first)
        // 1500 to the backend, 52 of PROXY less, and 20 that IPv4 is shorter.
        #expect(error.icmp == .init(type: 2, code: 0, rest: 1468))
    }

    // MARK: - PROXY over UDP

    @Test func `every datagram has its PROXY header`() throws {
        let world = try world(.proxyV2, .udp)
        defer { world.expectConservation() }
        var talk = Conversation(world: world, isUDP: true)
        for _ in 0..<3 {
            let got = try #require(try talk.request(data: [1, 2]).first)
            #expect(got.proxyHeader?.source == client && got.proxyHeader?.kind == "UDP4")
            #expect(got.data.suffix(2) == [1, 2])
        }
    }

    @Test func `a datagram that is too long with its header is answered too big`() throws {
        let world = try world(.proxyV2, .udp)
        defer { world.expectConservation() }
        var talk = Conversation(world: world, isUDP: true)
        let frame = TransportFrame(from: talk.client, to: talk.service, isUDP: true) {
            $0.data = [UInt8](repeating: 7, count: 1445)
        }
        world.send(frame.octets, on: 0)
        #expect(world.take(1).isEmpty)
        let error = try #require(world.take(0).first)
        // Type 3 code 4 with the MTU that is left (RFC 1191).
        #expect(error.icmp == .init(type: 3, code: 4, rest: 1500 - 28))
        #expect(try talk.request(data: [UInt8](repeating: 7, count: 1444)).count == 1)
    }

    /// RFC 791: without "don't fragment" a router may cut what does not fit.
    @Test(arguments: [Families.ipv4, .nat64])
    private func `a datagram that may be cut goes on in fragments with its header`(
        families: Families
    ) throws {
        var state = DesiredState.dual(families == .ipv4 ? .ipv4 : .ipv6, .fnat, .udp)
        state.services[0].clientAddress = .proxyV2
        if families == .nat64 {
            // An IPv4 client of an IPv6 backend.
            state.services[0].key.selector = .destination(
                IPPrefix(host: .v4(IPv4Address(10, 0, 0, 100))),
                PortRange(80)
            )
        }
        let world = try dualWorld(state)
        defer { world.expectConservation() }
        for count in [1445, 1472] {
            let data = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
            let payload = IPPacket.udp(5000, 80, data)
            let datagram = IPPacket(from: "10.0.0.10", to: "10.0.0.100", 17, payload)
            world.send(datagram, on: 0)
            let parts = world.takePackets(1)
            #expect(parts.count == 2 && parts.allSatisfy { $0.octets.count <= 1500 })
            let whole = try #require(IPPacket(reassembling: parts))
            #expect(whole.isSound && whole.payload.count == 8 + 28 + count)
            #expect(Array(whole.payload.suffix(count)) == data)
        }
        #expect(world.take(0).isEmpty && world.drops(.tooBig) == 0)
    }

    // MARK: - Reload

    @Test func `a changed mode is for new connections`() throws {
        let world = try world(.toa)
        defer { world.expectConservation() }
        var old = Conversation(world: world)
        try old.open()
        try world.change { $0.services[0].clientAddress = .proxyV2 }
        var new = Conversation(world: world, client: "10.0.0.10:40001")
        try new.open()
        #expect(try old.request().map(\.tcpClients) == [[client]])
        let header = try #require(try new.request().first)
        #expect(header.tcpClients.isEmpty)
        #expect(header.proxyHeader?.source == Endpoint("10.0.0.10:40001"))
    }

    @Test func `without a buffer for the header the data waits`() throws {
        var state = DesiredState.web(weights: [1])
        state.services[0].clientAddress = .proxyV2
        let world = try World(state, buffers: 64)
        world.hosts[0][IPv4Address(10, 0, 0, 10)] = .client(10)
        world.hosts[1][IPv4Address(10, 0, 1, 2)] = .backend(2)
        world.settle()
        defer { world.expectConservation() }
        var talk = Conversation(world: world)
        try talk.open()
        let data = [UInt8](repeating: 7, count: 1460)
        try world.withoutBuffers(but: 1) {
            let got = try talk.request(Frame.ack, 1001, 5001, data: data)
            #expect(got.isEmpty)
        }
        #expect(world.drops(.noBuffer) == 1 && world.total(.unaddressedForBuffer) == 1)
        #expect(try talk.request(Frame.ack, 1001, 5001, data: data).count == 2)
    }

    private func worldOfIPv6(_ mode: ClientAddressMode) throws -> World {
        let world = try world(mode) { state in
            state.addresses += [
                InterfaceAddress(interface: "dpdk0", prefix: .literal("2001:db8::1/64")),
                InterfaceAddress(interface: "dpdk1", prefix: .literal("2001:db8:1::1/64")),
            ]
            state.services[0].key.selector = .destination(
                IPPrefix(host: .v6(.literal("2001:db8::100"))),
                PortRange(80)
            )
            state.services[0].localAddresses = [.v6(.literal("2001:db8:1::200"))]
            state.services[0].backends[0].endpoint = Endpoint(.v6(.literal("2001:db8:1::2")), 8080)
        }
        world.hosts6[0] = [.literal("2001:db8::10"): .client(10)]
        world.hosts6[1] = [.literal("2001:db8:1::2"): .backend(2)]
        world.advance(.seconds(2))
        return world
    }
}
