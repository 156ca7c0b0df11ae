// SPDX-License-Identifier: Apache-2.0

/// What one worker counted.
package struct WorkerStatistics: Sendable {
    package var id: Int
    /// Seconds since the worker was last seen to turn.
    package var heartbeatAge = 0.0
    /// Times through the loop, and those of them that found nothing to do.
    package var turns: UInt64 = 0
    package var idleTurns: UInt64 = 0
    package var busyCycles: UInt64 = 0
    package var idleCycles: UInt64 = 0
    package var kernelCycles: UInt64 = 0
    package var receivedPackets: UInt64 = 0
    package var transmittedPackets: UInt64 = 0
    package var redirectedOut: UInt64 = 0
    package var redirectedIn: UInt64 = 0
    package var directReplies: UInt64 = 0
    package var relatedErrors: UInt64 = 0
    package var madeFragments: UInt64 = 0
    package var punted: UInt64 = 0
    package var generated: UInt64 = 0
    package var injected: UInt64 = 0
    package var connectionsOpened: UInt64 = 0
    package var connectionsExpired: UInt64 = 0
    /// Connections that ended without their peers being told.
    package var lostResets: UInt64 = 0
    package var connections: UInt64 = 0
    package var connectionCapacity: UInt64 = 0

    package init(id: Int) {
        self.id = id
    }
}

/// What the slow path did with packets: ARP, ICMP, neighbours.
package struct SlowPathStatistics: Sendable {
    package var generated: UInt64 = 0
    package var delivered: UInt64 = 0
    package var held: UInt64 = 0
    /// Own addresses that another node has.
    package var duplicateAddresses: UInt64 = 0
    package var addressConflicts: UInt64 = 0

    package init() {}
}

/// A network port: its state and what the device counted.
package struct PortStatistics: Sendable {
    package var name: String
    package var driver: String
    package var macAddress: String
    /// How replies reach their worker: direct, rss, redirect.
    package var steering = ""
    /// The kernel's interface that `interface` names, and how it is driven: af_xdp_zero_copy, af_xdp or
    /// af_packet; empty for other devices.
    package var interface = ""
    package var way = ""
    package var isLinkUp = false
    /// Bits per second; nil when the device does not say.
    package var speed: UInt64?
    /// Octets.
    package var mtu = 0
    package var receivedPackets: UInt64 = 0
    package var receivedBytes: UInt64 = 0
    package var receiveErrors: UInt64 = 0
    package var receiveMissed: UInt64 = 0
    package var receiveNoBuffer: UInt64 = 0
    /// What workers found out about received frames.
    package var badHeaderChecksums: UInt64 = 0
    package var badTransportChecksums: UInt64 = 0
    package var misjudgedChecksums: UInt64 = 0
    package var finishedChecksums: UInt64 = 0
    package var superPackets: UInt64 = 0
    package var transmittedPackets: UInt64 = 0
    package var transmittedBytes: UInt64 = 0
    package var transmitErrors: UInt64 = 0
    /// nil where nobody tells.
    package var iommuFaults: UInt64?
    package var busErrors: UInt64?
    package var isRemoved = false

    package init(name: String, driver: String, macAddress: String) {
        self.name = name
        self.driver = driver
        self.macAddress = macAddress
    }
}

/// An interface that shares its port with others: a VLAN.
package struct InterfaceStatistics: Sendable {
    package var name: String
    package var receivedPackets: UInt64 = 0
    package var receivedBytes: UInt64 = 0
    package var transmittedPackets: UInt64 = 0
    package var transmittedBytes: UInt64 = 0

    package init(name: String) { self.name = name }
}

/// Packets of one class between a port and the kernel behind its companion.
package struct ExceptionStatistics: Sendable {
    package var port: String
    package var exceptionClass: String
    package var passed: UInt64 = 0
    package var policed: UInt64 = 0
    package var full: UInt64 = 0
    package var sent: UInt64 = 0

    package init(port: String, exceptionClass: String) {
        self.port = port
        self.exceptionClass = exceptionClass
    }
}

/// A pool of packet buffers.
package struct PoolStatistics: Sendable {
    package var name: String
    package var inUse: UInt64
    package var capacity: UInt64

    package init(name: String, inUse: UInt64, capacity: UInt64) {
        self.name = name
        self.inUse = inUse
        self.capacity = capacity
    }
}

/// The ports of one local address, over all workers.
package struct LocalAddressStatistics: Sendable {
    package var address: String
    package var portsInUse: UInt64
    package var portCapacity: UInt64
    /// Connections refused because no port was free.
    package var exhausted: UInt64

    package init(address: String, portsInUse: UInt64, portCapacity: UInt64, exhausted: UInt64) {
        self.address = address
        self.portsInUse = portsInUse
        self.portCapacity = portCapacity
        self.exhausted = exhausted
    }
}
