// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import Model
import Testing

@testable import IPVS

/// Command lines of documents and scripts, and what they ask for.
@Suite struct RequestTests {
    private static let web = "tcp 10.0.0.100:80"

    @Test(arguments: [
        ("-A -t 10.0.0.100:80 -s rr", "add tcp 10.0.0.100:80 rr"),
        ("-At 192.168.88.1:80", "add tcp 192.168.88.1:80 wlc"),
        ("-At [2001::1]:8080 -s wrr", "add tcp [2001::1]:8080 wrr"),
        ("-A -u 192.168.88.3:6000", "add udp 192.168.88.3:6000 wlc"),
        ("-A --udp-service=192.168.88.3:6000 --scheduler=lc", "add udp 192.168.88.3:6000 lc"),
        ("-A --sctp-service 192.168.88.3:6000", "add sctp 192.168.88.3:6000 wlc"),
        ("-A -q 192.168.88.3:0", "add icmp 192.168.88.3 wlc"),
        ("-A -1 [2001::1]:0", "add icmp 2001::1 wlc"),
        ("-A -f 1 -s rr -p 300", "add tcp fwmark 1 rr persistent 300"),
        ("-A -t 10.0.0.1:0 -p", "add tcp 10.0.0.1:all wlc persistent usual"),
        ("-At 10.0.0.1:80 -p -s rr", "add tcp 10.0.0.1:80 rr persistent usual"),
        ("-At 10.0.0.1:80 -p300", "add tcp 10.0.0.1:80 wlc persistent 300"),
        ("-At 10.0.0.1:80 --persistent=60", "add tcp 10.0.0.1:80 wlc persistent 60"),
        (
            "-Au 192.0.2.7:53 -s lc -p 300 -M 255.255.255.0",
            "add udp 192.0.2.7:53 lc persistent 300 mask 24"
        ),
        (
            "-Au [2001:db8::7]:53 -p 300 -M 64",
            "add udp [2001:db8::7]:53 wlc persistent 300 mask 64"
        ),
        ("-A -u 192.0.2.8:53 -s rr --ops", "add udp 192.0.2.8:53 rr ops"),
        ("-A -u 192.0.2.8:53 -so", "2 -s: 'o' is no scheduler"),
        (
            "-A -t [2001:db8::1]:80 -s mh -b mh-port,mh-fallback",
            "add tcp [2001:db8::1]:80 mh mh-fallback,mh-port"
        ),
        ("-A -t 192.0.2.80:443 -s conhash --hash-target sip", "add tcp 192.0.2.80:443 conhash sip"),
        (
            "-A -u 192.0.2.80:443 -s conhash --hash-target qid --quic",
            "add udp 192.0.2.80:443 conhash qid quic"
        ),
        (
            "-A -t 192.0.2.80:443 -s wlc --conn-timeout 60 --proxy-protocol v2 --expire-quiescent",
            "add tcp 192.0.2.80:443 wlc conn-timeout 60 pp proxy-v2 expire-quiescent"
        ),
        (
            "-At 10.0.0.1:80 --proxy-protocol V1-Insecure",
            "add tcp 10.0.0.1:80 wlc pp proxy-v1-insecure"
        ),
        (
            "-A -t 192.168.88.1:80 --dest-check default",
            "add tcp 192.168.88.1:80 wlc check default"
        ),
        (
            "-Et 192.168.88.1:80 --dest-check 3,3,3s,60-3600s",
            "edit tcp 192.168.88.1:80 check 3,3,3s,60-3600s"
        ),
        ("-Et 192.168.88.1:80 --dest-check 3,5s", "edit tcp 192.168.88.1:80 check 3,5s"),
        ("-Et 192.168.88.1:80 --dest-check disable", "edit tcp 192.168.88.1:80 check off"),
        (
            "-Et 192.168.88.1:80 --dest-check tcp",
            "1 --dest-check tcp is a check by another program"
        ),
        ("-Et 192.168.88.1:80 --dest-check udp --dest-check ping", "1 --dest-check udp"),
        ("-Et 192.168.88.1:80 --dest-check 3,5s --dest-check tcp", "1 --dest-check tcp"),
        (
            "-A -s rr -H proto=tcp,src-range=172.16.0.0-172.16.255.254,oif=dpdk1",
            "add tcp 172.16.0.0-172.16.255.254 → 0.0.0.0/0 on any → dpdk1 rr"
        ),
        (
            "-A -s rr -H proto=icmp,src-range=172.16.0.0-172.16.255.254,oif=dpdk1",
            "add icmp 172.16.0.0-172.16.255.254 → 0.0.0.0/0 on any → dpdk1 rr"
        ),
        ("-A -H af=ipv6,proto=icmpv6,iif=dpdk0", "add icmp ::/0 → ::/0 on dpdk0 → any wlc"),
        (
            "-A -H proto=udp,dst-range=[2001:db8::1-2001:db8::9]:53-53",
            "add udp ::/0 → [2001:db8::1-2001:db8::9]:53 wlc"
        ),
        (
            "-A -H proto=udp,dst-range=10.1.0.1-10.1.0.9:53,src-range=10.2.0.0-10.2.0.3:0-0",
            "add udp 10.2.0.0/30 → 10.1.0.1-10.1.0.9:53 wlc"
        ),
        ("-Dt 192.168.88.1:8080", "delete tcp 192.168.88.1:8080"),
        ("-D -t [2001::1]:80", "delete tcp [2001::1]:80"),
        ("-C", "clear"), ("--clear", "clear"), ("-Z", "zero"), ("-Zt 10.0.0.100:80", "zero \(web)"),
        ("-A -u 192.168.88.1:80 -j enable", "add udp 192.168.88.1:80 wlc"),
        ("-A -t [2001::1]:8080 -j enable", "1 -j enable: there is no SYN proxy here yet"),
        ("-A -t [2001::1]:8080 -j disable", "add tcp [2001::1]:8080 wlc"),
    ])
    func `services are made, changed and removed`(words: String, meaning: String) {
        #expect(Self.meaning(of: words).contains(meaning))
    }

