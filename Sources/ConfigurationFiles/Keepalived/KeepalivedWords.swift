// SPDX-License-Identifier: Apache-2.0

/// What may stand in the blocks of keepalived's files, those words included that mean nothing here.
enum KeepalivedWords {
    /// Blocks and words at the top that are keepalived's own affair: VRRP and its surroundings.
    static let others: Set<String> = [
        "global_defs", "vrrp_instance", "vrrp_sync_group", "vrrp_script", "vrrp_track_process",
        "vrrp_track_file", "track_file", "static_ipaddress", "static_routes", "static_rules",
        "static_track_group", "garp_group", "linkbeat_use_polling", "linkbeat_interfaces",
        "net_namespace", "net_namespace_ipvs", "namespace_with_ipsets", "use_pid_dir", "instance",
        "child_wait_time", "reload_file", "reload_repeat", "reload_time_file", "process_names",
        "interface_up_down_delays", "bfd_instance", "SSL", "config_copy_directory",
        "include_check",
    ]

    /// What this reader takes at the top.
    static let own = [
        "virtual_server", "virtual_server_group", "local_address_group", "deny_address_group",
        "allow_address_group", "tunnel_group",
    ]

    static let virtualServer: [String] =
        timing + [
            "ip_family", "lb_algo", "lvs_sched", "lb_kind", "lvs_method", "protocol", "real_server",
            "persistence_engine", "persistence_timeout", "persistence_granularity", "nat_mask",
            "ops",
            "hashed", "flag-1", "flag-2", "flag-3", "sh-port", "sh-fallback", "mh-port",
            "mh-fallback", "omega", "quorum", "hysteresis", "quorum_up", "quorum_down",
            "sorry_server", "sorry_server_inhibit", "sorry_server_lvs_method", "ha_suspend",
            "inhibit_on_failure", "establish_timeout", "proxy_protocol", "bps", "limit_proportion",
            "src-range", "dst-range", "iif", "oif", "hash_target", "laddr_group_name",
            "daddr_group_name", "waddr_group_name", "syn_proxy", "expire_quiescent_conn", "quic",
            "vip_bind_dev", "snmp_name", "name",
        ]

    static let realServer: [String] =
        timing + checkers + [
            "weight", "lvs_method", "lb_kind", "uthreshold", "lthreshold", "inhibit_on_failure",
            "notify_up", "notify_down", "snmp_name", "name",
        ]

    /// What a checker takes from its real server, and that from its virtual server.
    static let timing = [
        "delay_loop", "retry", "delay_before_retry", "warmup", "connect_timeout", "alpha",
        "virtualhost", "smtp_alert", "log_all_failures",
    ]

    static let checkers = [
        "TCP_CHECK", "HTTP_GET", "SSL_GET", "UDP_CHECK", "DNS_CHECK", "SMTP_CHECK", "MISC_CHECK",
        "PING_CHECK", "BFD_CHECK", "FILE_CHECK",
    ]

    /// Of every checker.
    static let checker =
        timing + [
            "connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "fwmark",
            "nb_get_retry", "nb_sock_retry",
        ]

    /// Of one checker.
    static let ofChecker: [String: [String]] = [
        "HTTP_GET": ["url", "http_protocol", "fast_recovery", "enable_sni", "regex_no_match"],
        "SSL_GET": ["url", "http_protocol", "fast_recovery", "enable_sni", "tls_compliant"],
        "UDP_CHECK": ["payload", "require_reply", "min_reply_length", "max_reply_length"],
        "DNS_CHECK": ["type", "name"],
        "SMTP_CHECK": ["helo_name", "host"],
        "MISC_CHECK": ["misc_path", "misc_timeout", "misc_dynamic", "user"],
        "BFD_CHECK": ["name"], "FILE_CHECK": ["track_file", "weight"],
    ]
}
