// SPDX-License-Identifier: Apache-2.0

extension Settings {
    /// The largest packets of each device, in octets: a slave carries those of its bond.
    package var frameSizes: [String: Int] {
        let bonds = bonds.flatMap { bond in
            bond.words("slave").map { ($0, bond.integer("mtu") ?? 0) }
        }
        let own = devices.map { ($0.name, $0.integer("mtu") ?? 1500) }
        return Dictionary(own + bonds, uniquingKeysWith: max)
    }

    /// Room for a frame of this many octets in every packet buffer.
    package var frameSize: Int {
        let largest = (devices + bonds).compactMap { $0.integer("mtu") }.max() ?? 1500
        // AF_XDP keeps the first 256 octets of a buffer for programs (XDP_PACKET_HEADROOM).
        let kept = devices.contains { $0.usesXDP } ? 256 : 0
        return max(2048, (largest + kept + 64 + 63) / 64 * 64)
    }

    /// MiB that DPDK gets: `global_defs.memory`, or what the packet buffers need and some more.
    package var packetMemory: Int {
        if case .integer(let value) = value("global_defs.memory") { return value }
        // Each buffer has its mbuf, headroom and DPDK's own around it.
        let buffers = integer("netif_defs.pktpool_size") * (frameSize + 128 + 128 + 64 + 64)
        // What EAL and the drivers take besides, as measured with net_af_packet: some 40 MiB.
        return buffers / (1 << 20) + 64 + bonds.map { memory(of: Bond($0)) }.reduce(0, +)
    }

    /// MiB that DPDK takes for frames that a bond makes itself, each in a page of 4 KiB at worst.
    ///
    /// In mode 4 a slave has a pool of 8191 buffers for its dedicated queue, and devices without a
    /// bus have no such queue; in mode 6 the bond has 512 small ones for each port that DPDK knows.
    private func memory(of bond: Bond) -> Int {
        switch bond.mode {
        case .lacp:
            let slaves = devices.filter { bond.slaves.contains($0.name) }
            let queues = slaves.count {
                bond.usesDedicatedQueues && $0.text("driver") == nil && $0.text("interface") == nil
            }
            return 4 * slaves.count + 32 * queues
        case .adaptiveLoad: return 8
        default: return 0
        }
    }
}

extension NamedBlock {
    /// Whether the device may come to be driven by AF_XDP.
    fileprivate var usesXDP: Bool {
        text("interface") != nil || text("driver")?.hasPrefix("net_af_xdp") == true
    }
}
