// SPDX-License-Identifier: Apache-2.0
import ConfigurationFiles
import Foundation
import Model
import Testing

private func parse(_ text: String, _ others: [String: String] = [:]) -> DPVSConf {
    var files = others
    files["/etc/dpvs/dpvs.conf"] = text
    return parseDPVSConf(path: "/etc/dpvs/dpvs.conf", reader: MemorySource(files))
}

extension DPVSConf {
    fileprivate func said(_ severity: Diagnostic.Severity) -> [String] {
        diagnostics.filter { $0.severity == severity }.map(\.description)
    }
    fileprivate var errors: [String] { said(.error) }
    fileprivate var notes: [String] { said(.notInEffect) }
}

private let repository = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

/// What operators get wrong in dpvs.conf, and what old files have.
@Suite struct DPVSConfFaultTests {
    // MARK: - Braces

    @Test func `whichever brace is missing, one block is named, and it is the right one`() throws {
        let path = repository.appending(path: "conf/dpvs.conf.sample")
        let lines = try String(contentsOf: path, encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let all = lines.joined(separator: "\n")
        #expect(parse(all).errors.isEmpty)
        var open: [Int] = []
        var tried = 0
        for (number, line) in lines.enumerated() {
            let text = line.trimmingCharacters(in: .whitespaces)
            guard !text.hasPrefix("!"), !text.hasPrefix("#") else { continue }
            if text.hasSuffix("{") { open.append(number) }
            guard text == "}", let opened = open.popLast() else { continue }
            var less = lines
            less[number] = ""
            let errors = parse(less.joined(separator: "\n")).errors
            tried += 1
            #expect(errors.count == 1, "without line \(number + 1): \(errors)")
            let place = "/etc/dpvs/dpvs.conf:\(opened + 1):"
            #expect(errors.first?.contains(place) == true, "\(number + 1): \(errors)")
            #expect(errors.first?.contains("is not closed") == true)
        }
        #expect(tried == 10)
    }

    @Test func `without indentation a keyword tells that a block has ended`() {
        let text = """
            netif_defs {
            device dpdk0 {
            rx {
            queue_number 1
            tx {
            queue_number 1
            }
            mtu 99999
            }
            }
            worker_defs {
            workers 1
            }
            """
        let errors = parse(text).errors
        #expect(errors.count == 2, "what else is wrong is said, too: \(errors)")
        #expect(errors[0].contains("3:4") && errors[0].contains("'rx' is not closed"))
        #expect(errors[1].contains("99999"))
    }

    // MARK: - Without effect

    @Test func `whatever another item leaves without effect is listed once`() {
        let text = """
            global_defs {
                kni off
                network_status /x
            }
            netif_defs {
                device dpdk0 {
                    lldp on
                    kni_name a
                    kni_type off
                    rx { queue_number 4 }
                    tx { queue_number 2 }
                }
            }
            worker_defs {
                worker cpu0 {
                    type master
                    cpu_id 0
                    port dpdk0 { rx_queue_ids 0 }
                }
                worker cpu1 {
                    cpu_id 1
                    port dpdk0 {
                        rx_queue_ids 0 1
                        tx_queue_ids 0 1
                    }
                }
            }
            ipv6_defs {
                disable on
                accept_ra on
                stable_secret ""
            }
            exception_defs { rest_rate 5 }
            """
        let conf = parse(text)
        #expect(conf.errors.isEmpty, "\(conf.errors)")
        let reasons = [
            "lldp: 'on' has no effect: global_defs.lldp is off",
            "kni_name: 'a' has no effect: global_defs.kni is off",
            "kni_type: 'off' has no effect: global_defs.kni is off",
            "rx.queue_number: '4' has no effect: workers use 2 queues of dpdk0",
            "tx.queue_number: '2' has no effect: workers use 1 queue of dpdk0",
            "worker.port: 'dpdk0' has no effect: the master polls no queues",
            "tx_queue_ids: '0 1' has no effect beyond the first",
            "accept_ra: 'on' has no effect: ipv6_defs.disable is on",
            "stable_secret: is empty, and counts as not set",
            "rest_rate: '5' has no effect: global_defs.kni is off",
            "network_status: '/x' has no effect: no device has a network",
        ]
        #expect(conf.notes.count == reasons.count, "\(conf.notes)")
        for reason in reasons { #expect(conf.notes.contains { $0.contains(reason) }, "\(reason)") }
    }

    @Test func `a queue that two workers poll is named where the second one has it`() {
        let worker = { (id: Int) in
            "worker cpu\(id) {\ncpu_id \(id)\nport dpdk0 {\nrx_queue_ids \(id / 2)\n}\n}"
        }
        let text = """
            netif_defs { device dpdk0 { } }
            worker_defs {
            worker cpu0 {
            type master
            }
            \((1...4).map(worker).joined(separator: "\n"))
            }
            """
        let errors = parse(text).errors.filter { $0.contains("is used by") }
        #expect(errors.count == 1 && errors[0].contains("21:1"), "\(parse(text).errors)")
    }

    @Test func `words after a number are ignored as in DPVS, and a second number is refused`() {
        let words = parse("neigh_defs {\n timeout 5 seconds of rest\n}")
        #expect(words.errors.isEmpty && words.settings.integer("neigh_defs.timeout") == 5)
        #expect(words.said(.warning).count == 1 && words.said(.warning)[0].contains("2:12"))
        let numbers = parse("neigh_defs {\n timeout 5 6 7\n}").errors
        #expect(numbers.count == 1 && numbers[0].contains("'6 7' is more than one"), "\(numbers)")
    }

    @Test(arguments: ["zz", "0123456789abcdef"])
    func `a secret that is none is refused`(text: String) {
        let errors = parse("ipv6_defs {\n stable_secret \(text)\n}").errors
        #expect(errors.count == 1 && errors[0].contains("is no secret"), "\(errors)")
    }

    // MARK: - Values

    @Test(arguments: ["60s", "512K", "0x10", "1.5", "+5", "six", ""])
    func `what is no whole number is not called out of range`(text: String) {
        let errors = parse("neigh_defs {\n timeout \"\(text)\"\n}").errors
        #expect(errors.count == 1 && errors[0].contains("is not a whole number"), "\(errors)")
    }

    @Test(arguments: ["0", "-1", "3601", "99999999999999999999"])
    func `a whole number out of range is called so`(text: String) {
        let errors = parse("neigh_defs {\n timeout \(text)\n}").errors
        #expect(errors.count == 1 && errors[0].contains("'\(text)' is not in range"), "\(errors)")
    }

    @Test(arguments: [
        ("framesz=1504", "blocksz=4096 is no multiple of framesz=1504"),
        ("framesz=2048,blocksz=6144", "blocksz=6144 is no multiple of a page"),
        ("framesz=2000,blocksz=4096", "blocksz=4096 is no multiple of framesz=2000"),
        ("framesz=2056,blocksz=4096", "framesz=2056 is no multiple of 16"),
        ("framesz=0", "framesz=0 is no multiple of 16"),
        ("blocksz=12288,framesz=1024", "framesz=1024 has no room for packets of 1500 octets"),
    ])
    func `a ring of AF_PACKET in which the kernel and DPDK would not meet is refused`(
        ring: String,
        problem: String
    ) {
        let driver = "net_af_packet,iface=eth1,\(ring)"
        let errors = parse("netif_defs {\n device a {\n driver \(driver)\n }\n}").errors
        #expect(errors.count == 1 && errors[0].contains(problem), "\(errors)")
        #expect(errors.first?.contains("conf:3:2") == true, "\(errors)")
    }

    @Test(arguments: [
        ("framesz=2048,blocksz=4096", 1500), ("framesz=2048,blocksz=8192,framecnt=64", 1500),
        ("blocksz=290816,framesz=9088", 9000), ("framecnt=1024", 1500),
    ])
    func `a ring of AF_PACKET that both count alike is taken`(ring: String, mtu: Int) {
        let driver = "net_af_packet,iface=eth1,\(ring)"
        let text = "netif_defs {\n device a {\n driver \(driver)\n mtu \(mtu)\n }\n}"
        #expect(parse(text).errors.isEmpty, "\(parse(text).errors)")
    }

    @Test func `an empty text is empty, and a long one is long`() {
        func errors(_ text: String) -> [String] {
            parse("global_defs {\n announce_on \"\(text)\"\n}").errors
        }
        #expect(errors("")[0].contains("'' is empty"))
        #expect(errors(String(repeating: "x", count: 16))[0].contains("is too long"))
        #expect(errors("lo\u{1B}[31m")[0].contains(#"'lo\u{1B}[31m' has a control character"#))
    }

    @Test(arguments: [
        ("True", "on"), ("yes", "on"), ("1", "on"), ("no", "off"), ("disabled", "off"),
    ])
    func `other words for on and off are understood as far as a suggestion`(
        word: String,
        meant: String
    ) {
        let errors = parse("global_defs {\n lldp \(word)\n}").errors
        #expect(errors.count == 1 && errors[0].contains("did you mean '\(meant)'?"), "\(errors)")
    }

    @Test func `a main file that is not there is called the configuration file`() {
        let conf = parseDPVSConf(path: "/etc/dpvs.conf", reader: MemorySource([:]))
        #expect(conf.errors.count == 1)
        #expect(conf.errors[0].contains("the configuration file cannot be read"))
        #expect(!conf.errors[0].contains("include"))
    }

    // MARK: - Without effect

    @Test func `every item that does nothing is listed as written, with what serves instead`() {
        let text = """
            global_defs {
                log_file /var/log/dpvs.log
                pdump off
                lldp off
            }
            ipset_defs {
                <init> ipset_hash_pool_size 2048
            }
            ipvs_defs {
                udp {
                    uoa_max_trail 300
                    timeout { last 0x10 }
                }
            }
            worker_defs {
                worker cpu0 { type master
                    cpu_id 0 }
                worker cpu1 { type slave
                    cpu_id 1 }
                worker cpu2 { type kni
                    cpu_id 2 }
            }
            """
        let conf = parse(text)
        #expect(conf.errors.isEmpty, "\(conf.errors)")
        let wanted = [
            "log_file: '/var/log/dpvs.log' has no effect; instead: standard error",
            "pdump: 'off' has no effect; instead: ",
            "ipset_hash_pool_size: '2048' has no effect; instead: ",
            "udp.timeout.last: '0x10' has no effect; instead: ",
            "uoa_max_trail: '300' has no effect: 255 counts",
            "worker: 'cpu2' has no effect as type kni; instead: ",
        ]
        for text in wanted {
            #expect(conf.notes.contains { $0.contains(text) }, "\(text) in \(conf.notes)")
        }
        #expect(conf.notes.count == wanted.count, "\(conf.notes)")
    }

    @Test func `every item without effect says what serves instead`() {
        let all = ItemCatalogue.items + ItemCatalogue.gone
        for item in all where !item.isInEffect {
            #expect(item.instead?.isEmpty == false, "\(item.path)")
        }
        #expect(ItemCatalogue.items.allSatisfy { !$0.isInEffect || $0.instead == nil })
    }

    @Test func `of an item that is set twice the first is said to do nothing`() {
        let conf = parse("neigh_defs {\n timeout 10\n}\nneigh_defs {\n timeout 20\n}\n")
        #expect(conf.settings.integer("neigh_defs.timeout") == 20 && conf.errors.isEmpty)
        #expect(conf.notes.count == 1)
        #expect(conf.notes[0].contains("conf:2:2") && conf.notes[0].contains("conf:5:2"))
        let device = parse("netif_defs {\n device a {\n mtu 1400\n mtu 1500\n}\n}")
        #expect(device.notes.count == 1 && device.notes[0].contains("is set again"))
        let bond =
            "netif_defs {\n device a {}\n device b {}\n bonding c {\n slave a\n slave b\n}\n}"
        #expect(parse(bond).notes.isEmpty)
    }

    /// As samples of DPVS 1.0 to 1.9.4 and files of programs made from it have them.
    @Test func `items of old versions load whatever they say, and are said to be gone`() {
        let text = """
            global_defs {
                ! <init> daemon
            }
            netif_defs {
                <init> pktpool_size 524287
                <init> device dpdk0 {
                    rx {
                        queue_number    8
                        rss             none
                        max_burst_size  32
                    }
                    fdir {
                        filter  on
                        mode    perfect
                        pballoc 64k
                        status  matched
                    }
                    addr 192.0.2.119/24
                }
            }
            ipv4_defs {
                <init> ipv4_forward off
            }
            ipv6_defs {
                <init> default_hop_limit 64
                fragment { <init> ttl 1 }
                route6 { <init> method hlist
                    lpm { <init> rt6_array_size 65536 }
                }
            }
            ctrl_defs {
                lcore_msg {
                    <init> ring_size 1
                    <init> multicast_queue_length 256
                }
                ipc_msg {
                    <init> unix_domain /var/run/dpvs_ctrl
                }
                tcp_sock { enabled on
                    bind 192.0.2.118:9090 }
            }
            ipvs_defs {
                conn { <init> conn_pool_size 8192 }
                icmp { timeout { echo_request 5 } }
                icmpv6 { timeout { packet_too_big 5 } }
            }
            """
        let conf = parse(text)
        #expect(conf.errors.isEmpty, "\(conf.errors)")
        #expect(conf.notes.count == 19, "\(conf.notes.joined(separator: "\n"))")
        let gone = conf.notes.filter { $0.contains("is gone since DPVS 1") }
        #expect(gone.count == 8 && gone.allSatisfy { $0.contains(", without effect; instead: ") })
        #expect(conf.settings.integer("ipvs_defs.conn.conn_pool_size") == 8191)
    }

    // MARK: - What cannot start

    @Test(arguments: [
        ("driver net_af_packet,iface=eth1", "driver net_af_packet,iface=eth1", "eth1"),
        ("driver net_af_packet,iface=eth1", "driver net_af_xdp,start_queue=1,iface=eth1", "eth1"),
        ("pci 0000:0a:00.0", "pci 0000:0A:00.0", "0000:0a:00.0"),
        ("driver net_null0", "driver net_null0,copy=1", "net_null0"),
        ("interface eth1", "interface eth1", "eth1"),
        ("interface eth1", "driver net_af_packet,iface=eth1", "eth1"),
        ("driver net_pcap,rx_iface_in=eth1,tx_iface=eth1", "interface eth1", "eth1"),
    ])
    func `hardware of two devices is refused`(first: String, second: String, what: String) {
        let text = "netif_defs {\n device a {\n \(first)\n }\n device b {\n \(second)\n }\n}"
        let errors = parse(text).errors
        #expect(errors.count == 1 && errors[0].contains("is that of device a too"), "\(errors)")
        #expect(errors[0].contains(what) && errors[0].contains("conf:6:2"))
        let single = text.replacing(first, with: "driver net_tap,iface=eth2", maxReplacements: 1)
        #expect(parse(single).errors.isEmpty)
    }

    @Test(arguments: [
        (":9100", "'[::]:9100'?"), ("*:9100", "'[::]:9100'?"),
        ("http://127.0.0.1:9100", "'127.0.0.1:9100'?"),
        ("http://[::1]:9100/metrics", "'[::1]:9100'?"),
        ("::1:9100", "brackets"), ("2001:db8::1", "brackets"),
        ("10.0.0.300:9100", "has no address"),
        ("127.0.0.1", "has no port"), ("127.0.0.1:", "has no port"), ("127.0.0.1:0", "has no port"),
        ("127.0.0.1:65536", "has no port"), ("[10.0.0.1]:80", "no IPv6 address"),
        ("a b:80", "has no address"),
    ])
    func `a place where nobody can listen is refused`(text: String, says: String) {
        let errors = parse("global_defs {\n metrics_address \"\(text)\"\n}").errors
        #expect(errors.count == 1 && errors[0].contains(says), "\(errors)")
    }

    @Test(arguments: [
        "127.0.0.1:9100", "[::]:9100", "[2001:db8::1]:1", "0.0.0.0:80", "localhost:80",
    ])
    func `a place to listen is taken`(text: String) {
        #expect(parse("global_defs {\n metrics_address \(text)\n}").errors.isEmpty)
    }

    // MARK: - Too much

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            String(repeating: "worker_defs { worker a { type slave } }\n", count: 40_000),
            "worker_defs {\n" + (0..<60_000).map { "worker w\($0) {\n}\n" }.joined() + "}\n",
            String(repeating: "nonsense 1\n", count: 100_000),
            String(repeating: "x", count: 3 << 20),
            String(repeating: "{", count: 500_000),
        ]
    )
    func `a file that is too much is refused at once, with its place`(text: String) {
        let errors = parse(text).errors
        #expect((1...201).contains(errors.count))
        #expect(errors.allSatisfy { $0.hasPrefix("/etc/dpvs/dpvs.conf:") })
    }

