// SPDX-License-Identifier: Apache-2.0
import PacketTesting
import Testing
import Timing

/// Links in an array, as an owner of entries would keep them.
@safe private struct ArrayLinks: TimerLinks {
    let base: UnsafeMutablePointer<TimerLink>

    init(count: Int) {
        unsafe base = .allocate(capacity: count)
        unsafe base.initialize(repeating: TimerLink(), count: count)
    }

    func timerLinks(of entry: UInt32) -> UnsafeMutablePointer<TimerLink> {
        unsafe base + Int(entry)
    }

    func free() { unsafe base.deallocate() }
}

@Suite struct TimerWheelTests {
    private func drain(
        _ wheel: inout TimerWheel,
        until tick: UInt32,
        _ links: ArrayLinks
    ) -> [UInt32] {
        var fired: [UInt32] = []
        while let entry = wheel.next(dueAt: Tick(rawValue: tick), in: links) {
            fired.append(entry)
        }
        return fired
    }

    @Test func `an entry fires at its deadline and not a tick earlier`() {
        let links = ArrayLinks(count: 4)
        defer { links.free() }
        var wheel = TimerWheel(slots: 16, start: Tick(rawValue: 100))
        wheel.arm(2, at: Tick(rawValue: 105), in: links)
        #expect(drain(&wheel, until: 104, links).isEmpty)
        #expect(drain(&wheel, until: 105, links) == [2])
        #expect(drain(&wheel, until: 200, links).isEmpty)
    }

    @Test func `an entry beyond the horizon fires at the horizon`() {
        let links = ArrayLinks(count: 1)
        defer { links.free() }
        var wheel = TimerWheel(slots: 16, start: Tick(rawValue: 0))
        wheel.arm(0, at: Tick(rawValue: 1_000_000), in: links)
        #expect(drain(&wheel, until: 14, links).isEmpty)
        #expect(drain(&wheel, until: 15, links) == [0])
    }

    @Test func `a deadline in the past fires at once`() {
        let links = ArrayLinks(count: 1)
        defer { links.free() }
        var wheel = TimerWheel(slots: 16, start: Tick(rawValue: 50))
        wheel.arm(0, at: Tick(rawValue: 3), in: links)
        #expect(drain(&wheel, until: 50, links) == [0])
    }

    @Test func `ticks may wrap around`() {
        let links = ArrayLinks(count: 1)
        defer { links.free() }
        var wheel = TimerWheel(slots: 16, start: Tick(rawValue: .max - 1))
        wheel.arm(0, at: Tick(rawValue: 3), in: links)
        #expect(drain(&wheel, until: 2, links).isEmpty)
        #expect(drain(&wheel, until: 3, links) == [0])
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `every armed entry fires once and never early, whatever was disarmed`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let count: UInt32 = 500
        let links = ArrayLinks(count: Int(count))
        defer { links.free() }
        var wheel = TimerWheel(slots: 64, start: Tick(rawValue: 0))
        var deadlines: [UInt32: UInt32] = [:]
        var now: UInt32 = 0
        for _ in 0..<5_000 {
            let entry = UInt32.random(in: 0..<count, using: &random)
            if deadlines[entry] != nil {
                wheel.disarm(entry, in: links)
                deadlines[entry] = nil
            } else {
                let deadline = now + UInt32.random(in: 0..<63, using: &random)
                wheel.arm(entry, at: Tick(rawValue: deadline), in: links)
                deadlines[entry] = deadline
            }
            if Bool.random(using: &random) { now += 1 }
            while let fired = wheel.next(dueAt: Tick(rawValue: now), in: links) {
                let deadline = deadlines.removeValue(forKey: fired)
                #expect(deadline.map { $0 <= now } == true, "seed \(seed), entry \(fired)")
            }
            #expect(deadlines.values.allSatisfy { $0 > now }, "seed \(seed), at \(now)")
        }
    }
}
