// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

/// Reads what keepalived's files say of virtual servers, in keepalived's manner: an unknown word is a
/// warning, and everything else applies.
///
/// An error is left where no meaning can be given: an address, a port or a brace that is none.
/// VRRP, scripts and the like stay with keepalived.
struct KeepalivedReader {
    var objects = PlacedObjects()
    private(set) var diagnostics: [Diagnostic] = []
    let files: [String: [UInt8]]
    let isPassing: Bool

    /// Own addresses toward backends, by the name of their group.
    private(set) var localGroups: [String: [IPAddress]] = [:]
    /// Clients that may not ask, and those that alone may, by the names of their groups.
    private(set) var denyGroups: [String: [AddressSource]] = [:]
    private(set) var allowGroups: [String: [AddressSource]] = [:]
    /// Sets of addresses that service files have.
    private let sets: Set<String>
    private(set) var serverGroups: [String: [Entry]] = [:]
    private var keys: [Service.Key: TextLocation] = [:]
    private var names: Set<String> = []
    /// A line counts for every address of a group, and is complained about once.
    private var said: Set<Diagnostic> = []

    private static let mostDiagnostics = 200

    /// One service of a virtual server.
    enum Entry: Equatable {
        /// Port 0: all of them.
        case address(IPAddress, UInt16)
        case mark(UInt32)
    }

    /// `place` is where the file is named; `identity` is what `@NAME` lines are compared with.
    ///
    /// `sets` are those that service files have.
    init(
        _ path: String,
        _ reader: any SourceReader,
        identity: String,
        sets: Set<String>,
        named place: TextLocation
    ) {
        self.sets = sets
        let text = KeepalivedText(path, reader, identity: identity, named: place)
        files = text.files
        isPassing = text.isPassing
        diagnostics = text.diagnostics
        var blocks = KeepalivedBlocks(text.lines)
        let statements = blocks.statements()
        diagnostics += blocks.diagnostics
        // Groups may stand behind the servers that use them.
        for statement in statements { readGroup(statement) }
        for statement in statements where diagnostics.count < Self.mostDiagnostics {
            readTop(statement)
        }
        settleAddresses()
        for index in diagnostics.indices
        where reader.isOutside(diagnostics[index].location.file, of: path) {
            diagnostics[index] = diagnostics[index].withoutText
        }
    }

    private mutating func readTop(_ statement: Statement) {
        let keyword = statement.keyword
        switch keyword {
        case "virtual_server": readVirtualServer(statement)
        case _ where KeepalivedWords.own.contains(keyword): break
        case _ where KeepalivedWords.others.contains(keyword): break
        default:
            let known = KeepalivedWords.own + KeepalivedWords.others.sorted()
            warnUnknown(statement, "a keyword of keepalived", known)
        }
    }

    // MARK: - Groups

    private mutating func readGroup(_ statement: Statement) {
        guard statement.keyword.hasSuffix("_group"), KeepalivedWords.own.contains(statement.keyword)
        else { return }
        guard let name = statement.values.first?.text else {
            return report(.error, statement, "has no name")
        }
        let lines = statement.children ?? []
        switch statement.keyword {
        case "local_address_group":
            if localGroups[name] != nil { report(.warning, statement, "is there twice", name) }
            localGroups[name, default: []] += lines.flatMap { readLocalAddresses($0) }
        case "virtual_server_group":
            if serverGroups[name] != nil { report(.warning, statement, "is there twice", name) }
            serverGroups[name, default: []] += lines.flatMap { readEntries($0) }
        case "tunnel_group":
            for line in lines { readTunnel(line) }
        case "deny_address_group": denyGroups[name, default: []] += lines.flatMap { readSource($0) }
        default:
            let sources = lines.flatMap { readSource($0) }
            if sources.isEmpty, !lines.isEmpty {
                report(
                    .error,
                    statement,
                    "would allow nobody but clients of sets that are none",
                    name
                )
            }
            allowGroups[name, default: []] += sources
        }
    }

    /// `IP[-N] [INTERFACE]`.
    private mutating func readLocalAddresses(_ line: Statement) -> [IPAddress] {
        guard let range = AddressRange(shortText: line.keyword),
            let all = range.addresses(most: ServiceFileSchema.mostAddresses)
        else {
            report(.error, line, "is no address", line.keyword, "IP or IP-N, and an interface")
            return []
        }
        return all
    }

    /// `IP`, `IP-N` or `ipset:NAME`.
    private mutating func readSource(_ line: Statement) -> [AddressSource] {
        let place = Statement(keyword: "", location: line.location)
        if line.keyword.hasPrefix("ipset:") {
            let name = String(line.keyword.dropFirst("ipset:".count))
            if sets.contains(name) { return [.set(name)] }
            let message = "names no set of a service file, and is read over"
            report(
                .warning,
                place,
                message,
                line.keyword,
                suggestion: nearest(to: name, in: Array(sets))
            )
            return []
        }
        if let range = AddressRange(shortText: line.keyword) { return [.range(range)] }
        report(.error, place, "is no address", line.keyword, "IP, IP-N or ipset:NAME")
        return []
    }

