// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Model

/// An interface: an element of the answer of `GET /v1/links`.
package struct LinkStatus: Equatable, Codable, Sendable {
    package enum Kind: String, Codable, Sendable, CaseIterable {
        case port, bond, vlan, tunnel
    }

    /// What went by it since the start; of VLANs and tunnels the devices know no losses.
    package struct Counters: Equatable, Codable, Sendable {
        package var receivedPackets: UInt64 = 0
        package var receivedBytes: UInt64 = 0
        package var transmittedPackets: UInt64 = 0
        package var transmittedBytes: UInt64 = 0
        package var receiveErrors: UInt64 = 0
        package var transmitErrors: UInt64 = 0
        /// Frames that the device dropped because no worker fetched them in time.
        package var missed: UInt64 = 0
        /// Frames that found no packet buffer.
        package var withoutBuffer: UInt64 = 0

        package init() {}
    }

    /// A number that a driver has beside `Counters`, or a fact about the device.
    package struct Fact<Value: Equatable & Codable & Sendable>: Equatable, Codable, Sendable {
        package var name: String
        package var value: Value

        package init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    package var name: String
    package var kind: Kind
    /// The device that carries a VLAN, or the only one that a tunnel uses.
    package var link: String?
    /// NUMA node of the device; -1 when it has none.
    package var socket: Int = 0
    package var mtu: Int
    package var receiveQueues = 1
    package var transmitQueues = 1
    package var isUp = true
    /// Bits per second; nil when the device does not say.
    package var speed: UInt64?
    package var isFullDuplex = true
    /// Whether the speed was negotiated with the other end.
    package var isNegotiated = false
    /// nil for tunnels, which have none.
    package var macAddress: MACAddress?
    package var isPromiscuous = false
    package var receivesAllMulticast = false
    /// Whether link-layer discovery is on.
    package var hasDiscovery = false
    /// What the device computes for us, and whether it frees sent buffers in bulk.
    package var offloads: [String] = []
    /// The kernel's interface behind it.
    package var companion: String?
    package var counters = Counters()
    /// Packet buffers of all ports together that are free and in use.
    package var freeBuffers = 0
    package var usedBuffers = 0
    /// What it is made of; nil when it is no bond.
    package var bond: BondStatus?
    /// What it is told to be; nil when it is no VLAN or no tunnel.
    package var vlan: VLANInterface?
    package var tunnel: TunnelInterface?
    /// Facts about the device; only of an answer with details.
    package var facts: [Fact<String>]?
    /// What the driver counts by itself; only of an answer with details.
    package var driverCounters: [Fact<UInt64>]?

    package init(name: String, kind: Kind, mtu: Int) {
        self.name = name
        self.kind = kind
        self.mtu = mtu
    }
}

/// What `POST /v1/links/{link}` switches; nil: stays.
package struct LinkSwitches: Equatable, Sendable {
    package var isPromiscuous: Bool?
    package var receivesAllMulticast: Bool?
    package var isUp: Bool?

    package init() {}
}

/// A thread that moves packets, or the control side: an element of the answer of `GET /v1/workers`.
package struct LcoreStatus: Equatable, Codable, Sendable {
    package enum Role: String, Codable, Sendable {
        case control, worker
    }

    /// A queue of a port.
    package struct Queue: Equatable, Codable, Sendable {
        package var port: String
        package var number: Int

        package init(port: String, number: Int) {
            self.port = port
            self.number = number
        }
    }

    package struct Counters: Equatable, Codable, Sendable {
        /// Times that the worker looked at all its queues, and those when nothing was there.
        package var turns: UInt64 = 0
        package var idleTurns: UInt64 = 0
        package var receivedPackets: UInt64 = 0
        package var transmittedPackets: UInt64 = 0
        package var droppedPackets: UInt64 = 0
        package var redirectedOut: UInt64 = 0
        package var redirectedIn: UInt64 = 0

        package init() {}
    }

    package var lcore: Int
    package var cpu: Int
    /// NUMA node of the CPU; -1 when it has none.
    package var socket: Int
    package var role: Role
    package var receiveQueues: [Queue] = []
    package var transmitQueues: [Queue] = []
    package var counters = Counters()

    package init(lcore: Int, cpu: Int, socket: Int, role: Role) {
        self.lcore = lcore
        self.cpu = cpu
        self.socket = socket
        self.role = role
    }
}
