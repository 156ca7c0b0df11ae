// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

extension KeepalivedReader {
    /// The checks that a checker makes: of HTTP one for each url, else one; all must be good.
    ///
    /// `port` is the real server's own, whatever the service's is.
    mutating func readChecker(
        _ statement: Statement,
        _ outer: CheckTiming,
        asked port: UInt16,
        _ backend: Backend
    ) -> [HealthCheck] {
        var timing = outer
        // A checker's own tries and pauses do not come from outside under the old names.
        let lines = (statement.children ?? []).filter { !timing.take($0) }
        for line in statement.children ?? []
        where line.keyword == "nb_sock_retry"
            || line.keyword == "nb_get_retry"
                && !["HTTP_GET", "SSL_GET"].contains(statement.keyword)
        {
            report(
                .warning,
                line,
                "is an old name, which keepalived 2 does not know",
                suggestion: "retry"
            )
        }
        var base = HealthCheck(.tcp(.init()), rise: 1)
        base.interval = timing.delayLoop ?? .seconds(60)
        base.timeout = timing.connectTimeout ?? .seconds(5)
        base.fall = clamp(timing.retry ?? Self.retries(of: statement.keyword)) + 1
        base.retryInterval = timing.delayBeforeRetry ?? Self.pause(of: statement.keyword)
        base.beginsDown = timing.alpha
        var rest: [Statement] = []
        for line in lines where !takeTarget(line, &base) { rest.append(line) }
        let probes = readQuestion(statement, rest, timing, &base)
        let asked = base.port ?? (port == 0 ? nil : port)
        return probes.map { probe in
            var check = base
            check.probe = probe
            check.port = asked == backend.endpoint.port && base.address == nil ? nil : asked
            if check.address == backend.endpoint.address { check.address = nil }
            if check.address == nil, asked == backend.endpoint.port { check.port = nil }
            check.interval = min(
                max(check.interval, HealthCheck.intervals.lowerBound),
                .seconds(86_400)
            )
            if let pause = check.retryInterval, pause < HealthCheck.intervals.lowerBound {
                check.retryInterval = HealthCheck.intervals.lowerBound
            }
            check.timeout = min(max(check.timeout, .milliseconds(10)), .seconds(3600))
            return check
        }
    }

    private func clamp(_ retries: Int) -> Int {
        min(max(retries, 0), HealthCheck.counts.upperBound - 1)
    }

    private static func retries(of checker: String) -> Int {
        switch checker {
        case "MISC_CHECK": 0
        case "DNS_CHECK": 3
        default: 1
        }
    }

    /// nil: as long as between other probes.
    private static func pause(of checker: String) -> Duration? {
        switch checker {
        case "HTTP_GET", "SSL_GET": .seconds(3)
        case "DNS_CHECK", "MISC_CHECK": nil
        default: .seconds(1)
        }
    }

    /// Takes who is asked and from where, when a line says that.
    private mutating func takeTarget(_ line: Statement, _ check: inout HealthCheck) -> Bool {
        let word = line.values.first?.text ?? ""
        switch line.keyword {
        case "connect_ip": check.address = readAddress(word, line)
        case "connect_port": check.port = readPort(line.values.first, line)
        case "bindto": check.source = readAddress(word, line)
        case "bind_if": check.interface = word
        case "bind_port", "fwmark": report(.notInEffect, line, "has no effect")
        default: return false
        }
        return true
    }

    private mutating func readAddress(_ word: String, _ line: Statement) -> IPAddress? {
        if let address = IPAddress(word) { return address }
        report(.error, line, "is no address", word, "an IP address")
        return nil
    }

    // MARK: - Questions

    private mutating func readQuestion(
        _ statement: Statement,
        _ lines: [Statement],
        _ timing: CheckTiming,
        _ check: inout HealthCheck
    ) -> [HealthProbe] {
        switch statement.keyword {
        case "TCP_CHECK":
            warnUnknown(lines, statement.keyword)
            return [.tcp(.init())]
        case "PING_CHECK":
            warnUnknown(lines, statement.keyword)
            return [.ping]
        case "HTTP_GET", "SSL_GET": return readHTTP(lines, timing, statement)
        case "UDP_CHECK": return [.udp(readExchange(lines))]
        case "DNS_CHECK": return [.dns(readDNS(lines))]
        case "SMTP_CHECK":
            return [.smtp(readSMTP(lines, &check))]
        case "MISC_CHECK": return readScript(lines, statement, &check).map { [$0] } ?? []
        default:
            report(.notInEffect, statement, "has no effect: the backend counts as up by it")
            return []
        }
    }

    private mutating func warnUnknown(_ lines: [Statement], _ checker: String) {
        let known = KeepalivedWords.checker + (KeepalivedWords.ofChecker[checker] ?? [])
        for line in lines where !known.contains(line.keyword) {
            warnUnknown(line, "a keyword of \(checker)", known)
        }
    }