    @Test(arguments: [
        ("-a -t 10.0.0.100:80 -r 192.168.100.2 -b", "server \(web) 192.168.100.2 fnat"),
        ("-a -t [2001::1]:80 -r 2001::3 -b", "server tcp [2001::1]:80 2001::3 fnat"),
        ("-a -t [2001::1]:80 -r 10.0.0.1 -b", "server tcp [2001::1]:80 10.0.0.1 fnat"),
        (
            "-at 192.168.88.1:80 -r 192.168.88.30:80 -b",
            "server tcp 192.168.88.1:80 192.168.88.30:80 fnat"
        ),
        (
            "-at 192.168.88.2:80 -r 192.168.88.151:80 -g -w 10",
            "server tcp 192.168.88.2:80 192.168.88.151:80 dr w 10"
        ),
        (
            "-au 192.168.88.3:6000 -r 192.168.88.151:6000 -i",
            "server udp 192.168.88.3:6000 192.168.88.151:6000 tunnel"
        ),
        (
            "-au 172.27.88.1:80 -r 192.168.88.151:6000 -m",
            "server udp 172.27.88.1:80 192.168.88.151:6000 nat"
        ),
        (
            "-a -H proto=tcp,src-range=172.16.0.0-172.16.255.254,oif=dpdk1 -r 192.168.10.2:0 -w 100 -J",
            "192.168.10.2:0 snat w 100"
        ),
        ("-a -f 1 -r 203.0.113.1 -g -w 1", "server tcp fwmark 1 203.0.113.1 dr w 1"),
        ("-at 10.0.0.100:80 -r [2001::3]:8080 -bw5", "server \(web) [2001::3]:8080 fnat w 5"),
        (
            "-at 10.0.0.100:80 -r10.0.1.2 -i --tun-type gue --tun-port 6080",
            "server \(web) 10.0.1.2 tunnel gue port 6080"
        ),
        ("-e -t 10.0.0.100:80 -r 192.168.100.2 -b -w 0", "change \(web) 192.168.100.2 fnat w 0"),
        (
            "-e -t 10.0.0.100:80 -r 192.168.100.2 -b -w 100 -x 20000 -y 18000",
            "change \(web) 192.168.100.2 fnat w 100 x 20000 y 18000"
        ),
        (
            "-dt 192.168.88.1:80 -r 192.168.88.30:80",
            "take tcp 192.168.88.1:80 192.168.88.30:80"
        ),
        ("-d -u 192.0.2.7:53 -r 203.0.113.8", "take udp 192.0.2.7:53 203.0.113.8"),
        (
            "--add-server --tcp-service=10.0.0.100:80 --real-server=10.0.1.2 --masquerading --weight=7",
            "server \(web) 10.0.1.2 nat w 7"
        ),
    ])
    func `real servers come, change and go`(words: String, meaning: String) {
        #expect(Self.meaning(of: words).contains(meaning))
    }

