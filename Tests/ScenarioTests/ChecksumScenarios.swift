// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// A way that packets of clients take through the balancer, and perhaps replies of backends back.
private struct Way: Sendable, CustomTestStringConvertible {
    var name: String
    var families = Families.ipv4
    var mode = ForwardingMode.fnat
    var isUDP = false
    var clientAddress: ClientAddressMode?
    var tunnel: Tunnel?

    var testDescription: String { name }
    var number: UInt8 { isUDP ? 17 : 6 }
    /// Whether replies come by us.
    var hasReplies: Bool { mode == .fnat || mode == .nat || mode == .snat }
    /// What clients ask for.
    var target: String { mode == .snat ? "10.0.1.2" : families.vip }

    static let all: [Way] =
        [false, true]
        .flatMap { isUDP in
            let name = isUDP ? "udp" : "tcp"
            return [
                Way(name: "\(name) fnat ipv4", isUDP: isUDP),
                Way(name: "\(name) fnat ipv6", families: .ipv6, isUDP: isUDP),
                Way(name: "\(name) nat64", families: .nat64, isUDP: isUDP),
                Way(name: "\(name) nat", mode: .nat, isUDP: isUDP),
                Way(name: "\(name) snat", mode: .snat, isUDP: isUDP),
                Way(name: "\(name) dr ipv4", mode: .dr, isUDP: isUDP),
                Way(name: "\(name) dr ipv6", families: .ipv6, mode: .dr, isUDP: isUDP),
                Way(
                    name: "\(name) tunnel",
                    mode: .tunnel,
                    isUDP: isUDP,
                    tunnel: Tunnel(kind: .ipip)
                ),
                Way(
                    name: "\(name) proxy v2",
                    isUDP: isUDP,
                    clientAddress: .proxyV2
                ),
                Way(
                    name: "\(name) proxy v2 nat64",
                    families: .nat64,
                    isUDP: isUDP,
                    clientAddress: .proxyV2
                ),
            ]
        } + [
            Way(name: "toa ipv4", clientAddress: .toa),
            Way(name: "toa ipv6", families: .ipv6, clientAddress: .toa),
            Way(name: "toa nat64", families: .nat64, clientAddress: .toa),
            Way(name: "proxy v1", clientAddress: .proxyV1),
            Way(name: "uoa", isUDP: true, clientAddress: .uoa),
            Way(name: "uoa option", isUDP: true, clientAddress: .uoaOption),
        ]

    var state: DesiredState {
        var state = DesiredState.dual(
            families,
            mode == .snat ? .fnat : mode,
            isUDP ? .udp : .tcp,
            tunnel: tunnel
        )
        state.services[0].clientAddress =
            clientAddress ?? (mode == .fnat ? ClientAddressMode.none : nil)
        guard mode == .snat else { return state }
        let match = TrafficMatch(source: .literal("10.0.0.0/24"), destination: .any(.ipv4))
        state.services[0] = Service(
            key: Service.Key(.match(match), isUDP ? .udp : .tcp),
            name: "out",
            mode: .snat,
            localAddresses: [.v4(IPv4Address(10, 0, 1, 200))]
        )
        return state
    }

    /// What a client sends, in order: a handshake and data, or datagrams.
    var requests: [IPPacket] {
        let data = (0..<101).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        let payloads =
            isUDP
            ? [IPPacket.udp(5000, 80, data), IPPacket.udp(5000, 80, data + [1])]
            : [
                IPPacket.tcp(5000, 80, sequence: 1000, flags: Frame.syn),
                IPPacket.tcp(5000, 80, sequence: 1001, flags: Frame.ack),
                IPPacket.tcp(5000, 80, sequence: 1001, flags: Frame.push, data),
            ]
        return payloads.map { payload in
            IPPacket(from: families.client, to: target, number, payload).withChecksum
        }
    }

