// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

/// A value of an option, read as what it says.
package enum Value {
    /// `10.0.0.1:80`, `[2001:db8::1]:80`; a network or a range of ports, too, as files may have them.
    static func service(
        _ text: String,
        _ transport: TransportProtocol,
        _ option: Option
    ) throws(Complaint) -> Service.Key {
        let (host, port) = split(text)
        if transport.hasPorts, IPv6Address(text) != nil {
            throw Complaint(
                "\(option.words): '\(text.printable)' has no port: IPv6 stands in brackets, [\(text)]:80"
            )
        }
        guard let prefix = IPPrefix(host), prefix == prefix.network else {
            throw Complaint(
                "\(option.words): '\(text.printable)' has no address; accepted: 10.0.0.1:80 or "
                    + "[2001:db8::1]:80"
            )
        }
        if option == .icmp || option == .icmpv6 {
            let family: AddressFamily = option == .icmp ? .ipv4 : .ipv6
            guard prefix.address.family == family else {
                throw Complaint(
                    "\(option.words): '\(text.printable)' is no \(family == .ipv4 ? "IPv4" : "IPv6") address"
                )
            }
        }
        guard transport.hasPorts else { return Service.Key(.destination(prefix, .all), transport) }
        return Service.Key(.destination(prefix, try ports(port ?? "0", text, option)), transport)
    }

    /// `10.0.1.2:80`, `10.0.1.2`, `[2001:db8::2]:80` or `2001:db8::2`; without a port the service's counts.
    static func server(_ text: String) throws(Complaint) -> (address: IPAddress, port: UInt16?) {
        let (host, port) = split(text)
        guard let address = IPAddress(host) else {
            throw Complaint(
                "-r: '\(text.printable)' has no address; accepted: 10.0.1.2:80, 10.0.1.2 or "
                    + "[2001:db8::2]:80"
            )
        }
        guard let port else { return (address, nil) }
        guard let number = UInt16(digits: port) else {
            throw Complaint("-r: '\(port.printable)' is no port; accepted: 0...65535")
        }
        return (address, number)
    }

    private static func split(_ text: String) -> (host: String, port: String?) {
        if IPAddress(text) != nil { return (text, nil) }
        guard let colon = text.lastIndex(of: ":"), text.last != "]" else {
            return (unbracketed(text), nil)
        }
        return (unbracketed(String(text[..<colon])), String(text[text.index(after: colon)...]))
    }

    private static func unbracketed(_ host: String) -> String {
        host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }

    /// 0 are all ports.
    private static func ports(
        _ text: String,
        _ whole: String,
        _ option: Option
    ) throws(Complaint) -> PortRange {
        if text == "0" { return .all }
        guard let ports = PortRange(text) else {
            throw Complaint(
                "\(option.words): '\(whole.printable)' has no port; accepted: 0...65535"
            )
        }
        return ports
    }

    static func address(_ text: String, _ option: Option) throws(Complaint) -> IPAddress {
        guard let address = IPAddress(unbracketed(text)) else {
            throw Complaint("\(option.words): '\(text.printable)' is no IP address")
        }
        return address
    }

    static func number(
        _ text: String,
        _ range: ClosedRange<Int>,
        _ option: Option
    ) throws(Complaint) -> Int {
        guard let number = Int(digits: text), range.contains(number) else {
            throw Complaint(
                "\(option.words): '\(text.printable)' is no number from \(range.lowerBound) to "
                    + "\(range.upperBound)"
            )
        }
        return number
    }

    /// `tcp:192.168.88.115:50000:192.168.88.1:80`; IPv6 stands in brackets.
    static func socketPair(_ text: String) throws(Complaint) -> Request.SocketPair {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        let transport = parts.first.flatMap { TransportProtocol(rawValue: $0.lowercased()) }
        let rest = parts.count == 2 ? parts[1] : ""
        // Where the second end begins: behind the third colon that stands in no brackets, from the end.
        var colons = 0
        var isInside = false
        for index in rest.indices.reversed() {
            switch rest[index] {
            case "]": isInside = true
            case "[": isInside = false
            case ":" where !isInside: colons += 1
            default: break
            }
            guard colons == 2 else { continue }
            if let transport, let client = Endpoint(rest[..<index]),
                let virtual = Endpoint(rest[rest.index(after: index)...])
            {
                return Request.SocketPair(transport: transport, client: client, virtual: virtual)
            }
            break
        }
        throw Complaint(
            "--sockpair: '\(text.printable)' is not understood; accepted: "
                + "tcp:192.168.88.115:50000:192.168.88.1:80, with IPv6 in brackets"
        )
    }

    static func scheduler(_ text: String) throws(Complaint) -> SchedulerKind {
        if let kind = SchedulerKind(rawValue: text) { return kind }
        let words = SchedulerKind.allCases.map(\.rawValue)
        let accepted = "accepted: " + words.joined(separator: ", ")
        if let other = SchedulerKind.alternatives[text] {
            throw Complaint("-s: there is no scheduler \(text) here, \(other) serves; \(accepted)")
        }
        let plain = String(text.drop { $0 == "-" })
        let hint = words.contains(plain) ? plain : nearest(to: text, in: words)
        throw Complaint(
            "-s: '\(text.printable)' is no scheduler\(hint.map { ", did you mean \($0)?" } ?? ""); "
                + accepted
        )
    }

    static func schedulerFlags(_ text: String) throws(Complaint) -> Set<SchedulerOptions.Flag> {
        var flags: Set<SchedulerOptions.Flag> = []
        for word in text.split(separator: ",") {
            guard let flag = SchedulerOptions.Flag(rawValue: String(word)) else {
                let words = SchedulerOptions.Flag.allCases.map(\.rawValue).joined(separator: ", ")
                throw Complaint(
                    "-b: '\(String(word).printable)' is no flag of a scheduler; accepted: \(words)"
                )
            }
            flags.insert(flag)
        }
        return flags
    }

    /// Leading bits: `255.255.255.0`, or of IPv6 `64`.
    static func mask(_ text: String, _ family: AddressFamily) throws(Complaint) -> Int {
        if family == .ipv4, let mask = IPv4Address(text) {
            let bits = mask.rawValue
            if bits == 0 || (~bits).leadingZeroBitCount + (~bits).nonzeroBitCount == 32 {
                return bits.leadingOnes
            }
        } else if let length = Int(digits: text), length <= family.width {
            return length
        }
        throw Complaint(
            "-M: '\(text.printable)' is no mask; accepted: "
                + (family == .ipv4 ? "one such as 255.255.255.0" : "a length from 0 to 128")
        )
    }

    /// The words of DPVS's option and those of service files.
    static func clientAddress(_ text: String) throws(Complaint) -> ClientAddressMode? {
        switch text.lowercased() {
        case "disable": return nil
        case "v1": return .proxyV1
        case "v2": return .proxyV2
        case "v1-insecure": return .proxyV1Insecure
        case "v2-insecure": return .proxyV2Insecure
        default:
            throw Complaint(
                "--proxy-protocol: '\(text.printable)' is no version; accepted: disable, v1, v2, "
                    + "v1-insecure, v2-insecure"
            )
        }
    }

    static func hashTarget(_ text: String) throws(Complaint) -> SchedulerOptions.HashTarget {
        guard let target = SchedulerOptions.HashTarget(rawValue: text) else {
            throw Complaint("--hash-target: '\(text.printable)' is not sip or qid")
        }
        return target
    }

    static func tunnelKind(_ text: String) throws(Complaint) -> Tunnel.Kind {
        guard let kind = Tunnel.Kind(rawValue: text) else {
            let words = Tunnel.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw Complaint("--tun-type: '\(text.printable)' is none of \(words)")
        }
        return kind
    }
}

extension FixedWidthInteger {
    /// Reads digits alone: no sign, no blanks.
    init?(digits: some StringProtocol) {
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        self.init(digits, radix: 10)
    }
}

extension UInt32 {
    fileprivate var leadingOnes: Int { (~self).leadingZeroBitCount }
}
