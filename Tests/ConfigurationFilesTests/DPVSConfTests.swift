// SPDX-License-Identifier: Apache-2.0
import ConfigurationFiles
import Model
import PacketTesting
import Testing

private func parse(_ text: String, _ others: [String: String] = [:]) -> DPVSConf {
    var files = others
    files["/etc/dpvs/dpvs.conf"] = text
    return parseDPVSConf(path: "/etc/dpvs/dpvs.conf", reader: MemorySource(files))
}

extension DPVSConf {
    fileprivate var errors: [String] {
        diagnostics.filter { $0.severity == .error }.map(\.description)
    }
}

@Suite struct DPVSConfGrammarTests {
    @Test func `blocks, comments, annotations and quotes are read as DPVS reads them`() {
        let conf = parse(
            """
            ! a comment
            # another
            global_defs {
                log_level   WARNING   ! to the end of the line
                <init> kni  off
            }
            netif_defs {
                <init> pktpool_size     1048575
                <init> device dpdk0 {
                    rx {
                        queue_number    8
                        rss             tcp|udp
                    }
                    kni_name    "dpdk0.kni"
                }
            }
            """
        )
        #expect(conf.errors.isEmpty)
        #expect(conf.settings.text("global_defs.log_level") == "WARNING")
        #expect(!conf.settings.isOn("global_defs.kni"))
        #expect(conf.settings.integer("netif_defs.pktpool_size") == 1_048_575)
        let device = conf.settings.devices.first
        #expect(device?.name == "dpdk0" && device?.integer("rx.queue_number") == 8)
        #expect(device?.words("rx.rss") == ["tcp", "udp"])
        #expect(device?.text("kni_name") == "dpdk0.kni")
        #expect(device?.integer("mtu") == 1500)
    }

    @Test func `the last line needs no newline, and CR LF ends lines`() {
        #expect(parse("timer_defs {\r\n schedule_interval 500\r\n}").errors.isEmpty)
        #expect(parse("ipvs_defs { conn { conn_pool_size 65536 } }").errors.isEmpty)
    }

    @Test func `a brace may stand on the next line`() {
        let conf = parse("neigh_defs\n{\n timeout 30\n}\n")
        #expect(conf.errors.isEmpty && conf.settings.integer("neigh_defs.timeout") == 30)
    }

    @Test func `all problems are found at once, each with its place`() {
        let conf = parse(
            """
            globl_defs {
                nonsense 1
            }
            netif_defs {
                pktpool_size  12
                device dpdk0 {
                    mtu  95000
                    promisc_mod
                }
            }
            neigh_defs {
                timeout
            }
            }
            """
        )
        #expect(conf.errors.count == 6)
        #expect(conf.errors[0].contains("dpvs.conf:14:1") && conf.errors[0].contains("'}'"))
        #expect(conf.errors[1].contains("dpvs.conf:1:1"))
        #expect(conf.errors[1].contains("did you mean 'global_defs'?"))
        #expect(conf.errors[2].contains("dpvs.conf:5:19") && conf.errors[2].contains("1023"))
        #expect(conf.errors[3].contains("7:14: error: netif_defs.device.mtu: '95000'"))
        #expect(conf.errors[3].contains("accepted: 68...9000"))
        #expect(conf.errors[4].contains("did you mean 'promisc_mode'?"))
        #expect(conf.errors[5].contains("12:5") && conf.errors[5].contains("has no value"))
    }

    @Test func `includes are relative to the file that names them, and cycles are named`() {
        let conf = parse(
            "include parts/*.conf\n",
            [
                "/etc/dpvs/parts/a.conf": "neigh_defs { timeout 10 }\ninclude more/b.conf",
                "/etc/dpvs/parts/more/b.conf": "ipv4_defs { default_ttl 9 }\n",
            ]
        )
        #expect(conf.errors.isEmpty && conf.files.count == 3)
        #expect(conf.settings.integer("ipv4_defs.default_ttl") == 9)
        let cycle = parse("include dpvs.conf")
        #expect(cycle.errors.count == 1 && cycle.errors[0].contains("included twice"))
        let missing = parse("include none*.conf")
        #expect(missing.errors.isEmpty && missing.diagnostics.first?.severity == .warning)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `no octets trap the parser`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let valid = Array(
            "netif_defs {\n <init> device d {\n rx { rss \"all\" }\n mtu 9 ! x\n}\n}\n".utf8
        )
        for _ in 0..<3_000 {
            var bytes = valid
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1:
                    bytes.insert("{}<>\"!#\n".utf8.randomElement(using: &random) ?? 0, at: index)
                default: bytes.remove(at: index)
                }
            }
            _ = parseDPVSConf(path: "x", reader: MemorySource(bytes: ["x": bytes]))
        }
        let deep = String(repeating: "a {", count: 100_000)
        #expect(!parse(deep).errors.isEmpty)
    }
}

