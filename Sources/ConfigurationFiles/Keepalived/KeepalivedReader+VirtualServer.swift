// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

/// What a virtual server says, before it is known which services it makes.
struct VirtualServerDraft {
    /// What it is, without addresses and backends.
    var template: Service
    var checks = CheckTiming()
    var hasProtocol = false
    var hasMode = false
    var persistence: Persistence?
    var isPersistent = false
    var granularity: Int?
    var sourceRange: (AddressRange, PortRange)?
    var destinationRange: (AddressRange, PortRange)?
    var inputInterface: String?
    var outputInterface: String?
    var realServers: [Statement] = []
}

/// What checkers take from the real server, and that from the virtual server.
struct CheckTiming {
    var delayLoop: Duration?
    var retry: Int?
    var delayBeforeRetry: Duration?
    var connectTimeout: Duration?
    var alpha = false
    var virtualHost: String?

    /// Takes a statement when it is one of these.
    mutating func take(_ statement: Statement) -> Bool {
        switch statement.keyword {
        case "delay_loop": delayLoop = statement.seconds ?? delayLoop
        case "retry", "nb_get_retry", "nb_sock_retry": retry = statement.number ?? retry
        case "delay_before_retry": delayBeforeRetry = statement.seconds ?? delayBeforeRetry
        case "connect_timeout": connectTimeout = statement.seconds ?? connectTimeout
        case "alpha": alpha = statement.flag ?? true
        case "virtualhost": virtualHost = statement.values.first?.text ?? virtualHost
        // Probes that begin together do not stay together anyway.
        case "warmup", "log_all_failures", "smtp_alert": break
        default: return false
        }
        return true
    }
}

extension KeepalivedReader {
    mutating func readVirtualServer(_ statement: Statement) {
        let owner = Owner.file(statement.location.file)
        let key = Service.Key(.mark(1), .udp)
        var draft = VirtualServerDraft(
            template: Service(key: key, name: "", mode: .nat, scheduler: .wlc, owner: owner)
        )
        draft.template.protection.healthPanic = .serveNone
        for line in statement.children ?? [] {
            if draft.checks.take(line) { continue }
            take(line, into: &draft)
        }
        if !draft.hasProtocol {
            report(.warning, statement, "names no protocol, so it is UDP")
        }
        if !draft.hasMode {
            report(.warning, statement, "names no lb_kind, so it is NAT")
        }
        let words = statement.values.map(\.text)
        switch words.first {
        case nil:
            report(.error, statement, "has no address", nil, "IP PORT, fwmark, group or match")
        case "match": makeMatch(words.dropFirst().first ?? "match", draft, statement)
        case "group":
            let name = words.dropFirst().first ?? ""
            guard let entries = serverGroups[name] else {
                return report(.error, statement, "names a group that is not there", name)
            }
            for entry in entries { make(entry, draft, statement) }
        default:
            let line = Statement(
                keyword: words[0],
                location: statement.values[0].location,
                values: Array(statement.values.dropFirst())
            )
            for entry in readEntries(line) { make(entry, draft, statement) }
        }
    }

    // MARK: - Lines

