// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import Testing

@testable import NetworkCommands

/// Splits a line as a shell does that has only blanks, quotes and comments.
func shellWords(_ line: String) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    for character in line {
        if let open = quote {
            if character == open { quote = nil } else { word = (word ?? "") + String(character) }
        } else if character == "'" || character == "\"" {
            quote = character
            word = word ?? ""
        } else if character == "#", word == nil {
            break
        } else if character == " " {
            if let done = word { words.append(done) }
            word = nil
        } else {
            word = (word ?? "") + String(character)
        }
    }
    return words + (word.map { [$0] } ?? [])
}

func invocation(_ line: String) throws -> Invocation {
    let words = shellWords(line)
    return try Invocation(words.first == "dpip" ? Array(words.dropFirst()) : words)
}

/// Command lines of documents and scripts of DPVS.
@Suite struct CorpusTests {
    @Test(arguments: [
        "addr add 10.0.0.100/32 dev dpdk1", "addr add 2001::1/128 dev dpdk1",
        "addr add 2001::1 dev dpdk0", "addr add 192.168.10.2/24 dev dpdk1 sapool",
        "addr del 192.168.88.12/24 dev dpdk0", "addr flush dev dpdk0", "addr show", "addr show -s",
        "addr show dev dpdk0 -v", "route add 10.0.0.0/16 dev dpdk1",
        "route add default via 192.168.10.3 dev dpdk1",
        "route add default via 10.140.31.254 src 10.140.16.48 dev dpdk0",
        "route add 192.168.100.28/32 scope kni_host dev dpdk0",
        "route add 203.0.113.9/32 src 198.51.100.1 dev dpdk0", "route -6 add 2001::/64 dev dpdk1",
        "-6 route show", "route -6 show", "route show", "route del 10.0.0.0/16 dev dpdk1",
        "route flush dev dpdk0", "neigh show",
        "neigh add 192.168.88.215 lladdr a0:36:9f:74:ec:f0 dev dpdk0",
        "neigh del 192.168.88.215 lladdr a0:36:9f:74:ec:f0 dev dpdk0", "link show",
        "link show dpdk0", "link show -s", "link show dpdk0 -s -i 1 -C",
        "link show dpdk0 -s -C -i 1",
        "link show dpdk0 -i 1 -C -s", "link show cpu", "link show bond0 status",
        "link set dpdk0 tc-egress on", "link set dpdk0 tc-ingress off",
        "link set dpdk0 forward2kni on", "link set dpdk0 link up", "link set bond0 bond-mode 4",
        "vlan add dpdk0.100 link dpdk0 proto 802.1q id 100",
        "vlan add link dpdk0 proto 802.1q id 101", "vlan add link bond1 id 103",
        "vlan add dpdk0.102 link dpdk0 id 102", "vlan help",
        "tunnel add mode ipip ipip1 local 1.1.1.1 remote 2.2.2.2",
        "tunnel add gre1 mode gre local 1.1.1.1 remote 2.2.2.2 dev dpdk0", "tunnel show",
        "tunnel del gre1", "qsch add dev dpdk0 root pfifo_fast",
        "qsch add dev dpdk0 ingress pfifo limit 65536",
        "qsch add dev dpdk0 handle 1: parent root tbf rate 10m burst 10000 latency 2ms",
        "qsch add dev dpdk0 handle 2:0 parent root tbf rate 80m burst 80000 latency 2ms peakrate 100m mtu 20000",
        "qsch add dev dpdk0 handle 10: parent 1: tbf rate 800k burst 4000 peakrate 1m mtu 2000 limit 8000",
        "qsch add dev dpdk0 handle 2: parent ingress bfifo limit 100000",
        "qsch change dev dpdk0 root tbf rate 800m burst 800000 latency 1ms", "qsch show dev dpdk0",
        "qsch show dev dpdk0 handle 10: -s", "qsch -s show dev dpdk0 handle  1:",
        "qsch del dev dpdk0 ingress",
        "cls add dev dpdk0 qsch root match pattern 'tcp,oif=dpdk0' target 1:",
        "cls add dev dpdk0 qsch ingress handle 1:1 pkttype ipv4 prio 100 ipset match foo,dst target drop",
        "cls add dev dpdk0 qsch ingress handle 1:2 pkttype ipv6 ipset prio 101 match bar,dst target drop",
        "cls add dev dpdk0 pkttype ipv6 qsch ingress match pattern 'icmp6,from=2001::-2001::ff,iif=dpdk0' target drop",
        "cls show dev dpdk0 qsch root", "cls -v show dev dpdk0 qsch root handle 8001:",
        "cls del dev dpdk0 qsch ingress handle 1:1",
        "ipset create foo bitmap:ip range 192.168.0.0/16",
        "ipset create foo bitmap:port range 0-65535",
        "ipset create foo bitmap:ip,mac range 192.168.0.0/16", "ipset create foo hash:ip comment",
        "ipset -6 create bar hash:ip hashsize 128 maxelem 4096",
        "ipset create foo hash:net,port,iface",
        "ipset add foo 10.100.100.100 comment a-single-address",
        "ipset add foo 192.168.1.1,12:34:56:78:9A:BC", "ipset add foo 192.168.1.0/30,tcp:80-82",
        "ipset add foo 172.27.20.20-172.27.20.21,80-82", "ipset add foo 192.168.0.100/30 nomatch",
        "ipset add foo 192.168.1.16/30,tcp:8080-8082,192.168.2.100-192.168.2.105 comment a-test-range",
        "ipset del foo 192.168.1.18/31,tcp:8081,192.168.2.101",
        "ipset test foo 192.168.1.0,upd:80", "ipset -v test foo 192.168.1.1,tcp:81",
        "-v ipset list foo", "ipset show", "ipset flush foo", "ipset destroy foo",
        "lldp show neigh dev dpdk0", "flow add type kni dev dpdk0 192.168.88.28",
        "flow show type kni dev dpdk0", "iftraf enable dev dpdk0", "iftraf show dev dpdk0",
        "maddr show dev dpdk0 -v", "eal-mem show pool", "ipv6 show",
    ])
    func `command lines of the field are understood`(line: String) throws {
        let command = try invocation("dpip " + line).command
        #expect(command != .usage && command != .version)
    }

