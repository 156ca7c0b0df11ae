// SPDX-License-Identifier: Apache-2.0
import CPacket
import Dataplane
import Model
import Timing

/// One run of the benchmark, as `--json` prints it.
struct Measurement: Codable {
    var name: String
    /// Cycles of the time-stamp counter for each packet, receive and transmit included: the median.
    var cyclesPerPacket: Double
    /// The same for receive, swap MAC addresses and transmit on the same ports in the same run.
    var bareCyclesPerPacket: Double
    /// The slowest repetition over the fastest.
    var spread: Double
    var packets: Int
    /// Handled before the first repetition.
    var warmUpPackets: Int
    var connections: Int
    var bytesPerConnection: Double
    /// For runs that open and close connections: all packets of one connection together.
    var cyclesPerConnection: Double?
    /// Packets dropped, by reason: a figure with drops is not to be trusted.
    var drops: [String: UInt64]

    enum CodingKeys: String, CodingKey {
        case name
        case cyclesPerPacket = "cycles_per_packet"
        case bareCyclesPerPacket = "bare_cycles_per_packet"
        case spread
        case packets
        case warmUpPackets = "warm_up_packets"
        case connections
        case bytesPerConnection = "bytes_per_connection"
        case cyclesPerConnection = "cycles_per_connection"
        case drops
    }
}

/// A named load.
struct Run: Sendable {
    enum Load: Sendable {
        case datagrams(flows: Int)
        case setup
        case synFlood
    }

    var name: String
    var load: Load

    static let all = [
        Run(name: "fnat-udp-1", load: .datagrams(flows: 1)),
        Run(name: "fnat-udp-10k", load: .datagrams(flows: 1 << 14)),
        Run(name: "fnat-udp-1m", load: .datagrams(flows: 1 << 20)),
        Run(name: "tcp-setup", load: .setup),
        Run(name: "tcp-syn-flood", load: .synFlood),
    ]

    /// Packets of one repetition: enough that a repetition lasts a good part of a second.
    private static let packets = 4_000_000

    /// Runs warm-up and `repetitions`; nil when memory is short.
    func measure(repetitions: Int, packets: Int = Self.packets) -> Measurement? {
        guard var rig = makeRig() else { return nil }
        var clock = SimulatedClock(step: step)
        let warmUpPackets = warmUp(&rig, &clock, packets)
        var balanced: [Double] = []
        var bare: [Double] = []
        let finishedBefore = rig.finished
        var total = 0
        for _ in 0..<repetitions {
            // Alternating, so that what disturbs the machine disturbs both.
            balanced.append(time(packets, &total) { rig.turn(now: clock.step()) })
            if case .setup = load { continue }
            var unused = 0
            bare.append(time(packets / 2, &unused) { rig.bareTurn() })
        }
        if bare.isEmpty {
            guard let plain = Run(name: "", load: .synFlood).makeRig() else { return nil }
            bare = Self.bareFigures(plain, repetitions, packets / 2)
        }
        balanced.sort()
        bare.sort()
        let median = balanced[balanced.count / 2]
        let finished = rig.finished - finishedBefore
        return Measurement(
            name: name,
            cyclesPerPacket: median,
            bareCyclesPerPacket: bare[bare.count / 2],
            spread: (balanced.last ?? 1) / (balanced.first ?? 1),
            packets: total,
            warmUpPackets: warmUpPackets,
            connections: rig.connections,
            bytesPerConnection: rig.bytesPerConnection,
            cyclesPerConnection: finished > 0 ? median * Double(total) / Double(finished) : nil,
            drops: rig.drops
        )
    }

    private static func bareFigures(
        _ rig: consuming Rig,
        _ repetitions: Int,
        _ packets: Int
    ) -> [Double] {
        var rig = rig
        var unused = 0
        return (0..<repetitions)
            .map { _ in
                let start = CPacket_cycles()
                var handled = 0
                while handled < packets { handled += rig.bareTurn() }
                unused += handled
                return Double(CPacket_cycles() - start) / Double(handled)
            }
    }

    private func makeRig() -> Rig? {
        switch load {
        case .datagrams(let flows):
            Rig.make(
                .datagrams(flows: UInt64(flows)),
                answeredBy: .silence,
                protocol: .udp,
                connections: max(1 << 16, flows)
            )
        case .setup:
            Rig.make(.tcpClient, answeredBy: .tcpServer, protocol: .tcp, connections: 1 << 20)
        case .synFlood:
            Rig.make(.synFlood, answeredBy: .silence, protocol: .tcp, connections: 1 << 20)
        }
    }

    /// Time that passes with each turn: connections of the runs that open them end as fast as new
    /// ones come, with the table between half and wholly full.
    private var step: Duration {
        switch load {
        case .datagrams: .microseconds(20)
        case .setup: .microseconds(100)
        case .synFlood: .milliseconds(1)
        }
    }

    private func warmUp(_ rig: inout Rig, _ clock: inout SimulatedClock, _ packets: Int) -> Int {
        let wanted =
            if case .datagrams(let flows) = load { max(flows * 2, 100_000) } else { packets }
        var handled = 0
        while handled < wanted { handled += rig.turn(now: clock.step()) }
        return handled
    }

    private func time(_ packets: Int, _ total: inout Int, _ turn: () -> Int) -> Double {
        let start = CPacket_cycles()
        var handled = 0
        while handled < packets { handled += turn() }
        let cycles = CPacket_cycles() - start
        total += handled
        return Double(cycles) / Double(handled)
    }
}

/// Time that passes with the packets, so that connections end while a run lasts.
struct SimulatedClock {
    private var now = Instant(nanoseconds: 0)
    private let stride: Duration

    init(step: Duration) {
        stride = step
    }

    mutating func step() -> Instant {
        now = now.advanced(by: stride)
        return now
    }
}