@Suite struct DPVSConfItemTests {
    /// A file that sets one item.
    private func file(_ path: String, _ value: String) -> String {
        let words = path.split(separator: ".")
        var text = "\(words.last ?? "") \(value)"
        var block = words.dropLast()
        while let keyword = block.last {
            let isNamed = ItemCatalogue.namedBlocks.contains(block.joined(separator: "."))
            text = "\(keyword)\(isNamed ? " x" : "") {\n\(text)\n}"
            block = block.dropLast()
        }
        return text
    }

    @Test(arguments: ItemCatalogue.items.map(\.path))
    func `every item takes its range's ends and nothing beyond`(path: String) throws {
        let item = try #require(ItemCatalogue.item(path))
        let (good, bad) = samples(of: item)
        for value in good {
            let errors = parse(file(path, value)).errors.filter { $0.contains(path + ":") }
                .filter {
                    !$0.contains("resource") && !$0.contains("type") && !$0.contains("cpu_id")
                }
            #expect(errors.isEmpty, "\(value)")
        }
        for value in bad {
            let conf = parse(file(path, value))
            // What does nothing may say what it wants; a note tells that it does nothing.
            let said = item.isInEffect ? conf.errors : conf.diagnostics.map(\.description)
            #expect(said.contains { $0.contains(path) }, "\(value)")
            #expect(item.isInEffect || conf.errors.filter { $0.contains(path + ":") }.isEmpty)
        }
    }

    private func samples(of item: ConfigurationItem) -> (good: [String], bad: [String]) {
        switch item.kind {
        case .integer(let range, _):
            let beyond = range.upperBound == .max ? [] : [String(range.upperBound + 1)]
            return (
                [String(range.lowerBound), String(range.upperBound)],
                [String(range.lowerBound - 1), "x", "", "1 2", "1.5", "0x10"] + beyond
            )
        case .integerOr(let range, let word):
            return (
                [String(range.lowerBound), String(range.upperBound), word],
                [String(range.lowerBound - 1), String(range.upperBound + 1), "\(word)s", ""]
            )
        case .flag: return (["", "on", "off"], ["yes", "on on"])
        case .onOff: return (["on", "OFF"], ["", "yes", "1"])
        case .choice(let words): return (words, ["", "no-such-word"])
        case .text: return (item.keyword == "driver" ? ["net_null0"] : [], [""])
        case .words(let words): return ([words.joined(separator: "|")].filter { !$0.isEmpty }, [""])
        case .integers(let range): return (["\(range.lowerBound)"], ["", "-1"])
        case .duration: return (["30s", "5", "1m30s"], ["", "s", "30 s", "-1s"])
        case .anything: return (["x"], [])
        }
    }

    @Test(arguments: [
        ("netif_defs.pktpool_size", "65536", 65535), ("netif_defs.pktpool_cache", "300", 256),
        ("ipvs_defs.conn.conn_pool_size", "2097152", 2_097_151),
        ("netif_defs.pktpool_size", "1048575", 1_048_575),
    ])
    func `numbers are rounded as DPVS rounds them`(path: String, written: String, read: Int) {
        #expect(parse(file(path, written)).settings.integer(path) == read)
    }

    @Test func `defaults are those of DPVS's code`() {
        let settings = Settings()
        #expect(settings.integer("netif_defs.pktpool_size") == 65535)
        #expect(settings.integer("ipvs_defs.conn.conn_pool_size") == 2_097_151)
        #expect(settings.integer("ipvs_defs.tcp.timeout.established") == 90)
        #expect(settings.integer("ipvs_defs.udp.timeout.normal") == 300)
        #expect(settings.integer("sa_pool.pool_hash_size") == 16)
        #expect(!settings.isOn("ipvs_defs.tcp.defence_tcp_drop"))
    }

    @Test func `changes that need a restart are named with both values, live ones are not`() {
        let old = parse("netif_defs { pktpool_size 65535 }\nneigh_defs { timeout 10 }").settings
        let new = parse(
            "netif_defs {\n pktpool_size 131071\n device dpdk0 {\n mtu 9000\n}\n}\nneigh_defs { timeout 20 }"
        )
        .settings
        #expect(
            old.restartRequired(toBecome: new) == [
                "netif_defs.pktpool_size: 65535 → 131071", "netif_defs.device dpdk0: added",
            ]
        )
        let mixed = old.takingLive(from: new)
        #expect(mixed.integer("neigh_defs.timeout") == 20)
        #expect(mixed.integer("netif_defs.pktpool_size") == 65535 && mixed.devices.isEmpty)
    }
}

