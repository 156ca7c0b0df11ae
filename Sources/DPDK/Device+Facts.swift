// SPDX-License-Identifier: Apache-2.0
import Addressing
import CDPDK
import Packet

extension Device.Facts {
    /// Drivers that take frames from senders on this host, whose checksums may be unfinished.
    private static let localDrivers = ["af_packet", "tap", "virtio_user", "af_xdp", "vhost"]
    /// Drivers whose sends or receives are system calls.
    private static let callingDrivers = ["af_packet", "tap", "af_xdp", "pcap"]
    /// Drivers that report no RSS and have flows spread over all of their queues by the kernel.
    ///
    /// With PACKET_FANOUT_HASH a queue that nobody polls would swallow its share.
    private static let spreadingDrivers = ["af_packet", "af_xdp"]

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
        // The seven offloads have the same bits on both sides; a test holds them to it.
        offloads = PortTraits.Offloads(rawValue: raw.offloads & 0x7F)
        let name = driver
        canScaleReceive = raw.rss != 0 || Self.spreadingDrivers.contains(where: name.contains)
        if Self.callingDrivers.contains(where: name.contains) { offloads.insert(.callsKernel) }
        if Self.localDrivers.contains(where: name.contains) {
            offloads.insert(.unfinishedReceiveChecksums)
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
            (.receiveIPv4Checksum, CDPDK_rx_ipv4_checksum),
            (.receiveL4Checksum, CDPDK_rx_l4_checksum),
            (.receiveVLANStrip, CDPDK_rx_vlan_strip),
            (.transmitIPv4Checksum, CDPDK_tx_ipv4_checksum),
            (.transmitTCPChecksum, CDPDK_tx_tcp_checksum),
            (.transmitUDPChecksum, CDPDK_tx_udp_checksum),
            (.transmitVLANInsert, CDPDK_tx_vlan_insert),
        ]
        return pairs.allSatisfy { $0.rawValue == UInt32($1.rawValue) }
    }
}