    @Test func `keywords and options come in any order`() throws {
        let usual = try invocation("dpip tunnel add t1 mode gre remote 2.2.2.2 local 1.1.1.1 key 7")
        let other = try invocation("tunnel add key 7 local 1.1.1.1 mode gre t1 remote 2.2.2.2")
        #expect(usual == other)
        for line in ["-6 route show", "route -6 show", "route show -6", "route show -f inet6"] {
            let read = try invocation(line)
            #expect(read.options.family == .ipv6 && read.command == .route(.show(device: nil)))
        }
        let options = try invocation("link show dpdk0 -sC -i2 --count=3 --js").options
        #expect(options.wantsStatistics && options.isColoured && options.isJSON)
        #expect(options.interval == 2 && options.count == 3)
    }

    @Test(arguments: [
        ("l s", "link show"), ("a", "addr"), ("r l", "route list"), ("addr d 10.0.0.1 dev x", nil),
        ("n s", "neigh show"), ("address show", "addr show"), ("tun sh", "tunnel show"),
        ("eal show pools", "eal-mem show pool"), ("f s", "flow show"),
    ])
    func `the beginning of a word is enough`(short: String, long: String?) throws {
        guard let long else {
            let read = try invocation(short).command
            guard case .address(.del) = read else {
                Issue.record("\(read)")
                return
            }
            return
        }
        #expect(try invocation(short) == invocation(long))
    }

