// SPDX-License-Identifier: Apache-2.0

/// Everything that a scrape shows, as plain data: the daemon fills it from the workers' counters.
///
/// Counters only grow while the process lives; gauges are of the moment of filling.
package struct DataplaneStatistics: Sendable {
    package var process: ProcessStatistics
    package var configuration = ConfigurationStatistics()
    /// Ticks of the cycle counter per second.
    package var cycleFrequency: Double = 0
    package var workers: [WorkerStatistics] = []
    package var slowPath = SlowPathStatistics()
    package var ports: [PortStatistics] = []
    package var interfaces: [InterfaceStatistics] = []
    package var bonds: [BondStatistics] = []
    package var exceptions: [ExceptionStatistics] = []
    package var pools: [PoolStatistics] = []
    /// "active" and "inactive", over all workers.
    package var connectionStates: [StateCount] = []
    /// Packets that took the client's address along, by how; those that could not, by the reason.
    package var addressedPackets: [StateCount] = []
    package var unaddressedPackets: [StateCount] = []
    package var services: [ServiceStatistics] = []
    package var checks = CheckLoadStatistics()
    package var localAddresses: [LocalAddressStatistics] = []
    package var sets: [SetStatistics] = []
    package var neighbours: [StateCount] = []
    /// Of ports where it is on.
    package var linkDiscovery: [LinkDiscoveryStatistics] = []
    /// nil: there is no kernel mirror.
    package var kernelMirror: KernelMirrorStatistics?
    /// Packets dropped, summed over workers; every reason, those at 0 too.
    package var drops: [DropCount] = []

    package init(process: ProcessStatistics) {
        self.process = process
    }
}

/// The process and what it was built from.
package struct ProcessStatistics: Sendable {
    package var instance: String
    package var version: String
    package var dpdk: String
    package var swift: String
    /// Seconds since 1970.
    package var startTime: Double
    package var isReady: Bool
    /// Lines that the log had no room for.
    package var lostLogLines: UInt64 = 0

    package init(
        instance: String,
        version: String,
        dpdk: String,
        swift: String,
        startTime: Double,
        isReady: Bool
    ) {
        self.instance = instance
        self.version = version
        self.dpdk = dpdk
        self.swift = swift
        self.startTime = startTime
        self.isReady = isReady
    }
}

/// What reloads did.
package struct ConfigurationStatistics: Sendable {
    package var generation: UInt64 = 0
    package var lastReloadSuccessful = true
    /// Seconds since 1970; nil before the first success.
    package var lastSuccessTime: Double?
    /// Seconds from reading the files to every worker using the result; nil before the first.
    package var lastReloadDuration: Double?
    package var successfulReloads: UInt64 = 0
    package var failedReloads: UInt64 = 0
    /// Reloads that found nothing changed.
    package var unchangedReloads: UInt64 = 0
    /// Changed items that wait for a restart.
    package var restartRequired = 0

    package init() {}
}

/// Messages of link-layer discovery on one port.
package struct LinkDiscoveryStatistics: Sendable {
    package var port: String
    package var neighbours: UInt64
    package var sent: UInt64
    package var received: UInt64
    package var malformed: UInt64
    package var ignored: UInt64

    package init(
        port: String,
        neighbours: UInt64,
        sent: UInt64,
        received: UInt64,
        malformed: UInt64,
        ignored: UInt64
    ) {
        self.port = port
        self.neighbours = neighbours
        self.sent = sent
        self.received = received
        self.malformed = malformed
        self.ignored = ignored
    }
}

/// What the kernel has on companions, and how it is followed.
package struct KernelMirrorStatistics: Sendable {
    /// "address" and "route".
    package var objects: [StateCount]
    package var changes: UInt64
    package var overruns: UInt64
    /// Times that the kernel could not be read or followed.
    package var failures: UInt64

    package init(objects: [StateCount], changes: UInt64, overruns: UInt64, failures: UInt64) {
        self.objects = objects
        self.changes = changes
        self.overruns = overruns
        self.failures = failures
    }
}

/// A number of things in one state.
package struct StateCount: Sendable {
    package var state: String
    package var count: UInt64

    package init(state: String, count: UInt64) {
        self.state = state
        self.count = count
    }
}

/// Packets dropped for one reason.
package struct DropCount: Sendable {
    package var reason: String
    /// Where on a packet's way: `link`, `network`, `balancing`, ...
    package var stage: String
    package var packets: UInt64

    package init(reason: String, stage: String, packets: UInt64) {
        self.reason = reason
        self.stage = stage
        self.packets = packets
    }
}