    @Test(arguments: [
        (
            "--add-laddr -z 192.168.100.200 -t 10.0.0.100:80 -F dpdk0",
            "local \(web) 192.168.100.200 on dpdk0"
        ),
        (
            "--add-laddr -z 2001::2 -t [2001::1]:80 -F dpdk0",
            "local tcp [2001::1]:80 2001::2 on dpdk0"
        ),
        (
            "-P -z 172.16.10.10 -u 10.0.0.100:80 -F dpdk0",
            "local udp 10.0.0.100:80 172.16.10.10 on dpdk0"
        ),
        (
            "-Pt 192.168.88.1:80 -z 192.168.88.241 -F dpdk0.102",
            "local tcp 192.168.88.1:80 192.168.88.241 on dpdk0.102"
        ),
        ("-Pu [2001::1]:80 -z 2001::1:12 -F dpdk0", "local udp [2001::1]:80 2001::1:12 on dpdk0"),
        (
            "-Qt 192.168.88.1:80 -z 192.168.88.241 -F dpdk0",
            "unlocal tcp 192.168.88.1:80 192.168.88.241 on dpdk0"
        ),
        ("-Pt 10.0.0.100:80 -z 10.0.1.200", "local \(web) 10.0.1.200"),
        ("-G", "locals"), ("-G -t [2001::2]:80", "locals tcp [2001::2]:80"),
        ("--get-laddr", "locals"),
        (
            "-U -t 192.168.88.1:80 -k 192.168.88.115",
            "add denied 192.168.88.115 of tcp 192.168.88.1:80"
        ),
        (
            "--add-blklst -t 192.168.88.1:80 -k ipset:denyset",
            "add denied ipset:denyset of tcp 192.168.88.1:80"
        ),
        (
            "-V -t 192.168.88.1:80 -k 192.168.88.115",
            "delete denied 192.168.88.115 of tcp 192.168.88.1:80"
        ),
        (
            "-O -t 192.168.88.1:80 -2 ipset:allowset",
            "add allowed ipset:allowset of tcp 192.168.88.1:80"
        ),
        (
            "--add-whtlst -u 192.168.88.1:80 -2 192.168.88.0",
            "add allowed 192.168.88.0 of udp 192.168.88.1:80"
        ),
        (
            "-Y -t 192.168.88.1:80 -2 ipset:allowset",
            "delete allowed ipset:allowset of tcp 192.168.88.1:80"
        ),
        ("-B", "clients denied"), ("-W", "clients allowed"),
    ])
    func `addresses of services come and go`(words: String, meaning: String) {
        #expect(Self.meaning(of: words).contains(meaning))
    }