    /// `IP[-N] [PORT]` or `fwmark N`.
    mutating func readEntries(_ line: Statement) -> [Entry] {
        if line.keyword == "fwmark" {
            guard let mark = line.values.first.flatMap({ UInt32($0.text) }), mark > 0 else {
                report(.error, line, "has no mark", line.values.first?.text, "1...4294967295")
                return []
            }
            return [.mark(mark)]
        }
        let place = Statement(keyword: "", location: line.location)
        guard let range = AddressRange(shortText: line.keyword),
            let all = range.addresses(most: 1024)
        else {
            report(.error, place, "is no address", line.keyword, "IP, IP-N or fwmark")
            return []
        }
        guard let port = readPort(line.values.first, line) else { return [] }
        return all.map { .address($0, port) }
    }

    /// A port, 0 without one; nil, with a complaint, when it is none.
    mutating func readPort(
        _ value: (text: String, location: TextLocation)?,
        _ statement: Statement
    ) -> UInt16? {
        guard let value else { return 0 }
        if let port = UInt16(value.text) { return port }
        let place = Statement(keyword: statement.keyword, location: value.location)
        report(.error, place, "is no port", value.text, "0...65535")
        return nil
    }

    /// `tunnel_entry NAME { kind KIND remote IP local IP if INTERFACE }`.
    private mutating func readTunnel(_ statement: Statement) {
        guard statement.keyword == "tunnel_entry", let name = statement.values.first?.text else {
            return warnUnknown(statement, "a keyword of tunnel_group", ["tunnel_entry"])
        }
        var tunnel = TunnelInterface(
            name: name,
            kind: .ipip,
            remote: nil,
            owner: .file(statement.location.file)
        )
        for line in statement.children ?? [] {
            let word = line.values.first?.text ?? ""
            switch line.keyword {
            case "kind":
                guard let kind = TunnelInterface.Kind(rawValue: word) else {
                    return report(.error, line, "is no kind of tunnel", word, "ipip, gre")
                }
                tunnel.kind = kind
            case "remote", "local":
                guard let address = IPAddress(word) else {
                    return report(.error, line, "is no address", word, "an IP address")
                }
                if line.keyword == "remote" {
                    tunnel.remote = address
                } else {
                    tunnel.local = address
                }
            case "if": tunnel.link = word
            default:
                let known = ["kind", "remote", "local", "if"]
                warnUnknown(line, "a keyword of tunnel_entry", known)
            }
        }
        let path = "tunnel_entry \(name)"
        objects.tunnels.append(Located(tunnel, path: path, at: statement.location))
    }

    // MARK: - Services

    /// Puts a service there, unless it is there already.
    mutating func put(_ service: Service, _ statement: Statement) {
        if let first = keys[service.key] {
            return report(
                .warning,
                statement,
                "is there twice, first at \(first); this one is left out",
                service.key.description
            )
        }
        keys[service.key] = statement.location
        var service = service
        if !names.insert(service.name).inserted { service.name = service.key.description }
        names.insert(service.name)
        let path = statement.title
        objects.services.append(
            Located(service, path: path, at: statement.location, isRemembered: true)
        )
    }

    // MARK: - Complaints

    mutating func report(
        _ severity: Diagnostic.Severity,
        _ statement: Statement,
        _ message: String,
        _ value: String? = nil,
        _ accepted: String? = nil,
        suggestion: String? = nil
    ) {
        if severity == .error { objects.isIncomplete = true }
        let diagnostic = Diagnostic(
            severity,
            at: statement.location,
            path: statement.keyword,
            message,
            value: value,
            accepted: accepted,
            suggestion: suggestion
        )
        if said.insert(diagnostic).inserted { diagnostics.append(diagnostic) }
    }

    mutating func warnUnknown(_ statement: Statement, _ what: String, _ known: [String]) {
        let place = Statement(keyword: "", location: statement.location)
        let suggestion = nearest(to: statement.keyword, in: known)
        let message = "is not \(what) and is read over"
        report(.warning, place, message, statement.keyword, suggestion: suggestion)
    }
}

extension Statement {
    /// `virtual_server 10.0.0.1 80`.
    var title: String { ([keyword] + values.map(\.text)).joined(separator: " ") }

    /// The first value as seconds, with fractions.
    var seconds: Duration? {
        guard let text = values.first?.text, let seconds = Double(text), seconds >= 0,
            seconds < 1e8
        else { return nil }
        return .milliseconds(Int((seconds * 1000).rounded()))
    }

    var number: Int? { values.first.flatMap { Int($0.text) } }

    /// `on off true false yes no`, or the bare keyword; nil: another word.
    var flag: Bool? {
        switch values.first?.text.lowercased() {
        case nil, "on", "true", "yes": true
        case "off", "false", "no": false
        default: nil
        }
    }
}
