// SPDX-License-Identifier: Apache-2.0
import Addressing
import CDPDK
import Packet

extension Device.Facts {
    /// Drivers that take frames from senders on this host, whose checksums may be unfinished.
    ///
    /// These devices are not asked to receive with checksum offload: then whoever stands behind a
    /// paravirtual one finishes what senders on its host have left, and keeps segments as short as the
    /// MTU. What `net_tap` would say, the driver computes on our CPU.
    private static let localDrivers = [
        "af_packet", "af_xdp", "tap", "virtio", "vhost", "memif", "vmxnet3", "netvsc", "pcap",
    ]
    /// Drivers that say that the link is up whatever the kernel knows.
    private static let blindDrivers = ["af_packet", "af_xdp"]
    /// Drivers whose sends or receives are system calls.
    private static let callingDrivers = ["af_packet", "tap", "af_xdp", "pcap"]
    /// DPDK's tap passes the descriptors of all queues, each direction's, in an array for eight, and
    /// does not look how many they are.
    private static let tapQueues = 4
    /// Drivers of devices that let a VLAN's frames in only when they are told to, by their own rule
    /// (VIRTIO_NET_F_CTRL_VLAN) or because the physical function filters for its virtual ones.
    ///
    /// Others let all in until they are told of one. Some then keep what has no tag out.
    private static let filteringDrivers = ["virtio", "iavf", "_vf", "ice_dcf"]

    /// Drivers of paired queues whose device hashes where it says so.
    ///
    /// Behind every other one a flow comes to the pair of the queue that its latest packet left by
    /// (what the specification of virtio calls automatic receive steering, and Linux does in
    /// drivers/net/tun.c), or to one that suits the host.
    private static let hashingDrivers: Set = ["net_virtio"]

    init(_ raw: CDPDK_port_facts) {
        device = Self.text(raw.device)
        driver = Self.text(raw.driver)
        let octets = [raw.mac.0, raw.mac.1, raw.mac.2, raw.mac.3, raw.mac.4, raw.mac.5]
        macAddress = MACAddress(rawValue: octets.reduce(0) { $0 << 8 | UInt64($1) })
        mtu = Int(raw.mtu)
        largestMTU = raw.max_mtu == 0 ? Int(raw.mtu) : Int(raw.max_mtu)
        receiveQueues = Int(raw.max_rx_queues)
        transmitQueues = Int(raw.max_tx_queues)
        redirectionPlaces = Int(raw.reta_size)
        keySize = Int(raw.rss_key_size)
        socket = Int(raw.socket)
        isVirtual = raw.is_virtual
        // The offloads have the same bits on both sides; a test holds them to it.
        offloads = PortTraits.Offloads(rawValue: raw.offloads & 0x7F)
        let name = driver
        filledQueues = FilledQueues(driver: name)
        canScaleReceive = raw.rss != 0 || filledQueues != .opened
        scattersFlows =
            filledQueues == .paired && (raw.rss == 0 || !Self.hashingDrivers.contains(driver))
        if name.contains("net_tap") {
            receiveQueues = min(receiveQueues, Self.tapQueues)
            transmitQueues = min(transmitQueues, Self.tapQueues)
        }
        filtersVLANs =
            raw.can_filter_vlans && Self.filteringDrivers.contains(where: name.contains)
        looksAtLink = !Self.blindDrivers.contains(where: name.contains)
        if Self.callingDrivers.contains(where: name.contains) { offloads.insert(.callsKernel) }
        if Self.localDrivers.contains(where: name.contains) {
            offloads.takeLocalSenders()
        }
    }

    /// The text in a fixed array of C characters.
    private static func text<Characters>(_ characters: Characters) -> String {
        unsafe withUnsafeBytes(of: characters) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

extension Device {
    /// Whether the offloads that cross to C have the same bits there, as `start` relies on.
    package static var offloadBitsAgree: Bool {
        let pairs: [(PortTraits.Offloads, CDPDK_offload)] = [
            (.receiveL4Checksum, CDPDK_rx_l4_checksum),
            (.receiveVLANStrip, CDPDK_rx_vlan_strip),
            (.transmitVLANInsert, CDPDK_tx_vlan_insert),
        ]
        return pairs.allSatisfy { $0.rawValue == UInt32($1.rawValue) }
    }
}

extension PortTraits.Offloads {
    /// Makes them those of a device behind which senders on this host are: see `localDrivers`.
    mutating func takeLocalSenders() {
        insert(.unfinishedReceiveChecksums)
        remove(.receiveL4Checksum)
    }
}