    @Test(arguments: [
        ("", "list connections"), ("-ln", "list connections"), ("-Ln", "list connections"),
        ("-L -n", "list connections"), ("--list --numeric", "list connections"),
        ("-ln -t 192.168.88.1:80", "list connections tcp 192.168.88.1:80"),
        ("-lnt 192.168.88.1:80", "list connections tcp 192.168.88.1:80"),
        ("-ln -t [2001::2]:80", "list connections tcp [2001::2]:80"),
        ("-ln --stats", "list statistics"), ("-Ln --stats --exact", "list statistics exact"),
        ("-lnX", "list connections exact"), ("-ln --exact", "list connections exact"),
        ("-ln --rate", "list rates"), ("-ln --thresholds", "list thresholds"),
        ("-ln --persistent-conn", "list persistence"), ("-Ln --timeout", "list timeouts"),
        ("-L --daemon", "list daemons"), ("-Lnc", "table"), ("-lnc", "table"), ("-ln -c", "table"),
        ("-ln -c --sockpair tcp:192.168.88.115:50000:192.168.88.1:80", "table"),
        ("-ln --cpu 1", "list connections remark --cpu has no effect"),
        ("-ln --nosort", "list connections unsorted"), ("-S -n", "save"), ("-Sn", "save"),
        ("-ln --json", "list connections json"), ("--json", "list connections json"),
        ("--instance a -ln", "list connections"), ("-R", "restore"), ("--restore", "restore"),
        ("-h", "help"), ("-v", "version"), ("--version", "version"),
        ("--set 900 120 300", "nothing remark --set has no effect"),
        (
            "--start-daemon master --mcast-interface eth0 --syncid 7",
            "nothing remark --start-daemon has no effect"
        ),
        ("--start-daemon=backup", "nothing remark"), ("--stop-daemon master", "nothing remark"),
    ])
    func `lists are told apart`(words: String, meaning: String) {
        #expect(Self.meaning(of: words).hasPrefix(meaning))
    }

    @Test(arguments: [
        ("-A -t 192.168.0.89:80 -s -rr", "'-rr' is no scheduler, did you mean rr?"),
        ("-A -t 192.168.0.89:80 -r 10.140.18.33 -m", "-r does not go together with -A; -a adds"),
        ("-a -t 192.168.0.80:80 -r 192.168.0.115 -g -w l", "-w: 'l' is no number from 0 to 65535"),
        ("-A", "-A needs a service"), ("-A -t", "-t needs a value"),
        ("-A -t 10.0.0.1", "port 0, which is every port, needs persistence"),
        ("-A -t 10.0.0.1:80 -u 10.0.0.1:80", "-t and -u are two services"),
        ("-A -t 10.0.0.1:80 -t 10.0.0.2:80", "-t stands there twice"),
        ("-A -D -t 10.0.0.1:80", "-A and -D are two commands"),
        ("-t 10.0.0.1:80 -A", "-t stands before the command -A"),
        ("-n", "-n stands before the command"), ("-K", "there is no option -K"),
        ("--add-servic", "did you mean --add-service?"), ("--clear=1", "--clear takes no value"),
        ("-A -t 10.0.0.1:80 -s lblc", "there is no scheduler lblc here, mh or dh serves"),
        ("-A -t 10.0.0.1:99999", "has no port"), ("-A -t 10.0.0.300:80", "has no address"),
        ("-A -t 2001::1:80", "has no port"), ("-a -t 10.0.0.1:80", "-a needs -r HOST[:PORT]"),
        ("-a -t 10.0.0.1:80 -r 10.0.1.2 -g -b", "-g and -b do not go together"),
        ("-P -t 10.0.0.1:80", "-P needs -z ADDRESS"), ("-A -f 0", "'0' is no mark"),
        ("-A -t 10.0.0.1:80 -p 2678401", "no number from 1 to 2678400"),
        ("-A -t 10.0.0.1:80 -M 255.0.255.0", "is no mask"), ("-A -H proto=tcp", "needs src-range"),
        ("-A -H proto=gre,af=ipv4", "'proto=gre' is not understood"),
        ("-A -t 10.0.0.1:80 --proxy-protocol v3", "accepted: disable, v1, v2"),
        ("-Ln --stats --rate", "--stats and --rate do not go together"),
        ("-L extra", "'extra' belongs to no option"), ("-C -n", "-n does not go together with -C"),
        ("--set 900 120", "three numbers"), ("--start-daemon slave", "needs master or backup"),
        ("-q [2001::1]:0 -A", "-q stands before"), ("-A -q [2001::1]:0", "is no IPv4 address"),
        ("-At 10.0.0.1:80 --dest-check 0,5s", "is not understood; accepted"),
    ])
    func `a mistake is named, and the program ends with 2`(words: String, says: String) {
        let meaning = Self.meaning(of: words)
        #expect(meaning.hasPrefix("2 ") && meaning.contains(says), "\(meaning)")
    }

