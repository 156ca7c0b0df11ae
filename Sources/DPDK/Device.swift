// SPDX-License-Identifier: Apache-2.0
public import Addressing
import CDPDK
public import Packet

/// A network device that DPDK drives, from its discovery to its end.
@safe
public struct Device: Sendable {
    /// What it says of itself before it is started.
    public struct Facts: Sendable {
        public var device: String
        public var driver: String
        public var macAddress: MACAddress
        public var mtu: Int
        public var largestMTU: Int
        public var receiveQueues: Int
        public var transmitQueues: Int
        public var offloads: PortTraits.Offloads
        /// Whether flows are spread over all receive queues that there are.
        public var canScaleReceive: Bool
        public var filledQueues: FilledQueues
        /// Whether packets of one flow come to several receive queues, in the course of time.
        public var scattersFlows: Bool
        /// Whether it lets frames of a VLAN in only when it is told to.
        public var filtersVLANs: Bool
        /// Places of the table that turns a hash into a queue; 0 without one.
        public var redirectionPlaces: Int
        /// Octets of the key of receive-side scaling.
        public var keySize: Int
        public var socket: Int
        /// Not on a bus: polling it without pause only burns a CPU.
        public var isVirtual: Bool
        /// Whether the driver knows the state of the link; the kernel knows that of others.
        var looksAtLink: Bool
    }

    /// What it is to be.
    public struct Setup: Sendable {
        public var receiveQueues = 1
        public var transmitQueues = 1
        public var receiveDescriptors = 256
        public var transmitDescriptors = 512
        public var mtu = 1500
        public var rss: RSS = [.tcp]
        /// The key to hash with, `Facts.keySize` octets; nil: the driver's.
        public var rssKey: [UInt8]?
        public var isPromiscuous = false
        public var allMulticast = false
        public var fastFree = true
        /// Whether receive interrupts are wanted, by devices that can raise them.
        public var interrupts = false

        public init() {}
    }

    /// Fields that receive-side scaling looks at.
    public struct RSS: OptionSet, Sendable {
        public var rawValue: UInt32

        public init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        public static let ip = RSS(rawValue: UInt32(CDPDK_rss_ip.rawValue))
        public static let tcp = RSS(rawValue: UInt32(CDPDK_rss_tcp.rawValue))
        public static let udp = RSS(rawValue: UInt32(CDPDK_rss_udp.rawValue))
        public static let sctp = RSS(rawValue: UInt32(CDPDK_rss_sctp.rawValue))
    }

    let port: UInt16
    public let facts: Facts
    /// What kind of bond it is; nil: it is none.
    let bondMode: BondMode?

    // MARK: - Finding

    /// Every device that DPDK has found, in its order.
    public static func all() throws(DPDKError) -> [Device] {
        let ports = unsafe withUnsafeTemporaryAllocation(of: UInt16.self, capacity: 64) { ports in
            unsafe ports.initialize(repeating: 0)
            let count = unsafe CDPDK_ports(ports.baseAddress, 64)
            return unsafe Array(ports.prefix(Int(count)))
        }
        var devices: [Device] = []
        for port in ports { devices.append(try Device(port: port)) }
        return devices
    }

    /// The device with DPDK's name for it: `0000:06:00.0`, `net_af_packet0`.
    public static func named(_ name: String) throws(DPDKError) -> Device {
        let found = unsafe name.withCString { unsafe CDPDK_find_port($0) }
        return try Device(
            port: UInt16(try check(found, "rte_eth_dev_get_port_by_name", on: name))
        )
    }

    init(port: UInt16) throws(DPDKError) {
        self.port = port
        bondMode = nil
        var raw = CDPDK_port_facts()
        try check(
            unsafe CDPDK_port_get_facts(port, &raw),
            "rte_eth_dev_info_get",
            on: "port \(port)"
        )
        facts = Facts(raw)
    }

    init(port: UInt16, facts: Facts, bondMode: BondMode) {
        self.port = port
        self.facts = facts
        self.bondMode = bondMode
    }

    // MARK: - Life

    /// Configures and starts the device with as much of `setup` as it can do.
    ///
    /// Notes say in words what it cannot.
    public func start(
        _ setup: Setup,
        pool: PacketPool
    ) throws(DPDKError) -> (applied: Setup, notes: [String]) {
        var applied = setup
        var notes: [String] = []
        func limit(_ path: WritableKeyPath<Setup, Int>, _ most: Int, _ what: String) {
            guard applied[keyPath: path] > most else { return }
            notes.append("\(what): \(most) instead of \(applied[keyPath: path])")
            applied[keyPath: path] = most
        }
        if !facts.canScaleReceive {
            limit(\.receiveQueues, 1, "no receive-side scaling, receive queues")
        }
        limit(\.receiveQueues, facts.receiveQueues, "receive queues")
        limit(\.transmitQueues, facts.transmitQueues, "transmit queues")
        limit(\.mtu, facts.largestMTU, "MTU")
        var raw = unsafe CDPDK_port_setup()
        unsafe raw.rx_queues = UInt16(applied.receiveQueues)
        unsafe raw.tx_queues = UInt16(applied.transmitQueues)
        unsafe raw.rx_descriptors = UInt16(applied.receiveDescriptors)
        unsafe raw.tx_descriptors = UInt16(applied.transmitDescriptors)
        unsafe raw.offloads = facts.offloads.rawValue & Self.portableOffloads
        if applied.fastFree, bondMode?.mixesBuffers != true {
            unsafe raw.offloads |= UInt32(CDPDK_tx_fast_free.rawValue)
        }
        unsafe raw.rss = applied.rss.rawValue
        unsafe raw.mtu = UInt16(applied.mtu)
        unsafe raw.promiscuous = applied.isPromiscuous
        unsafe raw.all_multicast = applied.allMulticast
        unsafe raw.is_bond = bondMode != nil
        unsafe raw.interrupts = applied.interrupts && bondMode == nil
        unsafe raw.pool = pool.pointer
        var failed: UnsafePointer<CChar>?
        let key = applied.rssKey.flatMap { $0.count == facts.keySize ? $0 : nil }
        let result = unsafe (key ?? [])
            .withUnsafeBufferPointer { octets in
                unsafe raw.rss_key = key == nil ? nil : octets.baseAddress
                let result = unsafe CDPDK_port_start(port, &raw, &failed)
                guard result < 0, unsafe raw.interrupts else { return result }
                // Some drivers refuse to start with interrupts that they do not have.
                unsafe raw.interrupts = false
                return unsafe CDPDK_port_start(port, &raw, &failed)
            }
        applied.interrupts = unsafe raw.interrupts
        unsafe raw.rss_key = nil
        guard result >= 0 else {
            let call = unsafe failed.map { unsafe String(cString: $0) } ?? "start"
            throw DPDKError(call, result, on: facts.device)
        }
        applied.receiveDescriptors = unsafe Int(raw.rx_descriptors)
        applied.transmitDescriptors = unsafe Int(raw.tx_descriptors)
        return (applied, notes)
    }

