// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Model

/// What `-H` and `--dest-check` say.
extension Value {
    /// `proto=tcp,src-range=10.1.0.0-10.1.255.254:1024-65535,oif=dpdk1`.
    static func match(_ text: String) throws(Complaint) -> Service.Key {
        var transport = TransportProtocol.tcp
        var family: AddressFamily?
        var source: (AddressRange?, PortRange)?
        var destination: (AddressRange?, PortRange)?
        var interfaces: (input: String?, output: String?) = (nil, nil)
        for item in text.split(separator: ",") {
            let parts = item.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw misfit(String(item)) }
            switch parts[0] {
            case "proto":
                guard let known = protocols[parts[1]] else { throw misfit(String(item)) }
                transport = known.transport
                family = known.family ?? family
            case "af":
                guard let known = families[parts[1]] else { throw misfit(String(item)) }
                family = known
            case "src-range", "from": source = try range(parts[1])
            case "dst-range", "to": destination = try range(parts[1])
            case "iif": interfaces.input = parts[1]
            case "oif": interfaces.output = parts[1]
            default: throw misfit(String(item))
            }
        }
        guard source?.0 != nil || destination?.0 != nil || family != nil else {
            throw Complaint("-H: '\(text.printable)' needs src-range, dst-range or af")
        }
        let known = source?.0?.family ?? destination?.0?.family ?? family ?? .ipv4
        if let family, family != known {
            throw Complaint("-H: '\(text.printable)' has addresses of another family than it says")
        }
        let match = TrafficMatch(
            source: source?.0 ?? .any(known),
            destination: destination?.0 ?? .any(known),
            sourcePorts: source?.1 ?? .all,
            ports: destination?.1 ?? .all,
            inputInterface: interfaces.input,
            outputInterface: interfaces.output
        )
        return Service.Key(.match(match), transport)
    }

    private static let protocols: [String: (transport: TransportProtocol, family: AddressFamily?)] =
        [
            "tcp": (.tcp, nil), "udp": (.udp, nil), "sctp": (.sctp, nil), "icmp": (.icmp, nil),
            "icmpv6": (.icmp, .ipv6), "icmp6": (.icmp, .ipv6),
        ]
    private static let families: [String: AddressFamily] = [
        "ipv4": .ipv4, "inet": .ipv4, "ipv6": .ipv6, "inet6": .ipv6,
    ]

    private static func misfit(_ item: String) -> Complaint {
        Complaint(
            "-H: '\(item.printable)' is not understood; accepted: af=ipv4|ipv6, "
                + "proto=tcp|udp|sctp|icmp|icmpv6, src-range=IP[-IP][:PORT[-PORT]], dst-range=..., "
                + "iif=DEVICE, oif=DEVICE"
        )
    }

    /// `IP[-IP][:PORT[-PORT]]`, of IPv6 with brackets around one or both addresses where ports follow; no
    /// addresses when only ports are said.
    private static func range(_ text: String) throws(Complaint) -> (AddressRange?, PortRange) {
        var addresses = Substring(text)
        var ports = PortRange.all
        let closing = text.lastIndex(of: "]")
        let hasPlainColons = closing == nil && text.count { $0 == ":" } > 1
        if !hasPlainColons, let colon = text.lastIndex(of: ":"), closing.map({ $0 < colon }) ?? true
        {
            addresses = text[..<colon]
            let words = String(text[text.index(after: colon)...])
            if words != "0", words != "0-0" {
                let same = words.split(separator: "-")
                let single = same.count == 2 && same[0] == same[1] ? String(same[0]) : words
                guard let known = PortRange(single) else { throw misfit(text) }
                ports = known
            }
        }
        let plain = addresses.filter { $0 != "[" && $0 != "]" }
        if plain.isEmpty { return (nil, ports) }
        guard let range = AddressRange(plain) else { throw misfit(text) }
        return (range, ports)
    }

    /// What the values of all `--dest-check` of a line say together.
    package enum Check: Equatable, Sendable {
        case off
        case on(DestCheck)
    }

    static func destCheck(_ texts: [String]) throws(Complaint) -> Check {
        var check = Check.off
        for text in texts {
            switch text {
            case "disable": check = .off
            case "default": check = .on(DestCheck())
            case "tcp", "udp", "sctp", "ping":
                throw .refusal(
                    "--dest-check \(text) is a check by another program, and there is none here: "
                        + "backends are watched by what becomes of connections; accepted: disable, "
                        + "default, DOWN,WAITs or DOWN,UP,WAITs,MIN-MAXs"
                )
            default: check = .on(try passiveCheck(text))
            }
        }
        return check
    }

    /// `3,3,3s,60-3600s`, or `3,5s` of a backend that stays out.
    private static func passiveCheck(_ text: String) throws(Complaint) -> DestCheck {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let seconds = { (text: Substring) -> Int? in
            Int(digits: text.hasSuffix("s") ? text.dropLast() : text)
        }
        let times =
            parts.last.map { $0.split(separator: "-", omittingEmptySubsequences: false) } ?? []
        if parts.count == 2, let down = seconds(parts[0]), let wait = seconds(parts[1]),
            DestCheck.notices.contains(down), wait > 0
        {
            return DestCheck(downNotice: down, downWait: .seconds(wait), inhibit: nil)
        }
        if parts.count == 4, times.count == 2, let down = seconds(parts[0]),
            let up = seconds(parts[1]), let wait = seconds(parts[2]), let least = seconds(times[0]),
            let most = seconds(times[1]), DestCheck.notices.contains(down),
            DestCheck.notices.contains(up), wait > 0, least > 0, least <= most
        {
            return DestCheck(
                downNotice: down,
                upNotice: up,
                downWait: .seconds(wait),
                inhibit: .seconds(least) ... .seconds(most)
            )
        }
        throw Complaint(
            "--dest-check: '\(text.printable)' is not understood; accepted: disable, default, "
                + "DOWN,WAITs such as 3,5s, or DOWN,UP,WAITs,MIN-MAXs such as 1,1,3s,5-3600s"
        )
    }
}
