// SPDX-License-Identifier: Apache-2.0

/// One run of the benchmark, as `--json` prints it; files of older versions lack the optional parts.
package struct Measurement: Codable, Equatable, Sendable {
    package var name: String
    /// Cycles of the time-stamp counter for each packet, receive and transmit included: the median.
    package var cyclesPerPacket: Double
    /// The same for receive, swap MAC addresses and transmit on ports of the same kind, measured in
    /// turn with the run.
    package var bareCyclesPerPacket: Double
    /// The slowest repetition over the fastest.
    package var spread: Double
    package var fastest: Double?
    package var slowest: Double?
    /// Runs that differ in the number of flows only share a family.
    package var family: String?
    /// Established flows of a worker.
    package var flows: Int?
    package var packets: Int?
    /// Handled before the first repetition.
    package var warmUpPackets: Int?
    package var connections: Int?
    package var bytesPerConnection: Double?
    /// Octets of the connection table at its full capacity, index included: computed.
    package var tableBytes: Int?
    /// Growth of the process's resident memory from before the run until after its warm-up.
    package var residentBytes: Int?
    /// For runs that open and close connections: all packets of one connection together.
    package var cyclesPerConnection: Double?
    /// For `redirect`: the same packets with every reply at its own worker's queue.
    package var directCyclesPerPacket: Double?
    /// For `redirect`: a reply that crosses the ring.
    package var cyclesPerRedirectedPacket: Double?
    /// For `workers`: packets of all workers together in a million cycles.
    package var packetsPerMegacycle: Double?
    /// Ticks of the time-stamp counter in a second.
    package var cycleFrequency: Double?
    package var nanosecondsPerPacket: Double?
    /// Million packets in a second, all workers together.
    package var megapacketsPerSecond: Double?
    /// CPUs that the threads were pinned to.
    package var cpus: [Int]?
    /// Start and end of each repetition on the monotonic clock, for `scripts/bench --stages`.
    package var intervals: [[UInt64]]?
    /// Packets dropped, by reason: a figure with drops is not to be trusted.
    package var drops: [String: UInt64]?

    package init(name: String, cycles: Statistics, bare: Statistics) {
        self.name = name
        cyclesPerPacket = cycles.median
        bareCyclesPerPacket = bare.median
        spread = cycles.spread
        fastest = cycles.fastest
        slowest = cycles.slowest
    }

    /// Adds what follows from the counter's frequency, with `workers` measured together.
    package mutating func convert(frequency: Double, workers: Int = 1) {
        cycleFrequency = frequency
        nanosecondsPerPacket = cyclesPerPacket / frequency * 1e9
        megapacketsPerSecond = frequency / cyclesPerPacket * Double(workers) / 1e6
    }

    enum CodingKeys: String, CodingKey {
        case name, spread, fastest, slowest, family, flows, packets, connections, cpus, intervals
        case drops
        case cyclesPerPacket = "cycles_per_packet"
        case bareCyclesPerPacket = "bare_cycles_per_packet"
        case warmUpPackets = "warm_up_packets"
        case bytesPerConnection = "bytes_per_connection"
        case tableBytes = "table_bytes"
        case residentBytes = "resident_bytes"
        case cyclesPerConnection = "cycles_per_connection"
        case directCyclesPerPacket = "direct_cycles_per_packet"
        case cyclesPerRedirectedPacket = "cycles_per_redirected_packet"
        case packetsPerMegacycle = "packets_per_megacycle"
        case cycleFrequency = "cycle_frequency"
        case nanosecondsPerPacket = "nanoseconds_per_packet"
        case megapacketsPerSecond = "mpps"
    }
}