    /// The request in a few words: for a complaint its status comes first.
    private static func meaning(of words: String) -> String {
        do throws(Complaint) {
            let request = try Request(words.split(separator: " ").map(String.init))
            return request.meaning
        } catch {
            return "\(error.status.rawValue) \(error)"
        }
    }
}

extension Request {
    fileprivate var meaning: String {
        var words = [action.meaning]
        if isExact { words.append("exact") }
        if isUnsorted { words.append("unsorted") }
        if isJSON { words.append("json") }
        return (words + remarks.map { "remark \($0)" }).joined(separator: " ")
    }
}

extension Request.Action {
    fileprivate var meaning: String {
        let named = { (word: String, key: Service.Key?) in key.map { "\(word) \($0)" } ?? word }
        return switch self {
        case .change(let change): change.meaning
        case .list(let view, let key): named("list \(view)", key)
        case .connections: "table"
        case .localAddresses(let key): named("locals", key)
        case .clientLists(let list): "clients \(list)"
        case .zero(let key): named("zero", key)
        case .save: "save"
        case .restore: "restore"
        case .help: "help"
        case .version: "version"
        case .nothing: "nothing"
        }
    }
}

extension ServiceChange {
    fileprivate var meaning: String {
        switch self {
        case .addService(let key, let options): "add \(key) \(options.meaning)"
        case .editService(let key, let options): "edit \(key) \(options.meaning)"
        case .deleteService(let key): "delete \(key)"
        case .clear: "clear"
        case .addClient(let key, let list, let client): "add \(list) \(client.tool) of \(key)"
        case .deleteClient(let key, let list, let client):
            "delete \(list) \(client.tool) of \(key)"
        case .addServer(let key, let options): "server \(key) \(options.meaning)"
        case .editServer(let key, let options): "change \(key) \(options.meaning)"
        case .deleteServer(let key, let options): "take \(key) \(options.meaning)"
        case .addLocalAddress(let key, let address, let interface):
            "local \(key) \(address)\(interface.map { " on \($0)" } ?? "")"
        case .deleteLocalAddress(let key, let address, let interface):
            "unlocal \(key) \(address)\(interface.map { " on \($0)" } ?? "")"
        }
    }
}

extension ServiceOptions {
    fileprivate var meaning: String {
        var words: [String] = []
        if let scheduler { words.append(scheduler.rawValue) }
        if let flags = schedulerFlags {
            words.append(flags.map(\.rawValue).sorted().joined(separator: ","))
        }
        if let hashTarget { words.append(hashTarget.rawValue) }
        switch persistence {
        case .usual: words.append("persistent usual")
        case .exactly(let seconds): words.append("persistent \(seconds)")
        case nil: break
        }
        if let mask { words.append("mask \(mask)") }
        if isOnePacket { words.append("ops") }
        if let connectionTimeout { words.append("conn-timeout \(connectionTimeout)") }
        if let clientAddress { words.append("pp \(clientAddress?.rawValue ?? "off")") }
        if expiresQuiescent { words.append("expire-quiescent") }
        if readsQUIC { words.append("quic") }
        switch destCheck {
        case .on(let check): words.append("check \(check.words)")
        case .off: words.append("check off")
        case nil: break
        }
        return words.joined(separator: " ")
    }
}

extension ServerOptions {
    fileprivate var meaning: String {
        var words = [port.map { "\(Endpoint(address, $0))" } ?? "\(address)"]
        if let mode { words.append(mode.rawValue) }
        if let tunnel { words.append("\(tunnel)") }
        if let weight { words.append("w \(weight)") }
        if let maxConnections { words.append("x \(maxConnections)") }
        if let minConnections { words.append("y \(minConnections)") }
        return words.joined(separator: " ")
    }
}
