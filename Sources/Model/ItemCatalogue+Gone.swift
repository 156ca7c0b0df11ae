// SPDX-License-Identifier: Apache-2.0

/// Items that old versions of DPVS had, and items of well-known programs made from it.
///
/// They are accepted, whatever their values, so that such files load; nothing follows from them, and
/// that is said of each with what to use in its place.
extension ItemCatalogue {
    package static let gone: [ConfigurationItem] =
        [
            old(
                "ctrl_defs.ipc_msg.unix_domain",
                "since DPVS 1.9.6",
                "the option --ipc-file names the control socket"
            ),
            old("netif_defs.device.fdir.mode", "since DPVS 1.9", flowRules),
            old("netif_defs.device.fdir.pballoc", "since DPVS 1.9", flowRules),
            old("netif_defs.device.fdir.status", "since DPVS 1.9", flowRules),
            old("netif_defs.device.fdir.filter", "since DPVS 1.9", flowRules),
            old(
                "ctrl_defs.lcore_msg.multicast_queue_length",
                "since DPVS 1.8",
                "cores share no messages here"
            ),
            old(
                "ipv4_defs.ipv4_forward",
                "since DPVS 1.7",
                "the kernel forwards what is not balanced, behind the companions"
            ),
            old(
                "ipv6_defs.route6.lpm.rt6_array_size",
                "since DPVS 1.9.10",
                "the table of routes takes what it needs"
            ),
            old(
                "netif_defs.device.rx.max_burst_size",
                "and never was an item",
                "a burst has 32 frames"
            ),
            old("global_defs.daemon", "and never was an item", "systemd or a container runs it"),
            foreign("netif_defs.device.addr", "addresses: of a service file"),
            foreign("ctrl_defs.tcp_sock.enabled", "metrics_address serves monitoring by TCP"),
            foreign("ctrl_defs.tcp_sock.bind", "metrics_address serves monitoring by TCP"),
            foreign(
                "ipv6_defs.default_hop_limit",
                "ipv4_defs.default_ttl counts for both families"
            ),
            foreign("ipv6_defs.fragment.bucket_number", fragments),
            foreign("ipv6_defs.fragment.bucket_entries", fragments),
            foreign("ipv6_defs.fragment.max_entries", fragments),
            foreign("ipv6_defs.fragment.ttl", fragments),
        ]
        + ["echo_request", "echo_reply", "dest_unreach", "time_exceeded", "packet_too_big"]
        .flatMap { name in
            ["icmp", "icmpv6"].map { foreign("ipvs_defs.\($0).timeout.\(name)", queries) }
        }

    private static let flowRules = "steering of the device, which needs no flow rules"
    private static let fragments = "ipv4_defs.fragment counts for both families"
    private static let queries = "udp.timeout counts for echo and other queries"

    private static func old(
        _ path: String,
        _ version: String,
        _ instead: String
    )
        -> ConfigurationItem
    {
        item(path, "is gone \(version)", instead)
    }

    private static func foreign(_ path: String, _ instead: String) -> ConfigurationItem {
        item(path, "is no item of DPVS", instead)
    }

    private static func item(
        _ path: String,
        _ summary: String,
        _ instead: String
    )
        -> ConfigurationItem
    {
        ConfigurationItem(
            path: path,
            kind: .anything,
            defaultValue: nil,
            moment: .start,
            isInEffect: false,
            summary: summary,
            instead: instead
        )
    }

    // MARK: - Items without effect

    /// What stands in the place of an item that has no effect, by its path or that of its block.
    static func instead(of path: String) -> String? {
        var words = path.split(separator: ".")
        while !words.isEmpty {
            if let text = insteads[words.joined(separator: ".")] { return text }
            words.removeLast()
        }
        return nil
    }

    private static let insteads = [
        "global_defs.log_file": "standard error, or the journal, is the log: redirect it",
        "global_defs.log_with_timestamp": "every line has its time, the journal's from the journal",
        "global_defs.log_async_mode": "the log never holds anything up, and needs no core",
        "global_defs.log_async_pool_size": "a megabyte of lines may wait",
        "global_defs.pdump": "tcpdump on the kernel companion, dpvs explain, and metrics of drops",
        "netif_defs.fdir_mode": flowRules,
        "worker_defs.worker.icmp_redirect_core":
            "an ICMP error goes to the worker of its connection",
        "worker_defs.worker.port.isol_rx_cpu_ids": "another worker on that core",
        "worker_defs.worker.port.isol_rxq_ring_sz": "rx.descriptor_number",
        "timer_defs": "timers run at every turn",
        "ipset_defs": "sets take the memory that they need",
        "ipv4_defs.forwarding": "the kernel forwards what is not balanced, behind the companions",
        "ipv4_defs.fragment": "fragment.max_entries sizes the table",
        "ipv6_defs.forwarding": "the kernel forwards what is not balanced, behind the companions",
        "ipv6_defs.route6": "the table of routes takes what it needs",
        "ctrl_defs.lcore_msg": "cores share no messages here",
        "ipvs_defs.tcp.timeout.syn_sent": "conn_init_timeout and tcp.timeout.syn_recv",
        "ipvs_defs.tcp.timeout.listen": "nothing: no connection is ever in that state",
        "ipvs_defs.tcp.timeout.last": "nothing: it is no state",
        "ipvs_defs.udp.timeout.last": "nothing: it is no state",
        "ipvs_defs.conn.conn_pool_cache": "each worker owns its connections",
        "ipvs_defs.conn.fast_xmit_close": "next hops are looked up once and follow every change",
        "ipvs_defs.conn.redirect": "steering of the device: packets always find their worker",
        "ipvs_defs.tcp.synproxy": "nothing yet: this version has no SYN proxy",
        "sa_pool.flow_enable": "steering of the device",
    ]
}