    private mutating func take(_ line: Statement, into draft: inout VirtualServerDraft) {
        let word = line.values.first?.text ?? ""
        switch line.keyword {
        case "protocol":
            draft.hasProtocol = true
            let name = word.lowercased() == "icmpv6" ? "icmp" : word.lowercased()
            guard let transport = TransportProtocol(rawValue: name) else {
                return report(.error, line, "is no protocol", word, "TCP, UDP, SCTP, ICMP")
            }
            draft.template.key = Service.Key(.mark(1), transport)
        case "lb_algo", "lvs_sched": takeScheduler(word, line, &draft)
        case "lb_kind", "lvs_method":
            draft.hasMode = true
            takeMode(word, line, &draft)
        case "real_server": draft.realServers.append(line)
        case "persistence_timeout": takePersistence(line, &draft)
        case "persistence_granularity":
            draft.granularity = Self.length(ofMask: word)
            if draft.granularity == nil { report(.warning, line, "is no mask", word) }
        case "laddr_group_name":
            guard let group = localGroups[word] else {
                return report(.warning, line, "names a local_address_group that is not there", word)
            }
            draft.template.localAddresses += group
        case "daddr_group_name":
            guard let group = denyGroups[word] else {
                return report(.warning, line, "names a deny_address_group that is not there", word)
            }
            draft.template.access.deny += group
        case "waddr_group_name":
            guard let group = allowGroups[word] else {
                return report(
                    .warning,
                    line,
                    "names an allow_address_group that is not there",
                    word
                )
            }
            draft.template.access.allow += group
        case "src-range": draft.sourceRange = readRange(line)
        case "dst-range": draft.destinationRange = readRange(line)
        default: takeOption(line, word, into: &draft)
        }
    }

    private mutating func takeOption(
        _ line: Statement,
        _ word: String,
        into draft: inout VirtualServerDraft
    ) {
        switch line.keyword {
        case "ops": draft.template.isOnePacket = line.flag ?? true
        case "mh-port", "sh-port", "mh-fallback", "sh-fallback":
            if let flag = SchedulerOptions.Flag(rawValue: line.keyword) {
                draft.template.schedulerOptions.flags.insert(flag)
            }
        case "flag-1", "flag-2":
            let isFirst = line.keyword == "flag-1"
            let flags: [SchedulerOptions.Flag] =
                isFirst ? [.shFallback, .mhFallback] : [.shPort, .mhPort]
            draft.template.schedulerOptions.flags.formUnion(flags)
        case "hash_target":
            draft.template.schedulerOptions.hashTarget = .init(rawValue: word)
        case "establish_timeout": draft.template.connectionTimeout = line.seconds
        case "proxy_protocol":
            draft.template.clientAddress =
                word == "disable" ? nil : ClientAddressMode(rawValue: "proxy-" + word)
        case "expire_quiescent_conn": draft.template.protection.expiresQuiescent = line.flag ?? true
        case "limit_proportion":
            if let share = line.number, Protection.packetShares.contains(share), share < 100 {
                draft.template.protection.packetShare = share
            }
        case "quic": draft.template.quic = QUICOptions(namesAddresses: true)
        case "iif", "oif", "ip_family", "nat_mask", "inhibit_on_failure", "snmp_name", "name",
            "hashed", "persistence_engine", "vip_bind_dev":
            takeInterface(line, word, &draft)
        default: takeOther(line)
        }
    }

    private func takeInterface(
        _ line: Statement,
        _ word: String,
        _ draft: inout VirtualServerDraft
    ) {
        switch line.keyword {
        case "iif": draft.inputInterface = word
        case "oif": draft.outputInterface = word
        default: break
        }
    }

    /// Words that have no effect here, and why; and words that nobody knows.
    private mutating func takeOther(_ line: Statement) {
        let reasons: [String: String] = [
            "quorum_up": "runs nothing: announce_on in dpvs.conf puts addresses on an interface",
            "quorum_down": "runs nothing: announce_on in dpvs.conf takes addresses away",
            "omega": "has no effect: no command runs at the end",
            "sorry_server": "has no effect: without a backend clients are refused",
            "sorry_server_inhibit": "has no effect",
            "sorry_server_lvs_method": "has no effect",
            "hysteresis": "has no effect", "ha_suspend": "has no effect",
            "bps": "has no effect, as in DPVS", "flag-3": "has no effect",
            "syn_proxy": "has no effect for a single service: synproxy of dpvs.conf is for all",
        ]
        if line.keyword == "quorum" {
            if (line.number ?? 1) > 1 {
                report(.notInEffect, line, "is 1 here", line.values.first?.text)
            }
        } else if let reason = reasons[line.keyword] {
            if line.keyword == "hysteresis", line.number == 0 { return }
            report(.notInEffect, line, reason)
        } else {
            warnUnknown(line, "a keyword of virtual_server", KeepalivedWords.virtualServer)
        }
    }