    private mutating func readHTTP(
        _ lines: [Statement],
        _ timing: CheckTiming,
        _ statement: Statement
    ) -> [HealthProbe] {
        let isTLS = statement.keyword == "SSL_GET"
        var usesName = false
        var urls: [HealthProbe.HTTP] = []
        for line in lines {
            switch line.keyword {
            case "url": urls.append(readURL(line, timing.virtualHost))
            case "enable_sni": usesName = line.flag ?? true
            case "http_protocol", "fast_recovery", "regex_no_match", "tls_compliant": break
            default: warnUnknown([line], statement.keyword)
            }
        }
        if urls.isEmpty { urls = [.init(host: timing.virtualHost, status: [200...299])] }
        return urls.map { url in
            var url = url
            if isTLS { url.tls = .init(serverName: usesName ? url.host : nil) }
            return .http(url)
        }
    }

    private mutating func readURL(_ url: Statement, _ host: String?) -> HealthProbe.HTTP {
        var http = HealthProbe.HTTP(host: host, status: [])
        for line in url.children ?? [] {
            let word = line.values.first?.text ?? ""
            switch line.keyword {
            case "path": http.path = word.hasPrefix("/") ? word : "/" + word
            case "status_code":
                let words = line.values.map(\.text).joined(separator: ",")
                guard let ranges = [ClosedRange<Int>](statuses: words) else {
                    report(.error, line, "is no status", words, "100...599, or ranges")
                    continue
                }
                http.status += ranges
            case "virtualhost": http.host = word
            case "digest":
                report(.notInEffect, line, "is not compared: the status alone counts")
            case "regex", "regex_no_match", "regex_options", "regex_stack", "regex_min_offset",
                "regex_max_offset", "tls_compliant":
                report(.notInEffect, line, "is not looked for: the status alone counts")
            default:
                let known = ["path", "status_code", "virtualhost", "digest", "regex"]
                warnUnknown(line, "a keyword of url", known)
            }
        }
        if http.status.isEmpty { http.status = [200...299] }
        return http
    }

    /// Without `require_reply` silence is good.
    private mutating func readExchange(_ lines: [Statement]) -> HealthProbe.Exchange {
        var exchange = HealthProbe.Exchange()
        for line in lines {
            switch line.keyword {
            case "payload": exchange.send = line.values.flatMap { Self.octets($0.text) }
            case "require_reply": exchange.expect = []
            case "min_reply_length", "max_reply_length": break
            default: warnUnknown([line], "UDP_CHECK")
            }
        }
        return exchange
    }

    /// A pair of hexadecimal digits, or a text.
    private static func octets(_ word: String) -> [UInt8] {
        if word.count == 2, let octet = UInt8(word, radix: 16) { return [octet] }
        return Array(word.utf8)
    }

    private mutating func readDNS(_ lines: [Statement]) -> HealthProbe.DNS {
        var dns = HealthProbe.DNS()
        for line in lines {
            let word = line.values.first?.text ?? ""
            switch line.keyword {
            case "name": dns.name = word
            case "type":
                guard let record = HealthProbe.DNS.Record(rawValue: word.uppercased()) else {
                    let known = HealthProbe.DNS.Record.allCases.map(\.rawValue)
                    report(
                        .warning,
                        line,
                        "is asked for as SOA",
                        word,
                        known.joined(separator: ", ")
                    )
                    continue
                }
                dns.record = record
            default: warnUnknown([line], "DNS_CHECK")
            }
        }
        return dns
    }

    /// Of the hosts of old files the first one is asked.
    private mutating func readSMTP(
        _ lines: [Statement],
        _ check: inout HealthCheck
    ) -> HealthProbe.SMTP {
        var smtp = HealthProbe.SMTP()
        var hosts = 0
        for line in lines {
            switch line.keyword {
            case "helo_name": smtp.name = line.values.first?.text ?? smtp.name
            case "host":
                hosts += 1
                guard hosts == 1 else {
                    report(.notInEffect, line, "has no effect: the first host is asked")
                    continue
                }
                for inner in line.children ?? [] where !takeTarget(inner, &check) {
                    warnUnknown([inner], "SMTP_CHECK")
                }
            default: warnUnknown([line], "SMTP_CHECK")
            }
        }
        return smtp
    }

    /// A command line as keepalived 1 ran it, by a shell where it has a character of one.
    private mutating func readScript(
        _ lines: [Statement],
        _ statement: Statement,
        _ check: inout HealthCheck
    ) -> HealthProbe? {
        var command: String?
        check.timeout = check.interval
        for line in lines {
            switch line.keyword {
            case "misc_path": command = line.values.map(\.text).joined(separator: " ")
            case "misc_timeout": check.timeout = line.seconds ?? check.timeout
            case "misc_dynamic":
                report(.notInEffect, line, "changes no weights: status 0 is good")
            case "user": report(.notInEffect, line, "has no effect: it runs as dpvs does")
            default: warnUnknown([line], "MISC_CHECK")
            }
        }
        guard let command, !command.isEmpty else {
            report(.error, statement, "has no misc_path", nil, "misc_path COMMAND")
            return nil
        }
        let needsShell = command.contains { "|&;<>()$`\\\"'*?[]{}~=".contains($0) }
        let words = command.split(separator: " ").map(String.init)
        guard !needsShell, words[0].hasPrefix("/") else {
            return .script(.init(words: ["/bin/sh", "-c", command]))
        }
        return .script(.init(words: words))
    }
}