    public func close() { CDPDK_port_close(port) }

    /// A worker's handle to one queue of each direction; `index` is our number for the port.
    ///
    /// `scattersFlows` says that packets of one flow come to several workers.
    public func handle(
        index: Int,
        receiveQueue: Int,
        transmitQueue: Int,
        mtu: Int,
        isInterrupted: Bool = false,
        scattersFlows: Bool = false,
        pool: PacketPool
    ) -> DPDKPort {
        var offloads = facts.offloads
        if scattersFlows { offloads.insert(.scattersFlows) }
        return DPDKPort(
            port: port,
            receiveQueue: receiveQueue,
            transmitQueue: transmitQueue,
            duties: bondMode?.duties ?? [],
            isInterrupted: isInterrupted,
            pool: pool,
            traits: PortTraits(
                index: UInt16(index),
                macAddress: facts.macAddress,
                mtu: UInt16(mtu),
                offloads: offloads
            )
        )
    }

    /// Offloads whose bits are the same here and in C.
    private static let portableOffloads: UInt32 = 0x7F

    // MARK: - State

    public struct Link: Equatable, Sendable {
        public var isUp: Bool
        /// 0 when the device does not know.
        public var megabits: Int
        public var isFullDuplex = true
        /// Whether the two ends have agreed on the speed.
        public var isNegotiated = false

        public init(isUp: Bool, megabits: Int) {
            self.isUp = isUp
            self.megabits = megabits
        }

        /// nil when the device does not know.
        public var bitsPerSecond: UInt64? { megabits > 0 ? UInt64(megabits) * 1_000_000 : nil }
    }

    public var link: Link {
        var raw = CDPDK_link()
        let result =
            unsafe facts.looksAtLink
            ? CDPDK_port_get_link(port, &raw) : CDPDK_port_get_kernel_link(port, &raw)
        guard result >= 0 else { return Link(isUp: false, megabits: 0) }
        var link = Link(isUp: raw.is_up, megabits: knowsSpeed ? Int(raw.megabits) : 0)
        link.isFullDuplex = raw.is_full_duplex
        link.isNegotiated = raw.is_negotiated
        return link
    }

    /// A bond adds up the speeds of its slaves, those that are not known (2^32 - 1) as well.
    private var knowsSpeed: Bool {
        guard let bondState else { return true }
        return bondState.slaves.filter(\.isLinkUp)
            .allSatisfy { slave in
                var raw = CDPDK_link()
                return unsafe CDPDK_port_get_link(slave.port, &raw) >= 0 && raw.megabits > 0
            }
    }

    /// The name of the kernel interface that the device is; nil when it is none.
    public var kernelInterface: String? {
        let capacity = CDPDK_interface_name_capacity
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { name in
            unsafe name.initialize(repeating: 0)
            guard let base = name.baseAddress,
                unsafe CDPDK_port_kernel_interface(port, base) >= 0
            else { return nil }
            return unsafe String(cString: base)
        }
    }

    /// Counters since the start.
    public struct Statistics: Equatable, Sendable {
        public var receivedPackets: UInt64 = 0
        public var transmittedPackets: UInt64 = 0
        public var receivedBytes: UInt64 = 0
        public var transmittedBytes: UInt64 = 0
        /// Dropped by the device because nobody took them in time.
        public var missed: UInt64 = 0
        public var receiveErrors: UInt64 = 0
        public var transmitErrors: UInt64 = 0
        /// Dropped because the pool was empty.
        public var noBuffer: UInt64 = 0
    }

    public var statistics: Statistics {
        var raw = CDPDK_port_statistics()
        guard unsafe CDPDK_port_get_statistics(port, &raw) >= 0 else { return Statistics() }
        return Statistics(
            receivedPackets: raw.rx_packets,
            transmittedPackets: raw.tx_packets,
            receivedBytes: raw.rx_bytes,
            transmittedBytes: raw.tx_bytes,
            missed: raw.rx_missed,
            receiveErrors: raw.rx_errors,
            transmitErrors: raw.tx_errors,
            noBuffer: raw.rx_no_buffer
        )
    }
}
