// SPDX-License-Identifier: Apache-2.0
import CDPDK
package import Packet

extension Device {
    /// How a started device spreads flows over its queues.
    public struct Spread: Equatable, Sendable {
        /// What it hashes with.
        public var key: [UInt8]
        /// Whether the hash of TCP and UDP over IPv4 takes the ports in.
        public var hashesTCP: Bool
        public var hashesUDP: Bool
        /// The queue of each place; the lowest bits of the hash choose the place.
        public var table: [Int]

        public init(key: [UInt8], hashesTCP: Bool, hashesUDP: Bool, table: [Int]) {
            self.key = key
            self.hashesTCP = hashesTCP
            self.hashesUDP = hashesUDP
            self.table = table
        }
    }

    /// What the device says of its receive-side scaling.
    public func spread() throws(DPDKError) -> Spread {
        var raw = CDPDK_rss_state()
        try check(
            unsafe CDPDK_port_get_rss(port, &raw),
            "rte_eth_dev_rss_hash_conf_get",
            on: facts.device
        )
        return Spread(
            key: unsafe withUnsafeBytes(of: raw.key) { unsafe Array($0.prefix(Int(raw.key_size))) },
            hashesTCP: raw.types & UInt32(CDPDK_rss_tcp.rawValue) != 0,
            hashesUDP: raw.types & UInt32(CDPDK_rss_udp.rawValue) != 0,
            table: unsafe withUnsafeBytes(of: raw.reta) { octets in
                unsafe octets.bindMemory(to: UInt16.self).prefix(Int(raw.reta_size)).map(Int.init)
            }
        )
    }

    /// Lets place i of the redirection table lead to `queues[i]`.
    public func setRedirectionTable(_ queues: [Int]) throws(DPDKError) {
        let words = queues.map { UInt16($0) }
        try check(
            unsafe CDPDK_port_set_reta(port, words, UInt16(words.count)),
            "rte_eth_dev_rss_reta_update",
            on: facts.device
        )
    }
}

extension Toeplitz {
    /// The same hash by DPDK's `rte_softrss`, over 32-bit words in host order: for tests.
    package func hashByDPDK(_ words: [UInt32]) -> UInt32 {
        unsafe CDPDK_soft_rss(words, UInt32(words.count), key)
    }
}