    @Test func `what is included in a block stands in that block`() {
        let conf = parse(
            "netif_defs {\n include devices/*.conf\n}\n",
            ["/etc/dpvs/devices/a.conf": "device a {\n mtu 1400\n}\npktpool_size 2047\n"]
        )
        #expect(conf.errors.isEmpty && conf.settings.devices.map(\.name) == ["a"])
        #expect(conf.settings.integer("netif_defs.pktpool_size") == 2047)
    }

    @Test func `includes have an end`() {
        let files = (0..<300).map { ("/etc/dpvs/d/\($0).conf", "") }
        let many = parse("include d/*.conf", Dictionary(uniqueKeysWithValues: files))
        #expect(many.errors.count == 1 && many.errors[0].contains("at most 256 files"))
    }

    @Test func `a file outside the directory is not quoted`() {
        let text = "root:$6$secret:19000:0:99999:7:::\nneigh_defs {\n timeout \"$6$word\"\n}\n"
        let conf = parse("include /etc/shadow\n", ["/etc/shadow": text])
        #expect(conf.errors.contains { $0.contains("/etc/shadow:1:1") })
        #expect(!conf.errors.contains { $0.contains("$6$") || $0.contains("root") })
        let inside = parse("include d/a.conf\n", ["/etc/dpvs/d/a.conf": text])
        #expect(inside.errors.contains { $0.contains("$6$secret") })
    }

    @Test(arguments: [
        ("a[0-9].conf", "a7.conf", true), ("a[0-9].conf", "ab.conf", false),
        ("a[!0-9].conf", "ab.conf", true), ("[]x]", "]", true), ("a[", "a[", true),
        ("*[a-c]?", "xxbz", true), ("[*]", "x", false),
    ])
    func `patterns are those of glob`(pattern: String, name: String, fits: Bool) {
        #expect(matches(name, pattern: pattern) == fits)
    }
}
