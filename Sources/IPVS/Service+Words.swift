// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

/// What `ipvsadm` calls services and their options.
extension Service.Key {
    /// The first word of a line.
    var family4: String {
        switch selector {
        case .match: return "MATCH"
        case .mark: return "FWM"
        case .destination:
            switch `protocol` {
            case .tcp: return "TCP"
            case .udp: return "UDP"
            case .sctp: return "SCTP"
            case .icmp: return family == .ipv6 ? "ICMPv6" : "ICMP"
            }
        }
    }

    /// `TCP  10.0.0.1:80`, `FWM  7`, `MATCH tcp,from=10.1.0.0-10.1.255.254:0-0,oif=dpdk1`.
    var line: String { "\(family4.padded(4)) \(place)" }

    /// The virtual address and port, a mark, or a match.
    var place: String {
        switch selector {
        case .destination(let prefix, let ports):
            let address = prefix.isHost ? "\(prefix.address)" : "\(prefix)"
            let port = ports == .all ? "0" : "\(ports)"
            return family == .ipv6 ? "[\(address)]:\(port)" : "\(address):\(port)"
        case .mark(let mark): return "\(mark)"
        case .match(let match): return words(of: match)
        }
    }

    private func words(of match: TrafficMatch) -> String {
        var words = [`protocol` == .icmp && family == .ipv6 ? "icmpv6" : `protocol`.rawValue]
        let sides = [
            ("from", match.source, match.sourcePorts), ("to", match.destination, match.ports),
        ]
        for (name, addresses, ports) in sides
        where addresses != .any(addresses.family) || ports != .all {
            words.append("\(name)=\(Self.range(addresses, ports))")
        }
        if let interface = match.inputInterface { words.append("iif=\(interface)") }
        if let interface = match.outputInterface { words.append("oif=\(interface)") }
        return words.joined(separator: ",")
    }

    private static func range(_ addresses: AddressRange, _ ports: PortRange) -> String {
        let ports = ports == .all ? "0-0" : "\(ports.first)-\(ports.last)"
        return addresses.family == .ipv6
            ? "[\(addresses.first)]-[\(addresses.last)]:\(ports)"
            : "\(addresses.first)-\(addresses.last):\(ports)"
    }

    /// The option by which a command line names it.
    var option: String {
        switch selector {
        case .mark(let mark): return "-f \(mark)"
        case .match(let match):
            var words = [
                "proto=" + (words(of: match).split(separator: ",").first.map(String.init) ?? "tcp")
            ]
            if match.source == .any(family), match.destination == .any(family) {
                words.append("af=\(family.rawValue)")
            }
            let sides = [
                ("src-range", match.source, match.sourcePorts),
                ("dst-range", match.destination, match.ports),
            ]
            for (name, addresses, ports) in sides
            where addresses != .any(addresses.family) || ports != .all {
                words.append("\(name)=\(Self.range(addresses, ports))")
            }
            if let interface = match.inputInterface { words.append("iif=\(interface)") }
            if let interface = match.outputInterface { words.append("oif=\(interface)") }
            return "-H " + words.joined(separator: ",")
        case .destination:
            switch `protocol` {
            case .tcp: return "-t \(place)"
            case .udp: return "-u \(place)"
            case .sctp: return "--sctp-service \(place)"
            case .icmp: return (family == .ipv6 ? "-1 " : "-q ") + place
            }
        }
    }
}

extension Service {
    /// Behind the scheduler, in the order of DPVS.
    var flagWords: [String] {
        var words: [String] = []
        if let target = schedulerOptions.hashTarget { words.append(target.rawValue) }
        if let persistence {
            words.append("persistent \(persistence.timeout.components.seconds)")
            words += maskWords.map { "mask \($0)" }
        }
        if isOnePacket { words.append("ops") }
        let flags = schedulerOptions.flags.map(\.rawValue).sorted()
        if !flags.isEmpty { words.append("(\(flags.joined(separator: ",")))") }
        if let timeout = connectionTimeout {
            words.append("conn-timeout \(timeout.components.seconds)")
        }
        if let version = clientAddress?.proxyVersion { words.append("pp\(version)") }
        if protection.expiresQuiescent { words.append("expire-quiescent") }
        if quic?.namesAddresses == true { words.append("quic") }
        if let check = protection.destCheck { words.append("dest-check internal:\(check.words)") }
        return words
    }

    /// The mask of persistence when it is not that of one client.
    var maskWords: [String] {
        guard let persistence else { return [] }
        if key.family == .ipv6 { return persistence.maskV6 == 128 ? [] : ["\(persistence.maskV6)"] }
        guard persistence.mask != 32 else { return [] }
        let bits: UInt32 = persistence.mask == 0 ? 0 : .max << UInt32(32 - persistence.mask)
        return ["\(IPv4Address(rawValue: bits))"]
    }
}

extension ClientAddressMode {
    /// The word of `--proxy-protocol`; nil: another way, or none.
    var proxyVersion: String? {
        switch self {
        case .proxyV1: "v1"
        case .proxyV2: "v2"
        case .proxyV1Insecure: "v1-insecure"
        case .proxyV2Insecure: "v2-insecure"
        case .none, .toa, .uoa, .uoaOption: nil
        }
    }
}

extension DestCheck {
    /// `default`, `3,5s` or `1,1,3s,5-3600s`.
    var words: String {
        if self == DestCheck() { return "default" }
        let wait = "\(downWait.components.seconds)s"
        guard let inhibit else { return "\(downNotice),\(wait)" }
        let times =
            "\(inhibit.lowerBound.components.seconds)-\(inhibit.upperBound.components.seconds)s"
        return "\(downNotice),\(upNotice),\(wait),\(times)"
    }
}
