// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import YAML

extension ServiceFile {
    /// The check of a service; nil: there is none, or it is wrong.
    mutating func readHealthCheck(_ outer: inout ObjectReader) -> HealthCheck? {
        guard let node = outer.node("healthCheck") else { return nil }
        if case .scalar = node.content { return readWord(&outer)?.first }
        return readCheck(node, outer.fullPath("healthCheck"), outer.file, of: nil)
    }

    /// The checks of a backend; one without a type changes single keys of `service`.
    mutating func readBackendCheck(
        _ outer: inout ObjectReader,
        of service: HealthCheck?
    ) -> BackendCheck? {
        guard let node = outer.node("healthCheck") else { return nil }
        switch node.content {
        case .scalar: return readWord(&outer).map { $0.isEmpty ? .off : .own($0) }
        case .sequence:
            let checks = outer.items("healthCheck")
                .compactMap { readCheck($0.node, $0.path, outer.file, of: service) }
            return checks.isEmpty ? nil : .own(checks)
        default:
            let path = outer.fullPath("healthCheck")
            return readCheck(node, path, outer.file, of: service).map { .own([$0]) }
        }
    }

    /// `off`, or the type of a check that has every default.
    private func readWord(_ outer: inout ObjectReader) -> [HealthCheck]? {
        outer.parsed("healthCheck") { text in
            if text == "off" { return [] }
            return HealthProbe.Kind(rawValue: text).map { [HealthCheck(HealthProbe($0))] }
        }
    }

    private mutating func readCheck(
        _ node: YAMLNode,
        _ path: String,
        _ file: String,
        of service: HealthCheck?
    ) -> HealthCheck? {
        let object = ServiceFileSchema.healthCheck
        guard var reader = ObjectReader(node, object, path: path, file: file, into: &diagnostics)
        else { return nil }
        defer { diagnostics += reader.diagnostics }
        guard var check = reader.healthCheckBeginning(service) else { return nil }
        reader.readTiming(into: &check)
        check.probe = reader.readQuestion(check.probe)
        return check
    }
}

extension ObjectReader {
    /// What the keys are laid over: the defaults of the type, or the service's check without one.
    fileprivate mutating func healthCheckBeginning(_ service: HealthCheck?) -> HealthCheck? {
        guard node("type") == nil else {
            let kind: HealthProbe.Kind? = choice("type")
            return kind.map { HealthCheck(HealthProbe($0)) }
        }
        if service == nil { reportMissing("type") }
        return service
    }

    fileprivate mutating func readTiming(into check: inout HealthCheck) {
        check.interval = duration("interval") ?? check.interval
        check.retryInterval = duration("retryInterval") ?? check.retryInterval
        check.timeout = duration("timeout") ?? check.timeout
        check.rise = integer("rise") ?? check.rise
        check.fall = integer("fall") ?? check.fall
        if let initial: HealthInitial = choice("initial") { check.beginsDown = initial == .down }
        check.address = address("address") ?? check.address
        check.port = integer("port").flatMap(UInt16.init(exactly:)) ?? check.port
        check.source = address("source") ?? check.source
        check.interface = text("interface") ?? check.interface
    }

    /// The same probe with what the keys say.
    fileprivate mutating func readQuestion(_ probe: HealthProbe) -> HealthProbe {
        let keys = ServiceFileSchema.questionKeys(of: probe.kind)
        for key in ServiceFileSchema.allQuestionKeys where !keys.contains(key) {
            guard let node = node(key) else { continue }
            let accepted = keys.isEmpty ? "no such key" : keys.sorted().joined(separator: ", ")
            report(node.place, key, "means nothing for \(probe.kind.rawValue)", node.text, accepted)
        }
        switch probe {
        case .tcp(let exchange): return .tcp(readExchange(exchange))
        case .udp(let exchange): return .udp(readExchange(exchange))
        case .http(let http): return .http(readHTTP(http))
        case .dns(var dns):
            dns.name = parsed("query", Self.domainName) ?? dns.name
            dns.record = choice("record") ?? dns.record
            return .dns(dns)
        case .script(var script):
            let words = texts("command")
            if !words.isEmpty { script.words = words }
            return .script(script)
        case .smtp(var smtp):
            smtp.name = parsed("helo", Self.word) ?? smtp.name
            return .smtp(smtp)
        case .ping: return .ping
        }
    }

    private mutating func readExchange(_ old: HealthProbe.Exchange) -> HealthProbe.Exchange {
        HealthProbe.Exchange(
            send: parsed("send", Self.octets) ?? old.send,
            expect: parsed("expect", Self.octets) ?? old.expect
        )
    }

    private mutating func readHTTP(_ old: HealthProbe.HTTP) -> HealthProbe.HTTP {
        var http = old
        http.method = choice("method") ?? http.method
        http.path = parsed("path", Self.path) ?? http.path
        http.host = parsed("host", Self.word) ?? http.host
        http.status = parsed("status", [ClosedRange<Int>].init(statuses:)) ?? http.status
        http.expect = parsed("expect", Self.octets) ?? http.expect
        if let tls = old.tls {
            http.tls = HealthProbe.TLS(
                serverName: parsed("serverName", Self.word) ?? tls.serverName,
                isVerified: flag("verify") ?? tls.isVerified
            )
        }
        return http
    }

    // MARK: - Texts

    /// A text as its octets, or `hex:` and pairs of digits.
    private static func octets(_ text: String) -> [UInt8]? {
        guard text.hasPrefix("hex:") else { return text.isEmpty ? nil : Array(text.utf8) }
        return [UInt8](hexadecimal: String(text.dropFirst(4)))
    }

    /// What may stand in a request line.
    private static func path(_ text: String) -> String? {
        text.hasPrefix("/") ? word(text) : nil
    }

    private static func word(_ text: String) -> String? {
        let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        return isPlain && !text.isEmpty ? text : nil
    }

    private static func domainName(_ text: String) -> String? {
        guard let word = word(text), word.utf8.count <= 253 else { return nil }
        let labels = word.split(separator: ".", omittingEmptySubsequences: false)
        let isRight = labels.dropLast(word.hasSuffix(".") ? 1 : 0)
            .allSatisfy { (1...63).contains($0.utf8.count) }
        return word == "." || isRight ? word : nil
    }
}

extension [ClosedRange<Int>] {
    /// `200-299,301`.
    package init?(statuses text: String) {
        var ranges: [ClosedRange<Int>] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let bounds = part.split(separator: "-", omittingEmptySubsequences: false)
                .map { Int($0.trimmingPrefix(" ")) }
            guard (1...2).contains(bounds.count), let first = bounds[0],
                let last = bounds[bounds.count - 1], first <= last,
                HealthProbe.HTTP.statuses.contains(first), HealthProbe.HTTP.statuses.contains(last)
            else { return nil }
            ranges.append(first...last)
        }
        self = ranges
    }

    /// The same as a text.
    package var statusText: String {
        map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }
}