    private mutating func takeScheduler(
        _ word: String,
        _ line: Statement,
        _ draft: inout VirtualServerDraft
    ) {
        if let kind = SchedulerKind(rawValue: word) {
            draft.template.scheduler = kind
            return
        }
        let other: SchedulerKind = word == "ovf" ? .fo : word.hasPrefix("lblc") ? .dh : .wlc
        draft.template.scheduler = other
        let known = SchedulerKind.allCases.map(\.rawValue)
        report(
            .warning,
            line,
            "is no scheduler of dpvs: \(other.rawValue) takes its place",
            word,
            suggestion: SchedulerKind.alternatives[word] == nil ? nearest(to: word, in: known) : nil
        )
    }

    private mutating func takeMode(
        _ word: String,
        _ line: Statement,
        _ draft: inout VirtualServerDraft
    ) {
        switch word.uppercased() {
        case "NAT": draft.template.mode = .nat
        case "DR": draft.template.mode = .dr
        case "FNAT": draft.template.mode = .fnat
        case "SNAT": draft.template.mode = .snat
        case "TUN":
            draft.template.mode = .tunnel
            draft.template.tunnel = readTunnelKind(line)
        default: report(.error, line, "is no forwarding method", word, "NAT, DR, TUN, FNAT, SNAT")
        }
    }

    /// `TUN type gue port 6080 nocsum`.
    private mutating func readTunnelKind(_ line: Statement) -> Tunnel? {
        let words = line.values.map(\.text)
        guard let place = words.firstIndex(of: "type"), place + 1 < words.count else { return nil }
        guard let kind = Tunnel.Kind(rawValue: words[place + 1]) else {
            report(.error, line, "is no kind of tunnel", words[place + 1], "ipip, gue, gre")
            return nil
        }
        var tunnel = Tunnel(kind: kind)
        if let place = words.firstIndex(of: "port"), place + 1 < words.count {
            tunnel.port = UInt16(words[place + 1])
        }
        tunnel.hasChecksum = words.contains("csum")
        return tunnel
    }

    private mutating func takePersistence(_ line: Statement, _ draft: inout VirtualServerDraft) {
        draft.isPersistent = true
        guard let word = line.values.first?.text else {
            draft.persistence = Persistence()
            return
        }
        guard let time = line.seconds, time <= Persistence.longest else {
            return report(.warning, line, "is out of range", word, "1...2678400 seconds")
        }
        // Three public files write 0 and mean none.
        draft.persistence = time > .zero ? Persistence(timeout: time) : nil
    }

    /// The length of `255.255.255.0`, or of IPv6 a number.
    private static func length(ofMask text: String) -> Int? {
        if let length = Int(text) { return (1...128).contains(length) ? length : nil }
        guard let mask = IPAddress(text)?.ipv4?.rawValue, mask != 0 else { return nil }
        let length = (~mask).leadingZeroBitCount
        return ~mask & (~mask &+ 1) == 0 ? length : nil
    }

    /// `A-B[:PORT-PORT]`.
    private mutating func readRange(_ line: Statement) -> (AddressRange, PortRange)? {
        let text = line.values.first?.text ?? ""
        var addresses = text
        var ports = PortRange.all
        let isBracketed = text.contains("]")
        if let colon = text.lastIndex(of: ":"),
            isBracketed || text.filter({ $0 == ":" }).count == 1
        {
            let words = text[text.index(after: colon)...]
            if let range = PortRange(words) {
                ports = range
                addresses = String(text[..<colon])
            }
        }
        addresses = addresses.filter { $0 != "[" && $0 != "]" }
        guard let range = AddressRange(addresses) else {
            report(.error, line, "is no range of addresses", text, "IP-IP:PORT-PORT")
            return nil
        }
        return (range, ports)
    }
}
