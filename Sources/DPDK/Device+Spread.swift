// SPDX-License-Identifier: Apache-2.0
import CDPDK
package import Packet

extension Device {
    /// How a started device spreads flows over its queues.
    public struct Spread: Equatable, Sendable {
        /// What it hashes with.
        public var key: [UInt8]
        /// Of which packets the hash takes the ports in.
        public struct HashedPorts: Equatable, Sendable {
            public var tcp: Bool
            public var udp: Bool

            public init(tcp: Bool, udp: Bool) {
                self.tcp = tcp
                self.udp = udp
            }

            /// The protocol whose ports are left out; nil when neither is.
            package var missing: String? { tcp ? (udp ? nil : "UDP") : "TCP" }
        }

        public var ipv4: HashedPorts
        public var ipv6: HashedPorts
        /// The queue of each place; the lowest bits of the hash choose the place.
        public var table: [Int]

        public init(key: [UInt8], ipv4: HashedPorts, ipv6: HashedPorts, table: [Int]) {
            self.key = key
            self.ipv4 = ipv4
            self.ipv6 = ipv6
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
        func hashes(_ kind: CDPDK_rss) -> Bool { raw.types & UInt32(kind.rawValue) != 0 }
        return Spread(
            key: unsafe withUnsafeBytes(of: raw.key) { unsafe Array($0.prefix(Int(raw.key_size))) },
            ipv4: .init(tcp: hashes(CDPDK_rss_tcp), udp: hashes(CDPDK_rss_udp)),
            ipv6: .init(
                tcp: hashes(CDPDK_rss_tcp_over_ipv6),
                udp: hashes(CDPDK_rss_udp_over_ipv6)
            ),
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