    @Test func `a command line without a command is answered with help`() throws {
        #expect(try invocation("dpip").command == .usage)
        #expect(try invocation("dpip -h").command == .usage)
        #expect(try invocation("dpip link").command == .help(.link, isAsked: false))
        #expect(try invocation("dpip link -h").command == .help(.link, isAsked: true))
        #expect(try invocation("dpip -V").command == .version)
        for object in DPIPObject.allCases {
            #expect(
                try invocation("\(object.rawValue) help").command == .help(object, isAsked: true)
            )
            #expect(Help.text(of: object).contains("dpip \(object.rawValue) "))
        }
    }

    @Test func `values are read as they are meant`() throws {
        guard
            case .scheduler(let bucket) = try invocation(
                "qsch add dev d handle 10: parent 1: tbf rate 800k burst 4000 peakrate 1m mtu 2000 limit 8000"
            )
            .command
        else { throw UsageError("no qsch") }
        #expect(bucket.handle?.description == "10:" && bucket.handle?.major == 0x10)
        #expect(
            bucket.kind
                == .tokenBucket(
                    .init(
                        rate: 800_000,
                        burst: 4000,
                        limit: .octets(8000),
                        peak: .init(rate: 1_000_000, burst: 2000)
                    )
                )
        )
        guard
            case .classifier(let found) = try invocation(
                "cls add dev d qsch ingress ipset prio 101 match bar,dst target drop pkttype ipv6"
            )
            .command
        else { throw UsageError("no cls") }
        #expect(found.kind == .set("bar", isDestination: true) && found.priority == 101)
        #expect(found.target == .drop && found.scheduler == .ingress)
        let pattern = try TrafficPattern("tcp,from=10.0.0.1-10.0.0.9:80-90,to=[2001:db8::1]:22")
        #expect(pattern.source?.ports == 80...90 && pattern.destination?.ports == 22...22)
        #expect(pattern.source?.last == IPAddress("10.0.0.9"))
        guard
            case .set(.test(_, let entry)) = try invocation(
                "ipset test foo 192.168.1.0,upd:80,80-82,12:34:56:78:9a:bc"
            )
            .command
        else { throw UsageError("no ipset") }
        #expect(entry.parts[1] == .text("upd:80") && entry.parts[2] == .ports(nil, 80...82))
        #expect(entry.parts[3] == MACAddress("12:34:56:78:9a:bc").map { .mac($0) })
    }

    @Test(arguments: [
        ("foo show", "there is no object 'foo'; objects are link, addr,"),
        ("lnk show", "did you mean 'link'?"),
        ("neigh flush", "neigh flush is not supported; commands are show, add, del"),
        ("link shwo", "did you mean 'show'?"), ("addr add dev dpdk0", "the address is missing"),
        ("addr add 10.0.0.1/24", "the device (dev NAME) is missing"),
        ("addr add 10.0.0.1/33 dev x", "'10.0.0.1/33' is not an address"),
        ("addr add 10.0.0.1 dev x scoep link", "did you mean 'scope'?"),
        ("route add 10.0.0.0/8 via gw", "'gw' is not a value of via; accepted: an address"),
        ("route add -6 10.0.0.0/8 dev x", "is not of the family"),
        ("link set dpdk0 promisc yes", "accepted: on, off"),
        ("link set dpdk0 bond-mode 7", "accepted: 0...6"),
        ("vlan add link dpdk0 id 4095", "accepted: 1...4094"),
        ("tunnel add t1 remote 1.1.1.1", "mode ipip, mode gre"),
        ("qsch add dev x root pfifo rate 1m", "'rate' is not for pfifo"),
        ("qsch add dev x root tbf rate 1m burst 10 latency 2 limit 3", "one of latency and limit"),
        ("cls add dev x match pattern 'tpc,iif=a' target drop", "did you mean 'tcp'?"),
        ("ipset create foo hash:mac", "there is no type 'hash:mac'"),
        ("ipset create foo bitmap:ip", "the range of a bitmap"),
        ("link show -c 3", "-c needs -i"), ("link show -i 0", "accepted: 1...1000000"),
        ("link show -x", "there is no option -x"), ("link show --sta=1", "takes no value"),
        ("link show dpdk0 dpdk1", "'dpdk1' is one word too many"),
        ("eal-mem show", "seg, ring, zone, pool"), ("lldp show", "local or neigh"),
    ])
    func `what is wrong is said, with what is accepted`(line: String, part: String) throws {
        let error = try #require(throws: UsageError.self) { try invocation(line) }
        #expect(error.description.contains(part), "\(error)")
    }
}
