// SPDX-License-Identifier: Apache-2.0

extension Settings {
    /// Room for a frame of this many octets in every packet buffer.
    package var frameSize: Int {
        let largest = devices.compactMap { $0.integer("mtu") }.max() ?? 1500
        return max(2048, (largest + 64 + 63) / 64 * 64)
    }

    /// MiB that DPDK gets: `global_defs.memory`, or what the packet buffers need and some more.
    package var packetMemory: Int {
        if case .integer(let value) = value("global_defs.memory") { return value }
        // Each buffer has its mbuf, headroom and DPDK's own around it.
        let buffers = integer("netif_defs.pktpool_size") * (frameSize + 128 + 128 + 64 + 64)
        // What EAL and the drivers take besides, as measured with net_af_packet: some 40 MiB.
        return buffers / (1 << 20) + 64
    }
}
