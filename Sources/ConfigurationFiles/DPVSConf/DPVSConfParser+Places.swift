// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

/// What of the machine is taken: hardware, and addresses to listen on.
extension DPVSConfParser {
    /// A device of DPDK, or an interface of the kernel, is one device's.
    mutating func checkHardware() {
        var owners: [String: String] = [:]
        for device in result.settings.devices {
            for (item, thing) in Self.hardware(of: device) {
                guard let owner = owners.updateValue(device.name, forKey: thing) else { continue }
                report(
                    .error,
                    place(device, item),
                    "netif_defs.device.\(item)",
                    "is that of device \(owner) too",
                    thing,
                    "what no other device has"
                )
            }
        }
    }

    /// What a device takes, each once, by the item that says so: `0000:06:00.0`, `eth1`, `net_null0`.
    private static func hardware(of device: NamedBlock) -> [(item: String, thing: String)] {
        if let address = device.text("pci") { return [("pci", address.lowercased())] }
        if let interface = device.text("interface") { return [("interface", interface)] }
        guard let driver = device.text("driver") else { return [] }
        let words = driver.split(separator: ",").map(String.init)
        // A driver's name with a number is one device; without, each gets a number of its own.
        let name = words.first.flatMap { $0.last?.isNumber == true ? $0 : nil }
        // net_af_packet says iface, net_pcap also rx_iface, rx_iface_in and tx_iface.
        let interfaces = words.dropFirst()
            .compactMap { word -> String? in
                let parts = word.split(separator: "=", maxSplits: 1)
                return parts.count == 2 && parts[0].contains("iface") ? String(parts[1]) : nil
            }
        return ((name.map { [$0] } ?? []) + Set(interfaces).sorted()).map { ("driver", $0) }
    }

    /// A secret of 128 bits (RFC 7217 section 5).
    mutating func checkSecret() {
        let path = "ipv6_defs.stable_secret"
        guard let text = result.settings.text(path), let location = places[path],
            text.count < 32 || !text.allSatisfy(\.isHexDigit)
        else { return }
        report(.error, location, path, "is no secret", text, "32 hexadecimal digits or more")
    }

    // MARK: - Listening

    mutating func checkMetricsAddress() {
        let path = "global_defs.metrics_address"
        guard let text = result.settings.text(path), let location = places[path],
            let problem = Self.problem(ofListener: text)
        else { return }
        report(
            .error,
            location,
            path,
            problem.message,
            text,
            "address:port, for example 127.0.0.1:9100, or [::]:9100 for all addresses",
            suggestion: problem.suggestion
        )
    }

    /// Why nobody can listen there; nil when one can.
    private static func problem(ofListener text: String) -> (message: String, suggestion: String?)?
    {
        if let scheme = text.firstRange(of: "://") {
            let rest = text[scheme.upperBound...].prefix { $0 != "/" }
            return ("is a URL", rest.isEmpty ? nil : String(rest))
        }
        guard let colon = text.lastIndex(of: ":") else { return ("has no port", text + ":9100") }
        let host = text[..<colon]
        let port = text[text.index(after: colon)...]
        guard port.allSatisfy(\.isNumber), let number = UInt16(port), number > 0 else {
            return ("has no port", nil)
        }
        if host.isEmpty || host == "*" { return ("has no address", "[::]:\(port)") }
        if host.hasPrefix("[") {
            let inside = host.dropFirst().dropLast()
            let isRight = host.hasSuffix("]") && IPAddress(inside)?.family == .ipv6
            return isRight ? nil : ("has no IPv6 address in its brackets", nil)
        }
        if host.contains(":") {
            let isAddress = IPAddress(host)?.family == .ipv6
            return ("has an IPv6 address without brackets", isAddress ? "[\(host)]:\(port)" : nil)
        }
        if IPAddress(host) != nil { return nil }
        let isName =
            host.contains(where: \.isLetter)
            && host.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ".-_".contains($0)) }
        return isName ? nil : ("has no address", nil)
    }
}
