// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// What packets a classifier finds: `tcp,from=10.0.0.1-10.0.0.9:80,oif=dpdk0`.
package struct TrafficPattern: Equatable, Sendable {
    package enum Transport: String, Equatable, Sendable, CaseIterable {
        case tcp, udp, sctp, icmp, icmp6
    }

    /// Addresses and ports of one end; nil: any.
    package struct End: Equatable, Sendable {
        package var first: IPAddress?
        package var last: IPAddress?
        package var ports: ClosedRange<UInt16>?
    }

    package var transport: Transport
    package var source: End?
    package var destination: End?
    package var arriving: String?
    package var leaving: String?

    init(_ text: String) throws(UsageError) {
        var parts = text.split(separator: ",", omittingEmptySubsequences: false)[...]
        let name = parts.popFirst().map { String($0).lowercased() } ?? ""
        guard let transport = Transport(rawValue: name == "icmpv6" ? "icmp6" : name) else {
            let names = Transport.allCases.map(\.rawValue)
            throw UsageError(
                "a pattern begins with a protocol; \(Words.list("these", names, name))"
            )
        }
        self.transport = transport
        for part in parts {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            let key = pair.first ?? ""
            guard pair.count == 2, ["from", "to", "iif", "oif"].contains(key) else {
                throw UsageError(
                    "'\(part)' is no part of a pattern; accepted: from=, to=, iif=, oif="
                )
            }
            switch key {
            case "from": source = try Self.end(pair[1])
            case "to": destination = try Self.end(pair[1])
            case "iif": arriving = pair[1]
            default: leaving = pair[1]
            }
        }
        guard source != nil || destination != nil || arriving != nil || leaving != nil else {
            throw UsageError("'\(text)' finds too much; one of from=, to=, iif=, oif= is needed")
        }
    }

    private static func end(_ text: String) throws(UsageError) -> End {
        let wrong = UsageError(
            "'\(text)' is not a range; accepted: ADDRESS[-ADDRESS][:PORT[-PORT]], IPv6 with ports in []"
        )
        guard let end = End(text) else { throw wrong }
        return end
    }
}

extension TrafficPattern.End {
    /// `10.0.0.1-10.0.0.9:80-90`, `:80`, `2001:db8::1-2001:db8::9`, `[2001:db8::1]:80`.
    init?(_ text: String) {
        var addresses = text[...]
        var ports = ""[...]
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            addresses = text[text.index(after: text.startIndex)..<end]
            ports = text[text.index(after: end)...]
            guard ports.isEmpty || ports.first == ":" else { return nil }
            ports = ports.dropFirst()
        } else if text.filter({ $0 == ":" }).count == 1, let colon = text.firstIndex(of: ":") {
            addresses = text[..<colon]
            ports = text[text.index(after: colon)...]
        }
        self.init()
        if !addresses.isEmpty {
            let bounds = addresses.split(separator: "-", omittingEmptySubsequences: false)
            guard bounds.count <= 2, let first = IPAddress(bounds[0]),
                let last = bounds.count == 2 ? IPAddress(bounds[1]) : first,
                first.family == last.family, first <= last
            else { return nil }
            (self.first, self.last) = (first, last)
        }
        if !ports.isEmpty {
            guard let range = PortSpan(ports) else { return nil }
            self.ports = range.bounds
        }
        guard first != nil || self.ports != nil else { return nil }
    }
}

/// `80` or `80-82`.
struct PortSpan {
    var bounds: ClosedRange<UInt16>

    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count <= 2, let low = Self.port(parts[0]),
            let high = parts.count == 2 ? Self.port(parts[1]) : low, low <= high
        else { return nil }
        bounds = low...high
    }

    /// Digits alone: no sign.
    private static func port(_ text: some StringProtocol) -> UInt16? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt16(text) : nil
    }
}