@Suite struct DPVSConfMeaningTests {
    private let twoWorkers = """
        netif_defs {
            <init> device dpdk0 {
                rx {
                    queue_number        2
                }
            }
        }
        worker_defs {
            <init> worker cpu0 {
                type    master
                cpu_id  0
            }
            <init> worker cpu1 {
                type    slave
                cpu_id  1
                port    dpdk0 {
                    rx_queue_ids     0
                    tx_queue_ids     0
                }
            }
            <init> worker cpu2 {
                type    slave
                cpu_id  2
                port    dpdk0 {
                    rx_queue_ids     1
                    tx_queue_ids     1
                }
            }
        }
        """

    @Test func `worker blocks of DPVS give queues to CPUs`() {
        let conf = parse(twoWorkers)
        #expect(conf.errors.isEmpty)
        let plan = WorkerPlan(conf.settings, cpus: [0, 1, 2, 3])
        #expect(plan.main == (0, 0))
        #expect(plan.workers.map(\.cpu) == [1, 2])
        #expect(plan.workers.map { $0.receiveQueues["dpdk0"] } == [[0], [1]])
        #expect(plan.queues(of: "dpdk0") == (2, 2))
        #expect(plan.notes.isEmpty)
    }

    @Test func `CPUs that are not ours are replaced and said`() {
        let plan = WorkerPlan(parse(twoWorkers).settings, cpus: [4, 5])
        #expect(Set(plan.workers.map(\.cpu)).isSubset(of: [4, 5]))
        #expect(!plan.notes.isEmpty)
    }

    @Test func `without worker blocks one worker polls every device`() {
        let plan = WorkerPlan(
            parse("netif_defs { device a { driver net_null0 } }").settings,
            cpus: [0, 1]
        )
        #expect(plan.workers.count == 1 && plan.workers[0].cpu == 1)
        #expect(plan.workers[0].receiveQueues == ["a": [0]])
    }

    @Test(arguments: [
        ("rx_queue_ids     1", "rx_queue_ids     0", "used by"),
        ("rx_queue_ids     1", "rx_queue_ids     3", "without a gap"),
        ("cpu_id  2", "cpu_id  1", "too"), ("type    master", "type    slave", "master"),
        ("cpu_id  2", "", "missing"),
    ])
    func `workers that do not fit together are refused`(old: String, new: String, why: String) {
        let text = twoWorkers.replacing(old, with: new)
        #expect(parse(text).errors.contains { $0.contains(why) })
    }

    @Test func `a port that no worker polls is refused, as in DPVS`() {
        let other = "device dpdk1 { driver net_null1 }\n<init> device dpdk0 {"
        let text = twoWorkers.replacing("<init> device dpdk0 {", with: other)
        let errors = parse(text).errors
        #expect(errors.count == 1, "\(errors)")
        #expect(errors.first?.contains("dpdk1' is polled by no worker") == true, "\(errors)")
        let off = text.replacing("rx_queue_ids     1", with: "")
        #expect(parse(off).errors.count == 1, "a worker may poll nothing of a port")
    }

    @Test(arguments: [
        ("kni_name dpdk1.kni", "is the kernel companion of dpdk0, too"),
        ("kni_name sixteen-letters.", "cannot be the name of an interface of the kernel"),
        ("kni_name a/b", "cannot be the name of an interface of the kernel"),
        ("kni_name fifteen-letters", nil), ("kni_name dpdk1.kni\nkni_type off", nil),
    ])
    func `names of kernel companions are found to be wrong by check`(line: String, why: String?) {
        let text = """
            netif_defs {
                device dpdk0 { driver net_null0
                \(line)
                }
                device dpdk1 { driver net_null1 }
            }
            """
        let errors = parse("global_defs { kni on }\n" + text).errors
        #expect(errors.count == (why == nil ? 0 : 1), "\(errors)")
        if let why { #expect(errors.allSatisfy { $0.contains(why) }, "\(errors)") }
        #expect(parse("global_defs { kni off }\n" + text).errors == [])
    }

    @Test(arguments: [
        ("driver af_packet", "network driver"), ("pci 6:0.0", "PCI address"),
        ("interface eth1,queue=1", "name of an interface"),
        ("interface eth1\ndriver net_null0", "beside"),
        ("driver net_null0\npci 0000:06:00.0", "beside"),
    ])
    func `devices that cannot be are refused`(line: String, why: String) {
        let errors = parse("netif_defs {\n device a {\n \(line)\n}\n}").errors
        #expect(errors.contains { $0.contains(why) })
    }
}
