// SPDX-License-Identifier: Apache-2.0
import Addressing
import CPacket
import Networking
import Packet
import PacketTesting
import Testing
import Timing

@testable import Containers
@testable import Dataplane

/// What senders are told about packets that workers gave up, in both families.
@Suite struct SlowPathErrorTests {
    private static let port = MACAddress(rawValue: 0x0200_0000_0001)
    private static let vip = IPAddress.v6(IPv6Address(high: 0x2001_0DB8_0000_0000, low: 0x100))

    /// A slow path at one link, fed with packets as workers feed it.
    private final class Bench {
        let engine: Engine
        let slowPath: SlowPath<MemoryPort>
        let pool = MemoryPool(buffers: 64)
        let link: MemoryLink
        private var now = Instant(nanoseconds: 1_000_000_000)

        init() throws {
            let limits = DataplaneLimits(
                connectionsPerWorker: 64,
                backendSlots: 64,
                serviceSlots: 64,
                neighbours: 64
            )
            engine = try required(Engine(workers: 1, limits: limits, seed: 1))
            link = MemoryLink(
                PortTraits(index: 0, macAddress: SlowPathErrorTests.port, mtu: 1500),
                pool: pool
            )
            slowPath = try required(SlowPath(engine: engine, ports: [link.port()], now: now))
            for address in [vip, .v4(IPv4Address(10, 0, 0, 100))] {
                own.append(OwnAddress(address, prefix: IPPrefix(host: address), on: 0))
            }
            slowPath.install(own)
            _ = turn()
        }

        private var own: [OwnAddress] = []

        deinit {
            slowPath.destroy()
            engine.destroy()
        }

        /// Everything that the slow path sends by itself is over.
        func turn() -> [DecodedFrame] {
            for _ in 0..<3 {
                now = now.advanced(by: .seconds(1))
                _ = slowPath.turn(now: now)
            }
            var sent: [DecodedFrame] = []
            while let injected = engine.interchange.injections[0].pop() {
                let packet = unsafe Packet(owning: injected.buffer)
                if let frame = DecodedFrame(packet.octets) { sent.append(frame) }
                var burst = Burst(capacity: 1)
                burst.append(packet)
                link.port().free(&burst)
            }
            return sent
        }

        /// What the slow path answers to `frame`, punted for `reason`.
        func answers(
            to frame: [UInt8],
            _ reason: PuntedPacket.Reason,
            mtu: UInt16 = 0
        ) throws -> [DecodedFrame] {
            let packet = try required(link.port().allocate())
            packet.write(frame)
            let punted = unsafe PuntedPacket(
                buffer: packet.release(),
                reason: reason,
                dropReason: DropReason.noService.rawValue,
                interface: 0,
                offset: 14,
                mtu: mtu,
                destination: .zero
            )
            #expect(engine.interchange.punts[0].push(punted))
            return turn()
        }
    }

    private static func udp(_ change: (inout IPv6Frame) -> Void = { _ in }) -> [UInt8] {
        IPv6Frame.udp([1, 2, 3, 4], change)
    }

    @Test(
        arguments: [
            (PuntedPacket.Reason.refused, 1, 4, 0), (.noRoute, 1, 0, 0), (.timeExceeded, 3, 0, 0),
            (.tooBig, 2, 0, 1280),
        ] as [(PuntedPacket.Reason, UInt8, UInt8, UInt32)]
    )
    func `the sender of an IPv6 packet is told why it ended`(
        reason: PuntedPacket.Reason,
        type: UInt8,
        code: UInt8,
        rest: UInt32
    ) throws {
        let bench = try Bench()
        let frame = Self.udp()
        let error = try #require(try bench.answers(to: frame, reason, mtu: 1280).first)
        #expect(error.icmp == .init(type: type, code: code, rest: rest))
        #expect(error.data == Array(frame.dropFirst(14)) && error.hasValidChecksums)
        #expect(error.source?.address == Self.vip)
        #expect(error.destinationMAC == MACAddress(rawValue: 0x0200_0000_00AA))
        #expect(bench.pool.inUse == 0)
    }

    @Test func `an error quotes as much as the minimum MTU allows`() throws {
        let bench = try Bench()
        let frame = IPv6Frame.udp(Array(repeating: 7, count: 1400))
        let error = try #require(try bench.answers(to: frame, .refused).first)
        #expect(error.data.count == 1280 - 40 - 8)
        #expect(error.data == Array(frame.dropFirst(14).prefix(1232)) && error.hasValidChecksums)
    }

