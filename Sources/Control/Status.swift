// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Foundation
package import Model

/// What `dpvs status` shows: the answer of `GET /v1/status`.
package struct Status: Equatable, Codable, Sendable {
    /// Where the daemon stands in its life.
    package enum Phase: String, Codable, Sendable, CaseIterable {
        case starting, ready
        /// Ends when the last connection has, or at its deadline; no new connections.
        case draining
    }

    package var version: String
    package var instance: String
    package var pid: Int32
    /// Seconds.
    package var uptime: Double
    package var phase: Phase
    /// The generation that every worker uses.
    package var generation: UInt64
    /// Of the generation's files, in hexadecimal digits.
    package var digest: String
    /// Changed items that wait for a restart, by name.
    package var restartRequired: [String] = []
    /// Where packet memory comes from, in one line.
    package var memory: String = ""
    package var privileges = PrivilegeStatus()
    /// What the kernel mirror has taken over, in one line; empty: there is none.
    package var kernelMirror: String = ""
    /// Addresses of services on a kernel interface, in one line; empty: none.
    package var announced: String = ""
    package var workers: [WorkerStatus] = []
    package var ports: [PortStatus] = []
    package var vlans: [VLANStatus] = []
    package var tunnels: [TunnelStatus] = []
    /// Those that were asked for; `serviceTotals` counts what else there is.
    package var services: [ServiceStatus] = []
    package var serviceTotals = ServiceTotals()
    /// Those that are not 0.
    package var drops: [DropStatus] = []

    package init(
        version: String,
        instance: String,
        pid: Int32,
        uptime: Double,
        phase: Phase,
        generation: UInt64,
        digest: String
    ) {
        self.version = version
        self.instance = instance
        self.pid = pid
        self.uptime = uptime
        self.phase = phase
        self.generation = generation
        self.digest = digest
    }
}

/// What the process may do beyond what any process may.
package struct PrivilegeStatus: Equatable, Codable, Sendable {
    package var user: UInt32 = 0
    /// Capabilities of any thread, as Kubernetes names them.
    package var capabilities: [String] = []
    /// The same as one text.
    package var summary = ""
    /// Whether starting a program can gain nothing (`no_new_privs`).
    package var cannotGain = false

    package init() {}
}

/// One worker.
package struct WorkerStatus: Equatable, Codable, Sendable {
    package var id: Int
    package var cpu: Int
    /// Busy cycles among all since the status before, 0...1.
    package var busyFraction: Double
    package var connections: UInt64
    package var connectionCapacity: UInt64
    /// Received since the start.
    package var packets: UInt64

    package init(
        id: Int,
        cpu: Int,
        busyFraction: Double,
        connections: UInt64,
        connectionCapacity: UInt64,
        packets: UInt64
    ) {
        self.id = id
        self.cpu = cpu
        self.busyFraction = busyFraction
        self.connections = connections
        self.connectionCapacity = connectionCapacity
        self.packets = packets
    }
}

/// One network port.
package struct PortStatus: Equatable, Codable, Sendable {
    package var name: String
    package var driver: String
    package var macAddress: MACAddress
    /// Octets.
    package var mtu: Int
    package var isLinkUp: Bool
    /// Bits per second; nil when the device does not say.
    package var speed: UInt64?
    /// Receive and transmit queues of each kind.
    package var queues: Int
    /// How replies of backends reach the worker that owns their connection, and why.
    package var steering = ""
    package var steeringReason = ""
    /// The kernel's interface that it is and how that is driven, with the reasons against better ways;
    /// nil for others.
    package var interface: String?
    /// What the device computes for us, by name.
    package var offloads: [String] = []
    package var receivedPackets: UInt64 = 0
    package var receivedBytes: UInt64 = 0
    package var transmittedPackets: UInt64 = 0
    package var transmittedBytes: UInt64 = 0
    /// Packets that the device lost: broken, missed, without buffer, not sent.
    package var lostPackets: UInt64 = 0
    /// The kernel's side; nil without one.
    package var companion: CompanionStatus?
    /// What it is made of; nil when it is no bond.
    package var bond: BondStatus?

    package init(
        name: String,
        driver: String,
        macAddress: MACAddress,
        mtu: Int,
        isLinkUp: Bool,
        speed: UInt64?,
        queues: Int
    ) {
        self.name = name
        self.driver = driver
        self.macAddress = macAddress
        self.mtu = mtu
        self.isLinkUp = isLinkUp
        self.speed = speed
        self.queues = queues
    }
}

/// What VLANs and tunnels have in common.
package protocol InterfaceStatus {
    var name: String { get }
    /// The kernel's interface behind it.
    var companion: String? { get set }
    var receivedPackets: UInt64 { get set }
    var receivedBytes: UInt64 { get set }
    var transmittedPackets: UInt64 { get set }
    var transmittedBytes: UInt64 { get set }
}

