// SPDX-License-Identifier: Apache-2.0

/// Every keyword that `dpvs.conf` may hold, with DPVS v1.10's defaults and ranges, and our own.
///
/// The parser, the documentation, `conf/dpvs.conf.items` and the list of what a restart would change
/// all come from this table.
package enum ItemCatalogue {
    package static let items: [ConfigurationItem] =
        global + netif + workers + stack + ipvs + localAddresses + exceptions

    /// Blocks that stand any number of times, each with a name.
    package static let namedBlocks: Set<String> = [
        "netif_defs.device", "netif_defs.bonding", "worker_defs.worker", "worker_defs.worker.port",
    ]

    private static let byPath = Dictionary(
        uniqueKeysWithValues: (items + gone).map { ($0.path, $0) }
    )

    package static func item(_ path: String) -> ConfigurationItem? { byPath[path] }

    /// Every path that is a block, from the items' paths.
    package static let blocks: Set<String> = Set(
        (items + gone)
            .flatMap { item in
                let words = item.path.split(separator: ".")
                return (1..<words.count).map { words.prefix($0).joined(separator: ".") }
            }
    )

    /// Keywords that may stand in the block `path`, "" being the file.
    package static func keywords(in path: String) -> [String] {
        let prefix = path.isEmpty ? "" : path + "."
        let below = items.filter { $0.path.hasPrefix(prefix) }
            .compactMap {
                $0.path.dropFirst(prefix.count).split(separator: ".").first.map(String.init)
            }
        return Array(Set(below)).sorted()
    }

    // MARK: - Rows

    private static func row(
        _ path: String,
        _ kind: ConfigurationItem.Kind,
        _ defaultValue: ItemValue?,
        _ moment: ConfigurationItem.Moment,
        _ isInEffect: Bool,
        _ summary: String
    ) -> ConfigurationItem {
        ConfigurationItem(
            path: path,
            kind: kind,
            defaultValue: defaultValue,
            moment: moment,
            isInEffect: isInEffect,
            summary: summary,
            instead: isInEffect ? nil : instead(of: path)
        )
    }

    private static let seconds = 1...31_535_999

    private static let global = [
        row(
            "global_defs.log_level",
            .choice(["EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG"]),
            .text("INFO"),
            .live,
            true,
            "least severe message that is logged"
        ),
        row(
            "global_defs.log_file",
            .text(longest: 255),
            nil,
            .live,
            false,
            "file to log to; messages go to standard error or the journal"
        ),
        row(
            "global_defs.log_with_timestamp",
            .onOff,
            .flag(false),
            .live,
            false,
            "time before each message of log_file"
        ),
        row(
            "global_defs.log_async_mode",
            .onOff,
            .flag(false),
            .start,
            false,
            "log from a core of its own; workers never log"
        ),
        row(
            "global_defs.log_async_pool_size",
            .integer(1023...(.max), .powerOfTwoLessOne),
            .integer(16383),
            .start,
            false,
            "messages of log_async_mode"
        ),
        row("global_defs.kni", .onOff, .flag(true), .start, true, "kernel companions of ports"),
        row("global_defs.lldp", .onOff, .flag(false), .live, true, "link-layer discovery"),
        row("global_defs.pdump", .onOff, .flag(false), .start, false, "capture for dpdk-pdump"),
        row(
            "global_defs.idle_backoff",
            .choice(["auto", "on", "off"]),
            .text("auto"),
            .start,
            true,
            "sleep while no packets come; auto: on devices on a bus only after 100 ms and with interrupts"
        ),
        row(
            "global_defs.hugepages",
            .choice(["auto", "off"]),
            .text("auto"),
            .start,
            true,
            "use hugepages for packets when enough are free"
        ),
        row(
            "global_defs.memory",
            .integer(64...1_048_576),
            nil,
            .start,
            true,
            "MiB of packet memory; what the pools need by default"
        ),
        row(
            "global_defs.iova_mode",
            .choice(["va", "pa", "auto"]),
            .text("va"),
            .start,
            true,
            "how devices address memory: virtual addresses need an IOMMU and no privileges"
        ),
        row(
            "global_defs.privileges",
            .choice(["drop", "keep"]),
            .text("drop"),
            .start,
            true,
            "whether capabilities that only the start needs are given up"
        ),
        row(
            "global_defs.network_status",
            .text(longest: 255),
            .text("/etc/podnetinfo/annotations"),
            .start,
            true,
            "file of the downward API with Multus's annotation, which device.network asks"
        ),
        row(
            "global_defs.metrics_address",
            .text(longest: 64),
            nil,
            .start,
            true,
            "address and port that serve metrics and probes over TCP"
        ),
        row(
            "global_defs.kernel_mirror",
            .onOff,
            .flag(true),
            .start,
            true,
            "follow the addresses, routes and permanent neighbours of the kernel companions"
        ),
        row(
            "global_defs.service_addresses",
            .choice(["implied", "configured"]),
            .text("implied"),
            .live,
            true,
            "implied: a service's address is ours; configured: while an interface has it"
        ),
        row(
            "global_defs.drain_timeout",
            .duration,
            .duration(.seconds(30)),
            .live,
            true,
            "how long SIGTERM waits for connections to finish"
        ),
        row(
            "global_defs.announce_on",
            .text(longest: 15),
            nil,
            .live,
            true,
            "kernel interface that gets the addresses of services, for BIRD or FRR to announce"
        ),
        row(
            "global_defs.withdraw_delay",
            .duration,
            .duration(.seconds(2)),
            .live,
            true,
            "how long connections are accepted after announce_on lost its addresses at the end"
        ),
        row(
            "global_defs.keepalived_conf",
            .text(longest: 4095),
            nil,
            .live,
            true,
            "file of keepalived whose virtual servers are balanced, beside service files"
        ),
        row(
            "global_defs.keepalived_config_id",
            .text(longest: 63),
            nil,
            .live,
            true,
            "what @NAME lines there are compared with; else the node's name up to its first dot"
        ),
        row(
            "global_defs.health_check_probes",
            .integer(1...65535),
            .integer(1024),
            .live,
            true,
            "health checks that wait for an answer at once; others wait for their turn"
        ),
        row(
            "global_defs.warm_restart",
            .onOff,
            .flag(false),
            .live,
            true,
            "SIGTERM leaves connections to the next process instead of waiting for them"
        ),
        row(
            "global_defs.keep_edits",
            .onOff,
            .flag(true),
            .live,
            true,
            "edits by command and API are kept in the instance's directory for its next run"
        ),
        row(
            "global_defs.warm_restart_file",
            .text(longest: 255),
            nil,
            .live,
            true,
            "where it leaves them; connections in the instance's directory by default"
        ),
    ]

    private static let netif =
        [
            row(
                "netif_defs.pktpool_size",
                .integer(1023...134_217_727, .powerOfTwoLessOne),
                .integer(65535),
                .start,
                true,
                "packet buffers"
            ),
            row(
                "netif_defs.pktpool_cache",
                .integer(32...8192, .powerOfTwo),
                .integer(256),
                .start,
                true,
                "packet buffers that stay with each worker"
            ),
            row(
                "netif_defs.fdir_mode",
                .choice(["perfect", "signature"]),
                .text("perfect"),
                .start,
                false,
                "kind of flow rules on older devices"
            ),
        ] + device + bonding

    private static let device = [
        row(
            "netif_defs.device.driver",
            .text(longest: 255),
            nil,
            .start,
            true,
            "DPDK device without a bus: net_af_packet,iface=eth1"
        ),
        row(
            "netif_defs.device.interface",
            .text(longest: 15),
            nil,
            .start,
            true,
            "kernel interface, driven by AF_XDP where that can be had and by AF_PACKET else: eth1"
        ),
        row(
            "netif_defs.device.pci",
            .text(longest: 32),
            nil,
            .start,
            true,
            "PCI address of the device: 0000:06:00.0"
        ),
        row(
            "netif_defs.device.resource",
            .text(longest: 255),
            nil,
            .start,
            true,
            "resource of the SR-IOV device plugin whose device this is"
        ),
        row(
            "netif_defs.device.network",
            .text(longest: 255),
            nil,
            .start,
            true,
            "network attachment of Multus whose device this is, by its name or interface"
        ),
        row(
            "netif_defs.device.lldp",
            .onOff,
            .flag(true),
            .live,
            true,
            "link-layer discovery on the port, where global_defs.lldp is on"
        ),
        row(
            "netif_defs.device.rx.queue_number",
            .integer(0...16),
            nil,
            .start,
            true,
            "receive queues; no more are opened than workers poll"
        ),
        row(
            "netif_defs.device.rx.descriptor_number",
            .integer(16...8192, .powerOfTwo),
            .integer(256),
            .start,
            true,
            "descriptors of a receive queue"
        ),
        row(
            "netif_defs.device.rx.rss",
            .words(["all", "none", "ip", "tcp", "udp", "sctp", "ether", "port", "tunnel"]),
            .words(["tcp"]),
            .start,
            true,
            "what receive-side scaling looks at"
        ),
        row(
            "netif_defs.device.steering",
            .choice(["auto", "rss", "flow", "redirect"]),
            .text("auto"),
            .start,
            true,
            "how replies of backends reach the worker that owns their connection"
        ),
        row(
            "netif_defs.device.tx.queue_number",
            .integer(0...16),
            nil,
            .start,
            true,
            "transmit queues; one is opened for each worker"
        ),
        row(
            "netif_defs.device.tx.descriptor_number",
            .integer(16...8192, .powerOfTwo),
            .integer(512),
            .start,
            true,
            "descriptors of a transmit queue"
        ),
        row(
            "netif_defs.device.tx.mbuf_fast_free",
            .onOff,
            .flag(true),
            .start,
            true,
            "let the device free buffers in bulk"
        ),
        row(
            "netif_defs.device.promisc_mode",
            .flag,
            .flag(false),
            .start,
            true,
            "receive frames for other addresses"
        ),
        row(
            "netif_defs.device.allmulticast",
            .flag,
            .flag(true),
            .start,
            true,
            "receive every multicast frame: neighbour discovery of IPv6 needs those of its groups"
        ),
        row(
            "netif_defs.device.mtu",
            .integer(68...9000),
            .integer(1500),
            .start,
            true,
            "largest IP packet in octets"
        ),
        row(
            "netif_defs.device.kni_name",
            .text(longest: 31),
            nil,
            .start,
            true,
            "name of the kernel companion, at most 15 characters; the device's with .kni by default"
        ),
        row(
            "netif_defs.device.kni_type",
            .choice(["auto", "virtio_user", "tap", "existing", "off"]),
            .text("auto"),
            .start,
            true,
            "what the kernel companion is; auto: virtio_user where /dev/vhost-net is, else tap"
        ),
    ]

    private static let bonding = [
        row(
            "netif_defs.bonding.mode",
            .integer(0...6),
            .integer(0),
            .start,
            true,
            "0 round-robin, 1 active-backup, 2 balance-xor, 3 broadcast, 4 802.3ad (LACP), "
                + "5 balance-tlb, 6 balance-alb"
        ),
        row(
            "netif_defs.bonding.slave",
            .words([]),
            nil,
            .start,
            true,
            "device that belongs to the bond, declared above it; repeats"
        ),
        row(
            "netif_defs.bonding.primary",
            .text(longest: 31),
            nil,
            .live,
            true,
            "slave that is preferred, and whose block gives the bond its queues; the first by default"
        ),
        row(
            "netif_defs.bonding.numa_node",
            .integer(-1...63),
            .integer(0),
            .start,
            true,
            "memory node of the bond's own structures"
        ),
        row(
            "netif_defs.bonding.options",
            .text(longest: 255),
            .text("dedicated_queues=on"),
            .start,
            true,
            "dedicated_queues=on or off, in mode 4: queues for LACP alone, where slaves can"
        ),
        row(
            "netif_defs.bonding.xmit_policy",
            .choice(["layer2", "layer23", "layer34"]),
            .text("layer2"),
            .live,
            true,
            "what the slave of a packet is chosen by, in the modes 2 and 4"
        ),
        row(
            "netif_defs.bonding.monitor_interval",
            .integer(1...60_000),
            .integer(10),
            .live,
            true,
            "milliseconds between looks at links whose device does not report them"
        ),
        row(
            "netif_defs.bonding.lldp",
            .onOff,
            .flag(true),
            .live,
            true,
            "link-layer discovery on the bond, where global_defs.lldp is on"
        ),
        row(
            "netif_defs.bonding.steering",
            .choice(["auto", "rss", "flow", "redirect"]),
            nil,
            .start,
            true,
            "as a device's; the primary's by default"
        ),
        row(
            "netif_defs.bonding.promisc_mode",
            .flag,
            nil,
            .start,
            true,
            "receive frames for other addresses; as the primary by default"
        ),
        row(
            "netif_defs.bonding.allmulticast",
            .flag,
            nil,
            .start,
            true,
            "receive every multicast frame; as the primary by default"
        ),
        row(
            "netif_defs.bonding.mtu",
            .integer(68...9000),
            nil,
            .start,
            true,
            "largest IP packet in octets; the primary's by default"
        ),
        row(
            "netif_defs.bonding.kni_name",
            .text(longest: 31),
            nil,
            .start,
            true,
            "name of the kernel companion, at most 15 characters; the bond's with .kni by default"
        ),
        row(
            "netif_defs.bonding.kni_type",
            .choice(["auto", "virtio_user", "tap", "existing", "off"]),
            .text("auto"),
            .start,
            true,
            "what the kernel companion is; as a device's"
        ),
    ]

    private static let workers = [
        row(
            "worker_defs.workers",
            .integerOr(1...63, word: "auto"),
            .integer(1),
            .start,
            true,
            "workers when no worker block is there; auto: one a CPU that we may use, but one"
        ),
        row(
            "worker_defs.worker.type",
            .choice(["master", "slave", "kni"]),
            .text("slave"),
            .start,
            true,
            "what the core does"
        ),
        row(
            "worker_defs.worker.cpu_id",
            .integer(0...63),
            nil,
            .start,
            true,
            "number of the worker, and its CPU unless --lcores says otherwise"
        ),
        row(
            "worker_defs.worker.icmp_redirect_core",
            .flag,
            .flag(false),
            .start,
            false,
            "handle all ICMP on this core"
        ),
        row(
            "worker_defs.worker.port.rx_queue_ids",
            .integers(0...15),
            nil,
            .start,
            true,
            "receive queues that it polls"
        ),
        row(
            "worker_defs.worker.port.tx_queue_ids",
            .integers(0...15),
            nil,
            .start,
            true,
            "transmit queues that it fills"
        ),
        row(
            "worker_defs.worker.port.isol_rx_cpu_ids",
            .integers(1...63),
            nil,
            .start,
            false,
            "cores that only receive"
        ),
        row(
            "worker_defs.worker.port.isol_rxq_ring_sz",
            .integer(1024...2_147_483_648, .powerOfTwo),
            .integer(1_048_576),
            .start,
            false,
            "ring from such a core"
        ),
    ]

    private static let stack = [
        row(
            "timer_defs.schedule_interval",
            .integer(1...10_000_000),
            .integer(10),
            .live,
            false,
            "microseconds between runs of the timers; ours run at every turn"
        ),
        row(
            "neigh_defs.unres_queue_length",
            .integer(16...8192),
            .integer(128),
            .start,
            true,
            "packets that wait for one neighbour"
        ),
        row(
            "neigh_defs.timeout",
            .integer(1...3600),
            .integer(60),
            .live,
            true,
            "seconds for which a neighbour's answer counts"
        ),
        row(
            "ipset_defs.ipset_hash_pool_size",
            .integer(65536...(.max), .powerOfTwoLessOne),
            .integer(262_143),
            .start,
            false,
            "members of all sets"
        ),
        row(
            "ipv4_defs.forwarding",
            .onOff,
            .flag(false),
            .live,
            false,
            "route packets that are not for us"
        ),
        row(
            "ipv4_defs.default_ttl",
            .integer(0...255),
            .integer(64),
            .live,
            true,
            "TTL of packets that are made here"
        ),
        row(
            "ipv4_defs.fragment.bucket_number",
            .integer(32...65536),
            .integer(4096),
            .start,
            false,
            "table of fragments; it sizes itself"
        ),
        row(
            "ipv4_defs.fragment.bucket_entries",
            .integer(1...256, .powerOfTwo),
            .integer(16),
            .start,
            false,
            "entries of a bucket; the table sizes itself"
        ),
        row(
            "ipv4_defs.fragment.max_entries",
            .integer(1...(.max)),
            .integer(4096),
            .start,
            true,
            "fragmented datagrams that a worker remembers, of both families"
        ),
        row(
            "ipv4_defs.fragment.ttl",
            .integer(1...255),
            .integer(1),
            .start,
            true,
            "seconds that fragments wait for their first one, of both families"
        ),
        row("ipv6_defs.disable", .onOff, .flag(false), .live, true, "drop all IPv6"),
        row("ipv6_defs.forwarding", .onOff, .flag(false), .live, false, "route IPv6"),
        row(
            "ipv6_defs.addr_gen_mode",
            .choice(["eui64", "none", "stable-privacy", "random"]),
            .text("eui64"),
            .live,
            true,
            "how link-local addresses are made"
        ),
        row(
            "ipv6_defs.stable_secret",
            .text(longest: 255),
            nil,
            .live,
            true,
            "secret of stable-privacy; without one its addresses change with every start"
        ),
        row(
            "ipv6_defs.accept_ra",
            .onOff,
            .flag(false),
            .live,
            true,
            "take default routes of IPv6 from router advertisements"
        ),
        row(
            "ipv6_defs.route6.method",
            .choice(["hlist", "lpm"]),
            .text("hlist"),
            .start,
            false,
            "kind of route table; ours is one"
        ),
        row(
            "ipv6_defs.route6.recycle_time",
            .integer(1...36000),
            .integer(10),
            .live,
            false,
            "seconds until deleted routes are freed"
        ),
        row(
            "ipv6_defs.route6.lpm.lpm6_max_rules",
            .integer(16...65536, .powerOfTwo),
            .integer(256),
            .start,
            false,
            "routes of lpm"
        ),
        row(
            "ipv6_defs.route6.lpm.lpm6_num_tbl8s",
            .integer(256...1_048_576, .powerOfTwo),
            .integer(4096),
            .start,
            false,
            "tables of lpm"
        ),
        row(
            "ipv6_defs.route6.lpm.rt6_hash_bucket",
            .integer(16...65536, .powerOfTwo),
            .integer(256),
            .start,
            false,
            "next hops of lpm"
        ),
        row(
            "ctrl_defs.lcore_msg.ring_size",
            .integer(256...524_288, .powerOfTwo),
            .integer(4096),
            .start,
            false,
            "messages between cores; ours share no messages"
        ),
        row(
            "ctrl_defs.lcore_msg.sync_msg_timeout_us",
            .integer(1...(.max)),
            .integer(2000),
            .live,
            false,
            "microseconds until a message is given up"
        ),
        row(
            "ctrl_defs.lcore_msg.priority_level",
            .choice(["low", "norm", "high", "ign"]),
            .text("low"),
            .live,
            false,
            "messages that are let through"
        ),
    ]

    private static let ipvs =
        connections + udp
        + tcp.map { name, value in
            row(
                "ipvs_defs.tcp.timeout.\(name)",
                .integer(seconds),
                .integer(value),
                .live,
                !["syn_sent", "listen", "last"].contains(name),
                "seconds of silence in state \(name)"
            )
        } + synproxy

    private static let connections = [
        row(
            "ipvs_defs.conn.conn_pool_size",
            .integer(1023...(1 << 30), .powerOfTwoLessOne),
            .integer(2_097_151),
            .start,
            true,
            "connections of all workers together"
        ),
        row(
            "ipvs_defs.conn.conn_pool_cache",
            .integer(1...(.max), .powerOfTwo),
            .integer(256),
            .start,
            false,
            "connections that stay with each worker; ours own theirs"
        ),
        row(
            "ipvs_defs.conn.conn_init_timeout",
            .integer(seconds),
            .integer(3),
            .live,
            true,
            "seconds of a TCP or SCTP connection whose first packet was not sent on"
        ),
        row(
            "ipvs_defs.conn.expire_quiescent_template",
            .flag,
            .flag(false),
            .live,
            true,
            "forget persistence to drained backends"
        ),
        row(
            "ipvs_defs.conn.fast_xmit_close",
            .flag,
            .flag(false),
            .start,
            false,
            "no cached next hops; ours follow every change"
        ),
        row(
            "ipvs_defs.conn.xmit_ttl",
            .flag,
            .flag(false),
            .live,
            true,
            "balancing counts as a hop: the TTL goes down by one"
        ),
        row(
            "ipvs_defs.conn.redirect",
            .onOff,
            .flag(false),
            .start,
            false,
            "hand packets to the worker that owns them; ours always do"
        ),
    ]

    private static let udp = [
        row(
            "ipvs_defs.udp.defence_udp_drop",
            .flag,
            .flag(false),
            .live,
            true,
            "stay silent on UDP to addresses that have services of TCP and none of UDP"
        ),
        row(
            "ipvs_defs.udp.uoa_mode",
            .choice(["opp", "ipo"]),
            .text("opp"),
            .live,
            true,
            "how a service with uoa tells its backends: opp, IP protocol 248; ipo, IPv4 option 31"
        ),
        row(
            "ipvs_defs.udp.uoa_max_trail",
            .integer(0...(.max)),
            .integer(3),
            .live,
            true,
            "packets of a connection that carry it, at most 255; 0: none"
        ),
        row(
            "ipvs_defs.udp.timeout.normal",
            .integer(seconds),
            .integer(300),
            .live,
            true,
            "seconds of silence after packets went both ways"
        ),
        row(
            "ipvs_defs.udp.timeout.oneway",
            .integer(seconds),
            .integer(300),
            .live,
            true,
            "seconds of silence while the backend has not answered"
        ),
        row(
            "ipvs_defs.udp.timeout.last",
            .integer(seconds),
            .integer(2),
            .live,
            false,
            "a sentinel of DPVS"
        ),
        row(
            "ipvs_defs.tcp.defence_tcp_drop",
            .flag,
            .flag(false),
            .live,
            true,
            "stay silent on TCP without connection, not a SYN, to addresses that have services of TCP"
        ),
    ]

    private static let tcp: [(String, Int)] = [
        ("none", 2), ("established", 90), ("syn_sent", 3), ("syn_recv", 30), ("fin_wait", 120),
        ("time_wait", 7), ("close", 3), ("close_wait", 60), ("last_ack", 7), ("listen", 120),
        ("synack", 30), ("last", 2),
    ]

    private static let synproxy =
        [
            ("synack_options.mss", .integer(1...65535), .integer(1452), "MSS in SYN-ACK"),
            ("synack_options.ttl", .integer(1...255), .integer(63), "TTL of SYN-ACK"),
            ("synack_options.sack", .flag, .flag(true), "offer selective acknowledgment"),
            ("synack_options.wscale", .integer(0...14), .integer(0), "window scale in SYN-ACK"),
            ("synack_options.timestamp", .flag, .flag(false), "offer timestamps"),
            ("close_client_window", .flag, .flag(false), "window 0 until the backend answers"),
            ("defer_rs_syn", .flag, .flag(false), "wait for data before asking the backend"),
            ("rs_syn_max_retry", .integer(1...99), .integer(3), "SYN retries to the backend"),
            ("ack_storm_thresh", .integer(1...999), .integer(10), "equal ACKs that are a storm"),
            ("max_ack_saved", .integer(1...63), .integer(3), "client packets that wait"),
            ("conn_reuse_state.close", .flag, .flag(true), "reuse connections in this state"),
            ("conn_reuse_state.time_wait", .flag, .flag(true), "reuse connections in this state"),
            ("conn_reuse_state.fin_wait", .flag, .flag(false), "reuse connections in this state"),
            ("conn_reuse_state.close_wait", .flag, .flag(false), "reuse connections in this state"),
            ("conn_reuse_state.last_ack", .flag, .flag(false), "reuse connections in this state"),
        ]
        .map {
            (
                name: String,
                kind: ConfigurationItem.Kind,
                value: ItemValue,
                summary: String
            )
                -> ConfigurationItem in
            row("ipvs_defs.tcp.synproxy.\(name)", kind, value, .live, false, summary)
        }

    private static let localAddresses = [
        row(
            "sa_pool.pool_hash_size",
            .integer(1...128),
            .integer(16),
            .start,
            true,
            "independent port pools of a local address, chosen by backend"
        ),
        row(
            "sa_pool.flow_enable",
            .onOff,
            .flag(true),
            .start,
            false,
            "steer replies by flow rules; ours go by port ranges"
        ),
    ]

    /// Packets a second and port that may go to the kernel, by class.
    private static let exceptions = [
        ("routing_rate", 5000, "BGP, BFD, OSPF, IS-IS, RIP, PIM, IGMP and VRRP"),
        ("neighbour_rate", 5000, "ARP, neighbour discovery and multicast listener discovery"),
        ("management_rate", 20000, "SSH, TCP under way, echo replies and ICMP errors"),
        ("rest_rate", 2000, "everything else"),
    ]
    .map { (name: String, rate: Int, what: String) -> ConfigurationItem in
        row(
            "exception_defs.\(name)",
            .integer(0...10_000_000),
            .integer(rate),
            .live,
            true,
            "packets a second that each port may hand to the kernel: \(what); 0: any number"
        )
    }
}