    @Test(arguments: [
        ("an error", false), ("a redirect", false), ("a group", false), ("a frame to all", false),
        ("no source", false), ("a group source", false), ("an echo request", true),
    ])
    func `errors are not sent about what RFC 4443 section 2_4 excepts`(
        what: String,
        isTold: Bool
    ) throws {
        let bench = try Bench()
        var frame = Self.udp()
        switch what {
        case "an error": frame = IPv6Frame.icmp(1, 4, data: Array(repeating: 0, count: 48))
        case "a redirect": frame = IPv6Frame.icmp(137, data: Array(repeating: 0, count: 32))
        case "a group": frame = Self.udp { $0.destination = .allNodes }
        case "a frame to all": frame = Self.udp { $0.destinationMAC = .broadcast }
        case "no source": frame = Self.udp { $0.source = .any }
        case "a group source": frame = Self.udp { $0.source = .allNodes }
        default: frame = IPv6Frame.icmp(128)
        }
        #expect(try bench.answers(to: frame, .timeExceeded).isEmpty == !isTold)
        #expect(bench.pool.inUse == 0)
    }

    @Test func `the size is reported even about a packet to a group`() throws {
        let bench = try Bench()
        let frame = Self.udp { $0.destination = .allNodes }
        let error = try #require(try bench.answers(to: frame, .tooBig, mtu: 1280).first)
        #expect(error.icmp == .init(type: 2, code: 0, rest: 1280))
        #expect(error.source?.address == Self.vip, "an address of the link speaks for the group")
    }

    @Test(arguments: [4, 6])
    func `a segment of no connection is reset in the words of its family`(version: Int) throws {
        let bench = try Bench()
        let frame =
            version == 6
            ? IPv6Frame.tcp()
            : Frame.tcp(from: "10.0.0.10:5000", to: "10.0.0.100:80", Frame.syn)
        let reset = try #require(try bench.answers(to: frame, .refused).first)
        #expect(reset.tcpFlags == Frame.rstAck && reset.hasValidChecksums)
        #expect(reset.acknowledgment == (version == 6 ? 2 : 1001))
        #expect(reset.source?.port == 80)
        #expect(bench.pool.inUse == 0)
    }

    @Test func `IPv4 asks not to be fragmented before it is told the size`() throws {
        let bench = try Bench()
        func told(_ flags: UInt16) throws -> DecodedFrame? {
            let frame = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") {
                $0.fragment = flags
            }
            return try bench.answers(to: frame, .tooBig, mtu: 1000).first
        }
        #expect(try told(0x4000)?.icmp == .init(type: 3, code: 4, rest: 1000))
        #expect(try told(0) == nil)
    }

    @Test func `an IPv6 packet waits for its next hop, and then goes there unchanged`() throws {
        let bench = try Bench()
        let network = UInt128(0x2001_0DB8) << 96
        let link = RouteTarget(.link, index: 0)
        let forwarding = ForwardingTable(
            routes: RouteTable([]),
            routes6: RouteTable([.init(network: network, length: 64, target: link)]),
            gateways: [],
            generation: 1,
            adjacencies: bench.engine.adjacencies
        )
        defer { forwarding.destroy() }
        let first = unsafe bench.engine.interchange.cell.current()
        let next = UnsafeMutablePointer<Snapshot>.allocate(capacity: 1)
        defer { unsafe next.deallocate() }
        let balancing = unsafe first.pointee.balancing
        unsafe next.initialize(
            to: Snapshot(generation: 1, forwarding: forwarding, balancing: balancing)
        )
        unsafe bench.engine.interchange.cell.publish(next)

        let neighbour = IPv6Address(high: 0x2001_0DB8_0000_0000, low: 0x77)
        let mac = MACAddress(rawValue: 0x0200_0000_BB77)
        let frame = IPv6Frame.udp { $0.destination = neighbour }
        let question = try #require(try bench.answers(to: frame, .unresolved).first)
        #expect(question.target == neighbour && bench.slowPath.counters[.held] == 1)
        let answer = IPv6Frame.advertisement(
            of: neighbour,
            at: mac,
            to: IPv6Address(high: 0x2001_0DB8_0000_0000, low: 0x100),
            at: Self.port
        )
        let sent = try #require(try bench.answers(to: answer, .local).first)
        #expect(sent.destinationMAC == mac && sent.sourceMAC == Self.port)
        #expect(sent.etherType == 0x86DD && sent.destination?.address == .v6(neighbour))
        #expect(sent.data == [1, 2, 3, 4] && sent.hasValidChecksums)
        #expect(bench.pool.inUse == 0)
        unsafe bench.engine.interchange.cell.publish(first)
    }
}
