// SPDX-License-Identifier: Apache-2.0
import Balancing
import Dataplane
import Model
import Packet
import Testing
import Timing

@testable import Benchmarking

@Suite struct TrafficTests {
    /// The frames of `count` packets that the client of a load sends unasked.
    private static func frames(_ load: Load, _ count: Int) -> [[UInt8]] {
        var state = unsafe LoopState(
            load.traffic,
            template: load.template,
            destinations: load.destinations
        )
        var burst = Burst(capacity: 32)
        var frames: [[UInt8]] = []
        while frames.count < count {
            state.fill(&burst)
            for position in 0..<burst.count {
                let packet = burst.take(position)
                let bytes = unsafe UnsafeRawBufferPointer(start: packet.frame, count: packet.count)
                frames.append(unsafe Array(bytes))
                unsafe state.recycle(packet.release())
            }
            burst.count = 0
        }
        return Array(frames.prefix(count))
    }

    private static func load(_ name: String) throws -> Load {
        try #require(Run.all.first { $0.name == name }).load
    }

    private static func flow(of frame: [UInt8]) -> [UInt8] { Array(frame[26..<38]) }

    @Test func `each round meets every flow once, in an order of its own`() throws {
        let count = 1 << 14
        let frames = Self.frames(try Self.load("fnat-udp-10k"), count * 3).map(Self.flow)
        let rounds = (0..<3).map { Array(frames[$0 * count..<($0 + 1) * count]) }
        for round in rounds { #expect(Set(round).count == count) }
        #expect(Set(rounds[0]) == Set(rounds[2]))
        #expect(rounds[0] != rounds[1] && rounds[1] != rounds[2])
    }

    @Test(arguments: ["fnat-udp-1", "fnat-udp-1m", "fnat-tcp-1m", "udp-setup", "services-10k"])
    func `header checksums are right`(_ name: String) throws {
        for frame in Self.frames(try Self.load(name), 1000) {
            #expect(Template.checksum(frame[14..<34]) == 0)
        }
    }

    @Test func `services take turns, and one frame in eight is of a new flow`() throws {
        let frames = Self.frames(try Self.load("services-100"), 1 << 14)
        let targets = Set(frames.map { Array($0[30..<34] + $0[36..<38]) })
        #expect(targets.count == 128)
        #expect(frames.filter { $0[28] != 0 || $0[29] != 0 }.count == frames.count / 8)
    }

    @Test func `a capture has whole checksums and begins with the gateway`() {
        let capture = Capture(flows: 1 << 12)
        let frames = capture.frames
        for frame in frames {
            #expect(frame.count == 64)
            let pseudo = Array(frame[26..<34]) + [0, 17] + Array(frame[38..<40])
            #expect(Template.checksum(pseudo + frame[34...]) == 0)
        }
        #expect(Set(frames.map(Self.flow)).count == 1 << 12)
        let file = capture.file
        #expect(file.prefix(4) == [0xD4, 0xC3, 0xB2, 0xA1])
        #expect(file.count == 24 + 16 + 60 + (1 << 12) * 80)
        #expect(Array(file[40 + 12..<40 + 14]) == [0x08, 0x06])
    }

    @Test(arguments: [(1, 1, 4096), (1 << 12, 1, 4096), (1 << 12, 3, 12288)])
    func `a capture is long enough for its ARP reply to be no load`(
        _ flows: Int,
        _ rounds: Int,
        _ frames: Int
    ) {
        let capture = Capture(flows: flows, rounds: rounds)
        #expect(capture.frames.count == frames)
        #expect(Set(capture.frames.map(Self.flow)).count == flows)
    }

    // MARK: - Whole runs, small

    @Test(
        arguments: Run.all.map(\.name).filter { !$0.hasSuffix("m") && !$0.hasPrefix("services-10") }
    )
    func `a run drops nothing and forwards what it receives`(_ name: String) throws {
        let run = try #require(Run.all.first { $0.name == name })
        var setting = run.load.setting
        setting.connections = 1 << 16
        let testbed = try #require(Testbed(setting))
        let made = Rig(testbed, run.load)
        guard var rig = made else {
            Issue.record("not enough memory")
            return
        }
        var clock = SimulatedClock(step: run.load.step)
        var handled = 0
        while handled < 50_000 { handled += rig.turn(now: clock.step()) }
        #expect(testbed.drops == [:])
        #expect(rig.connections > 0)
        let counters = testbed.engine.interchange.counters[0]
        #expect(counters[.received] == counters[.transmitted])
        #expect(counters[.received] >= 50_000)
    }

    @Test func `TCP flows are established after the warm-up`() throws {
        let load = try Self.load("fnat-tcp-10k")
        let testbed = try #require(Testbed(load.setting))
        let made = Rig(testbed, load)
        guard var rig = made else {
            Issue.record("not enough memory")
            return
        }
        var clock = SimulatedClock(step: load.step)
        while rig.sent < 1 << 15 { _ = rig.turn(now: clock.step()) }
        let active = (0..<16).reduce(0) { $0 + testbed.engine.total(.active, slot: UInt32($1)) }
        #expect(active == 1 << 14)
        #expect(rig.connections == 1 << 14)
    }

    @Test func `replies cross the ring when they should`() throws {
        let load = try Self.load("redirect")
        for redirects in [true, false] {
            let testbed = try #require(Testbed(load.setting))
            let made = RedirectRig(testbed, load, redirects: redirects)
            guard var rig = made else {
                Issue.record("not enough memory")
                return
            }
            var clock = SimulatedClock(step: load.step)
            var handled = 0
            while handled < 50_000 { handled += rig.turn(now: clock.step()) }
            #expect(testbed.drops == [:])
            let half = handled / 2
            #expect(redirects ? abs(rig.redirected - half) < 64 : rig.redirected == 0)
        }
    }
}