    /// What a backend answers `frame`, which it got; nil to what it would not answer.
    func reply(to frame: [UInt8]) -> IPPacket? {
        guard hasReplies, let got = DecodedTransport(frame), isUDP || got.flags == Frame.syn else {
            return nil
        }
        let (from, to) = (got.destination, got.source)
        var payload = IPPacket.udp(from.port, to.port, [1, 2, 3])
        if !isUDP {
            payload = IPPacket.tcp(from.port, to.port, sequence: 5000, flags: Frame.synAck)
            payload.replaceSubrange(8..<12, with: bigEndian(got.sequence &+ 1))
        }
        return IPPacket(from: "\(from.address)", to: "\(to.address)", number, payload).withChecksum
    }

    /// Whether every checksum in a frame that left is right, of both packets in a tunnel.
    func isWhole(_ frame: [UInt8]) -> Bool {
        if tunnel != nil {
            let packets = Decapsulator(frame: frame)
            return packets.map { $0.outer.hasValidHeader && $0.inner.isSound } ?? false
        }
        return DecodedTransport(frame)?.hasValidChecksums ?? false
    }
}

/// How a port tells that checksums are unfinished.
private enum Teller: String, CaseIterable {
    /// It says so of each frame.
    case flag
    /// It says nothing, but has senders on this host.
    case nothing

    var offloads: PortTraits.Offloads { self == .nothing ? .unfinishedReceiveChecksums : [] }
    var flags: UInt64 { self == .flag ? ReceiveFlag.unfinishedTransport : 0 }
}

extension World {
    /// A packet as it is, in a frame to our address.
    fileprivate func deliver(_ packet: IPPacket, flags: UInt64 = 0, on port: Int) {
        send(packet.frame(to: Self.portMACs[port]), flags: flags, on: port)
    }
}

/// Checksums that are unfinished get finished, and those that are wrong stay so, whatever becomes of the
/// packet.
@Suite struct ChecksumScenarios {
    @Test(arguments: Way.all, Teller.allCases)
    private func `an unfinished checksum is finished on every way`(
        way: Way,
        teller: Teller
    ) throws {
        let world = try dualWorld(way.state, offloads: teller.offloads)
        defer { world.expectConservation() }
        var (sent, answered) = (0, 0)
        for request in way.requests {
            sent += 1
            world.deliver(request.withUnfinishedChecksum, flags: teller.flags, on: 0)
            let frames = world.takeFrames(1)
            #expect(!frames.isEmpty && frames.allSatisfy(way.isWhole), "packet \(sent)")
            guard let first = frames.last, let reply = way.reply(to: first) else { continue }
            answered += 1
            world.deliver(reply.withUnfinishedChecksum, flags: teller.flags, on: 1)
            let back = world.takeFrames(0)
            #expect(back.count == 1 && back.allSatisfy(way.isWhole), "reply \(answered)")
        }
        #expect(world.received(.finishedChecksum, 0) == sent)
        #expect(world.received(.finishedChecksum, 1) == answered)
        #expect(way.hasReplies == (answered > 0))
    }

    /// What a driver does not judge, `net_af_packet` for one, must not become valid by our hand.
    @Test(arguments: Way.all, [PortTraits.Offloads(), .unfinishedReceiveChecksums])
    private func `data that were damaged arrive with a wrong checksum on every way`(
        way: Way,
        offloads: PortTraits.Offloads
    ) throws {
        let world = try dualWorld(way.state, offloads: offloads)
        defer { world.expectConservation() }
        for request in way.requests.dropLast() {
            world.deliver(request, on: 0)
            for frame in world.takeFrames(1) {
                guard let reply = way.reply(to: frame) else { continue }
                world.deliver(reply, on: 1)
                #expect(world.takeFrames(0).allSatisfy(way.isWhole))
            }
        }
        var damaged = try #require(way.requests.last)
        damaged.payload[damaged.payload.count - 1] ^= 0x20
        world.deliver(damaged, on: 0)
        let frame = try #require(world.takeFrames(1).last)
        #expect(!way.isWhole(frame))
        #expect(world.received(.finishedChecksum) == 0)
    }