/// A VLAN of a device.
package struct VLANStatus: InterfaceStatus, Equatable, Codable, Sendable {
    package var name: String
    package var link: String
    package var id: Int
    package var innerID: Int?
    package var priority: Int
    /// The kernel's interface behind it.
    package var companion: String?
    package var receivedPackets: UInt64 = 0
    package var receivedBytes: UInt64 = 0
    package var transmittedPackets: UInt64 = 0
    package var transmittedBytes: UInt64 = 0

    package init(_ vlan: VLANInterface, companion: String? = nil) {
        name = vlan.name
        link = vlan.link
        id = vlan.id
        innerID = vlan.innerID
        priority = vlan.priority
        self.companion = companion
    }
}

/// A tunnel that is an interface.
package struct TunnelStatus: InterfaceStatus, Equatable, Codable, Sendable {
    package var name: String
    /// `gre remote 192.0.2.9 local any key 7`.
    package var way: String
    /// The kernel's interface behind it.
    package var companion: String?
    package var receivedPackets: UInt64 = 0
    package var receivedBytes: UInt64 = 0
    package var transmittedPackets: UInt64 = 0
    package var transmittedBytes: UInt64 = 0

    package init(name: String, way: String) {
        self.name = name
        self.way = way
    }
}

/// The kernel's interface behind a port, and the packets of all classes between the two.
package struct CompanionStatus: Equatable, Codable, Sendable {
    package var name: String
    /// `tap` or `virtio_user`.
    package var kind: String
    package var passed: UInt64 = 0
    package var policed: UInt64 = 0
    package var full: UInt64 = 0
    package var sent: UInt64 = 0

    package init(name: String, kind: String) {
        self.name = name
        self.kind = kind
    }
}

/// Packets dropped for one reason.
package struct DropStatus: Equatable, Codable, Sendable {
    package var reason: String
    package var stage: String
    package var packets: UInt64

    package init(reason: String, stage: String, packets: UInt64) {
        self.reason = reason
        self.stage = stage
        self.packets = packets
    }
}

/// One service and its backends.
package struct ServiceStatus: Equatable, Codable, Sendable {
    package var name: String
    package var key: Service.Key
    package var mode: ForwardingMode
    package var scheduler: SchedulerKind
    /// It is gone; backends that it left behind still have connections.
    package var isRemoved = false
    package var activeConnections: UInt64 = 0
    package var totalConnections: UInt64 = 0
    package var backends: [BackendStatus] = []
    /// What keeps it from using its backends; nil when nothing does.
    package private(set) var problem: String?

    /// Looks through all backends, once they are there; `lack` is what the service lacks itself.
    package mutating func judge(lacking lack: String? = nil) {
        problem = isRemoved ? nil : lack ?? Self.problem(of: backends)
    }

    package init(_ service: Service) {
        name = service.name
        key = service.key
        mode = service.mode
        scheduler = service.scheduler
    }
}

/// One backend of a service.
package struct BackendStatus: Equatable, Codable, Sendable {
    package enum Role: String, Codable, Sendable, CaseIterable {
        /// Gets new connections.
        case serving
        /// Weight 0: its connections finish.
        case draining
        /// It has as many connections as it may have.
        case overloaded
        /// Connections to it failed.
        case inhibited
        /// Its health check fails, or has not been good yet.
        case failed
        /// Gone from the service; its connections finish.
        case removed
    }

    package var endpoint: Endpoint
    package var weight: Int
    package var role: Role
    /// Whether persistence still gives it new connections, of the clients that it had before.
    package var keepsClients = false
    package var activeConnections: UInt64 = 0
    package var inactiveConnections: UInt64 = 0
    package var totalConnections: UInt64 = 0
    /// What its health check has found; nil: nobody asks.
    package var check: CheckStatus?

    package init(_ backend: Backend) {
        endpoint = backend.endpoint
        weight = backend.weight
        role = backend.weight > 0 ? .serving : .draining
    }

    /// A backend that is gone.
    package init(removed endpoint: Endpoint) {
        self.endpoint = endpoint
        weight = 0
        role = .removed
    }
}

/// What is known of a backend by its health check.
package struct CheckStatus: Equatable, Codable, Sendable {
    package enum State: String, Codable, Sendable {
        /// There is no verdict yet.
        case unknown
        case healthy, failed
    }

    package var state: State
    /// When the state began.
    package var since: Date
    /// Why the latest probe was not good; empty: it was.
    package var detail: String
    /// Probes so far: with a good answer, with a bad or none, and those that could not be made.
    package var good: UInt64
    package var bad: UInt64
    package var unable: UInt64
    /// Seconds that the latest probe took.
    package var duration: Double

    package init(state: State, since: Date, detail: String = "") {
        self.state = state
        self.since = since
        self.detail = detail
        good = 0
        bad = 0
        unable = 0
        duration = 0
    }
}