    // MARK: - Verdicts

    @Test(arguments: Way.all)
    private func `what the device finds wrong goes no further when it is`(way: Way) throws {
        let world = try dualWorld(way.state)
        defer { world.expectConservation() }
        var damaged = try #require(way.requests.first)
        damaged.payload[damaged.payload.count - 1] ^= 1
        world.deliver(damaged, flags: ReceiveFlag.badTransport, on: 0)
        #expect(world.takeFrames(1).isEmpty && world.connectionCount == 0)
        #expect(world.drops(.badTransportChecksum) == 1)
        #expect(world.received(.badTransportChecksum) == 1)
    }

    @Test(arguments: [ReceiveFlag.badTransport, ReceiveFlag.goodTransport, ReceiveFlag.badHeader])
    func `a right checksum passes, whatever the device says of it`(flags: UInt64) throws {
        let world = try dualWorld(.dual(.ipv4, .fnat, .udp))
        defer { world.expectConservation() }
        world.send(Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80"), flags: flags, on: 0)
        #expect(world.take(1).map(\.hasValidChecksums) == [true])
        let isMisjudged = flags == ReceiveFlag.badTransport
        #expect(world.received(.misjudgedChecksum) == (isMisjudged ? 1 : 0))
    }

    /// Some devices find the checksum wrong that is not there.
    @Test(arguments: [ReceiveFlag.badTransport, ReceiveFlag.unfinishedTransport, 0])
    func `a datagram without a checksum passes without one`(flags: UInt64) throws {
        for offloads in [PortTraits.Offloads(), .unfinishedReceiveChecksums] {
            let world = try dualWorld(.dual(.ipv4, .fnat, .udp), offloads: offloads)
            defer { world.expectConservation() }
            let frame = Frame.udp(
                from: "10.0.0.10:5000",
                to: "10.0.0.100:80",
                hasChecksum: false
            )
            world.send(frame, flags: flags, on: 0)
            #expect(world.takePackets(1).map { Array($0.payload[6..<8]) } == [[0, 0]])
        }
    }

    @Test func `a wrong header checksum is dropped and counted at its port`() throws {
        let world = try dualWorld(.dual(.ipv4, .fnat, .udp))
        defer { world.expectConservation() }
        var frame = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80")
        frame[22] ^= 1
        for flags in [0, ReceiveFlag.badHeader, ReceiveFlag.goodHeader] {
            world.send(frame, flags: flags, on: 0)
        }
        #expect(world.take(1).isEmpty && world.drops(.badHeaderChecksum) == 3)
        #expect(world.received(.badHeaderChecksum, 0) == 3)
        #expect(world.received(.badHeaderChecksum, 1) == 0)
    }

    @Test func `an unfinished header checksum is finished`() throws {
        let world = try dualWorld(.dual(.ipv4, .fnat, .udp))
        defer { world.expectConservation() }
        var frame = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80")
        frame.replaceSubrange(24..<26, with: [0, 0])
        world.send(frame, flags: ReceiveFlag.unfinishedHeader, on: 0)
        #expect(world.take(1).map(\.hasValidChecksums) == [true])
    }

    // MARK: - Other protocols

    private func initiation(isWhole: Bool = true) -> IPPacket {
        var payload = bigEndian(UInt16(5000)) + bigEndian(UInt16(80)) + [0, 0, 0, 0, 0, 0, 0, 0]
        payload += [1, 0, 0, 20] + Array(repeating: 7, count: 16)
        payload.replaceSubrange(8..<12, with: bigEndian(CRC32c.of(payload).byteSwapped))
        if !isWhole { payload[payload.count - 1] ^= 1 }
        return IPPacket(from: "10.0.0.10", to: "10.0.0.100", 132, payload)
    }

    private func hasRightCRC(_ packet: IPPacket) -> Bool {
        var payload = packet.payload
        payload.replaceSubrange(8..<12, with: [0, 0, 0, 0])
        return bigEndian(CRC32c.of(payload).byteSwapped) == Array(packet.payload[8..<12])
    }

    @Test(arguments: Teller.allCases)
    private func `SCTP is finished as well, and what is wrong opens nothing`(teller: Teller) throws
    {
        let world = try dualWorld(.dual(.ipv4, .fnat, .sctp), offloads: teller.offloads)
        defer { world.expectConservation() }
        world.deliver(initiation(isWhole: false), flags: 0, on: 0)
        world.deliver(initiation(isWhole: false), flags: ReceiveFlag.badTransport, on: 0)
        #expect(world.takePackets(1).isEmpty && world.drops(.badSCTPChecksum) == 2)
        world.deliver(initiation().withUnfinishedChecksum, flags: teller.flags, on: 0)
        world.deliver(initiation(), flags: ReceiveFlag.badTransport, on: 0)
        #expect(world.takePackets(1).map(hasRightCRC) == [true, true])
        #expect(world.received(.finishedChecksum) == 1 && world.received(.misjudgedChecksum) == 1)
    }

    /// The checksum of a datagram in fragments is finished before it is cut.
    @Test(arguments: Teller.allCases)
    private func `fragments are passed as they are`(teller: Teller) throws {
        let world = try dualWorld(.dual(.ipv4, .fnat, .udp), offloads: teller.offloads)
        defer { world.expectConservation() }
        let data = Array(repeating: UInt8(9), count: 900)
        let whole = IPPacket(from: "10.0.0.10", to: "10.0.0.100", 17, IPPacket.udp(5000, 80, data))
        for fragment in whole.withChecksum.fragments(of: 480) {
            world.deliver(fragment, flags: ReceiveFlag.badTransport, on: 0)
        }
        let arrived = try #require(IPPacket(reassembling: world.takePackets(1)))
        #expect(arrived.isSound && world.received(.finishedChecksum) == 0)
    }

    // MARK: - The kernel

    @Test(arguments: Teller.allCases)
    private func `what the kernel gets is finished, and what it sends`(teller: Teller) throws {
        let world = try dualWorld(
            .dual(.ipv4),
            offloads: teller.offloads,
            companions: [0]
        )
        defer { world.expectConservation() }
        let up = IPPacket(from: "10.0.0.10", to: "10.0.0.1", 17, IPPacket.udp(5000, 53, [1, 2, 3]))
        _ = world.takeKernel(0)
        world.deliver(up.withUnfinishedChecksum, flags: teller.flags, on: 0)
        let got = try #require(world.takeKernel(0).last.flatMap { IPPacket(frame: $0) })
        #expect(got.protocolNumber == 17 && got.isSound)
        let down = IPPacket(from: "10.0.0.1", to: "10.0.0.10", 6, IPPacket.tcp(22, 5000, [1, 2]))
        world.sendFromKernel(down.withUnfinishedChecksum.frame(to: .client(10)), on: 0)
        #expect(world.takePackets(0).map(\.isSound) == [true])
        var damaged = down.withChecksum
        damaged.payload[21] ^= 4
        world.sendFromKernel(damaged.frame(to: .client(10)), on: 0)
        #expect(world.takePackets(0).map(\.isSound) == [false])
    }

    @Test func `a multicast datagram is finished for the kernel`() throws {
        let world = try dualWorld(
            .dual(.ipv4),
            offloads: .unfinishedReceiveChecksums,
            companions: [0]
        )
        defer { world.expectConservation() }
        let group = IPPacket(
            from: "10.0.0.10",
            to: "224.0.0.251",
            17,
            IPPacket.udp(5353, 5353, [7])
        )
        _ = world.takeKernel(0)
        let mac = MACAddress(rawValue: 0x0100_5E00_00FB)
        world.send(group.withUnfinishedChecksum.frame(to: mac), on: 0)
        let got = world.takeKernel(0).compactMap { IPPacket(frame: $0) }
        #expect(got.map(\.isSound) == [true])
    }
}
