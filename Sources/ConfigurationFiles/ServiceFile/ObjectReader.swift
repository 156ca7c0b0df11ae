// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import YAML

/// Reads the fields of one mapping against its table, and complains about all that does not fit.
struct ObjectReader {
    let object: ServiceFileSchema.Object
    /// "services[0]"; "" for the file itself.
    let path: String
    let file: String
    let place: YAMLNode.Place
    private var values = FieldValues()
    var diagnostics: [Diagnostic] = []

    /// Nil, with a complaint, when `node` is no mapping.
    ///
    /// `isPartial`: fields that are required need not be there, as in an edit.
    init?(
        _ node: YAMLNode,
        _ object: ServiceFileSchema.Object,
        path: String,
        file: String,
        isPartial: Bool = false,
        into diagnostics: inout [Diagnostic]
    ) {
        self.object = object
        self.path = path
        self.file = file
        place = node.place
        guard case .mapping(let pairs) = node.content else {
            diagnostics.append(
                Diagnostic(
                    .error,
                    at: Self.location(file, node.place),
                    path: path,
                    "is \(node.kind)",
                    value: node.text,
                    accepted: ServiceFileSchema.accepted(.object(object))
                )
            )
            return nil
        }
        for (key, value) in pairs {
            take(key, value)
            guard self.diagnostics.count < ServiceFile.mostDiagnostics else { break }
        }
        for field in object.fields where !isPartial && field.isRequired && values[field.key] == nil
        {
            reportMissing(field.key)
        }
    }

    mutating func reportMissing(_ key: String) {
        report(place, key, "is missing", nil, kind(key).map(ServiceFileSchema.accepted))
    }

    private mutating func take(_ key: YAMLNode, _ value: YAMLNode) {
        let name = key.text ?? ""
        if path.isEmpty, name.hasPrefix("x-") { return }
        guard object.fields.contains(where: { $0.key == name }) else {
            report(
                key.place,
                "",
                "is no key of a \(object.name)",
                name,
                object.keys.joined(separator: ", "),
                suggestion: nearest(to: name, in: object.keys)
            )
            return
        }
        if !value.isNull { values[name] = value }
    }

    // MARK: - Values

    func node(_ key: String) -> YAMLNode? { values[key] }

    func location(of key: String) -> TextLocation {
        Self.location(file, values[key]?.place ?? place)
    }

    private func kind(_ key: String) -> ServiceFileSchema.Kind? {
        object.fields.first { $0.key == key }?.kind
    }

    /// Octets of a name: as long as the name of a file.
    private static let longestText = 255

    /// A text for people: in it nothing moves the cursor or ends a line.
    mutating func text(_ key: String) -> String? {
        guard let text = read(key, { $0.isEmpty ? nil : $0 }) else { return nil }
        let problem =
            if text.hasControlCharacters {
                ("has a control character", "a text without control characters")
            } else if text.utf8.count > Self.longestText {
                ("is too long", "at most \(Self.longestText) octets")
            } else {
                nil as (String, String)?
            }
        guard let problem else { return text }
        report(values[key]?.place ?? place, key, problem.0, text, problem.1)
        return nil
    }

    mutating func address(_ key: String) -> IPAddress? { read(key) { IPAddress($0) } }

    mutating func macAddress(_ key: String) -> MACAddress? { read(key) { MACAddress($0) } }

    mutating func prefix(_ key: String) -> IPPrefix? {
        read(key) { text in text.contains("/") ? IPPrefix(text) : nil }
    }

    /// A network; `default` is all of `family`.
    mutating func destination(_ key: String, _ family: AddressFamily) -> IPPrefix? {
        read(key) { text in
            if text == "default" { return .any(family) }
            return text.contains("/") ? IPPrefix(text) : nil
        }
    }

    /// An address, as the network that holds it alone, or a network.
    mutating func network(_ key: String) -> IPPrefix? { read(key) { IPPrefix($0) } }

    mutating func range(_ key: String) -> AddressRange? { read(key) { AddressRange($0) } }

    /// A number in quotes is refused as everywhere.
    mutating func ports(_ key: String) -> PortRange? {
        if let text = values[key]?.text, Int(text) != nil, isQuoted(key) { return nil }
        return read(key) { PortRange($0) }
    }

    mutating func flag(_ key: String) -> Bool? {
        isQuoted(key) ? nil : read(key) { Bool($0) }
    }

    /// Whether a value stands in quotes, which is complained about: they make it a text.
    private mutating func isQuoted(_ key: String) -> Bool {
        guard let node = values[key], case .scalar(let text, isPlain: false) = node.content else {
            return false
        }
        let accepted = kind(key).map(ServiceFileSchema.accepted)
        let message = "stands in quotes, which make it a text"
        report(node.place, key, message, text, accepted.map { $0 + ", without quotes" })
        return true
    }

    /// The fields of a mapping inside this one; its complaints come here with `absorb`.
    mutating func object(_ key: String) -> ObjectReader? {
        guard let node = values[key], case .object(let object) = kind(key) else { return nil }
        return ObjectReader(
            node,
            object,
            path: fullPath(key),
            file: file,
            into: &diagnostics
        )
    }

    mutating func absorb(_ inner: ObjectReader) { diagnostics += inner.diagnostics }

    /// A number; one in quotes is a text and refused, as the schema does.
    mutating func integer(_ key: String) -> Int? {
        guard case .integer(let range) = kind(key), !isQuoted(key) else { return nil }
        return read(key) { text in
            // YAML readers disagree on what a leading zero means, so nobody gets to write one.
            let isPlain = text == "0" || !text.hasPrefix("0") && text.allSatisfy(\.isNumber)
            guard isPlain, let number = Int(text), range.contains(number) else { return nil }
            return number
        }
    }

    /// All ports, of a protocol that has none, unless some are given.
    mutating func noPorts(_ protocol: TransportProtocol) -> PortRange? {
        port(`protocol`, default: 0).map { _ in .all }
    }

    /// The key `port`: 0 where there are no ports, and nil, with a complaint, when it is not right.
    mutating func port(_ protocol: TransportProtocol, default value: Int?) -> Int? {
        let hasPort = values["port"] != nil
        if `protocol`.hasPorts {
            if !hasPort, value == nil {
                report(place, "port", "is missing", nil, "\(ServiceFileSchema.ports)")
            }
            return hasPort ? integer("port") : value
        }
        if let node = values["port"] {
            report(node.place, "port", "does not exist over icmp", node.text, "no port")
        }
        return hasPort ? nil : 0
    }

    /// Pairs of hexadecimal digits; quotes keep YAML from reading a number.
    mutating func hexadecimal(_ key: String) -> [UInt8]? {
        guard let node = values[key] else { return nil }
        guard let octets = node.text.flatMap({ [UInt8](hexadecimal: $0) }), !octets.isEmpty else {
            report(node.place, key, "is not hexadecimal", node.text, "pairs of digits, as 0a1f")
            return nil
        }
        return octets
    }

    /// The key `key`, or what is in the file that `keyFile` names; a wrong one is not repeated.
    ///
    /// `read` gives the octets of a file, or complains.
    mutating func quicKey(
        _ read: (String, YAMLNode.Place, inout ObjectReader) -> [UInt8]?
    ) -> QUICKey? {
        if let node = values["keyFile"], let path = node.text {
            if values["key"] != nil {
                report(node.place, "keyFile", "is there beside key", nil, "one of them")
            }
            guard let bytes = read(path, node.place, &self) else { return nil }
            let text = String(decoding: bytes, as: UTF8.self)
            if let key = QUICKey(hexadecimal: text.filter { !$0.isWhitespace }) { return key }
            report(node.place, "keyFile", "holds no key", path, "32 hexadecimal digits")
            return nil
        }
        guard let node = values["key"] else { return nil }
        let key = node.text.flatMap { QUICKey(hexadecimal: $0) }
        if key == nil { report(node.place, "key", "is no key", nil, "32 hexadecimal digits") }
        return key
    }

    mutating func choice<Choice: RawRepresentable<String>>(_ key: String) -> Choice? {
        var words: [String]?
        if case .choice(let accepted) = kind(key) { words = accepted }
        return read(key) { words?.contains($0) == false ? nil : Choice(rawValue: $0) }
    }

    /// Names of other schedulers that `ipvsadm` knows are refused with what serves in their place.
    mutating func scheduler(_ key: String) -> SchedulerKind? {
        guard let node = values[key], let name = node.text,
            let alternative = SchedulerKind.alternatives[name]
        else { return choice(key) }
        report(
            node.place,
            key,
            "is no scheduler of dpvs: \(alternative) may serve instead",
            name,
            kind(key).map(ServiceFileSchema.accepted)
        )
        return nil
    }

    mutating func duration(_ key: String) -> Duration? { read(key) { parseDuration($0) } }

    /// A text that `parse` takes.
    mutating func parsed<Value>(_ key: String, _ parse: (String) -> Value?) -> Value? {
        read(key, parse)
    }

    /// The items of a list, each with its path.
    mutating func items(_ key: String) -> [(node: YAMLNode, path: String)] {
        guard let node = values[key] else { return [] }
        guard case .sequence(let items) = node.content else {
            complain(key, node)
            return []
        }
        return items.enumerated().map { ($1, "\(fullPath(key))[\($0)]") }
    }

    /// Addresses, and ranges of them, each with all of its addresses.
    mutating func addresses(_ key: String) -> [IPAddress] {
        guard case .list(let kind) = kind(key) else { return [] }
        let most = ServiceFileSchema.mostAddresses
        let ranges = list(key, of: kind, "is not an address") { AddressRange(shortText: $0) }
        var all: [IPAddress] = []
        for range in ranges {
            guard let addresses = range.addresses(most: most - all.count) else {
                let most = "at most \(most)"
                report(values[key]?.place ?? place, key, "are too many", nil, most)
                return []
            }
            all += addresses
        }
        return all
    }

    /// A list of what `parse` takes.
    mutating func values<Value>(_ key: String, _ parse: (String) -> Value?) -> [Value] {
        guard case .list(let kind) = kind(key) else { return [] }
        return list(key, of: kind, "is not accepted here", parse)
    }

    mutating func choices<Choice: RawRepresentable<String>>(_ key: String) -> [Choice] {
        guard case .list(let kind) = kind(key) else { return [] }
        return list(key, of: kind, "is not accepted here") { Choice(rawValue: $0) }
    }

    /// Texts, as `text` takes them.
    mutating func texts(_ key: String) -> [String] {
        guard case .list(let kind) = kind(key) else { return [] }
        return list(key, of: kind, "is not accepted here") {
            $0.isEmpty || $0.hasControlCharacters ? nil : $0
        }
    }

    private mutating func list<Value>(
        _ key: String,
        of kind: ServiceFileSchema.Kind,
        _ message: String,
        _ parse: (String) -> Value?
    ) -> [Value] {
        items(key)
            .compactMap { node, path in
                if let value = node.text.flatMap(parse) { return value }
                var suggestion: String?
                if case .choice(let words) = kind, let text = node.text {
                    suggestion = nearest(to: text, in: words)
                }
                diagnostics.append(
                    Diagnostic(
                        .error,
                        at: Self.location(file, node.place),
                        path: path,
                        message,
                        value: node.text,
                        accepted: ServiceFileSchema.accepted(kind),
                        suggestion: suggestion
                    )
                )
                return nil
            }
    }

    mutating func read<Value>(_ key: String, _ parse: (String) -> Value?) -> Value? {
        guard let node = values[key] else { return nil }
        if let text = node.text, let value = parse(text) { return value }
        complain(key, node)
        return nil
    }

    // MARK: - Complaints

    private mutating func complain(_ key: String, _ node: YAMLNode?) {
        guard let kind = kind(key), let node else { return }
        var suggestion: String?
        if let words = kind.words, let text = node.text {
            suggestion = nearest(to: text, in: words)
        } else if case .flag = kind, let text = node.text {
            suggestion = nearest(to: text, in: ["true", "false"])
        }
        let message =
            switch node.text {
            case nil: "is \(node.kind)"
            case "": "is empty"
            default: "is not accepted here"
            }
        report(
            node.place,
            key,
            message,
            node.text,
            ServiceFileSchema.accepted(kind),
            suggestion: suggestion
        )
    }

    func fullPath(_ key: String) -> String {
        path.isEmpty || key.isEmpty ? path + key : "\(path).\(key)"
    }

    mutating func report(
        _ place: YAMLNode.Place,
        _ key: String,
        _ message: String,
        _ value: String? = nil,
        _ accepted: String? = nil,
        suggestion: String? = nil
    ) {
        diagnostics.append(
            Diagnostic(
                .error,
                at: Self.location(file, place),
                path: fullPath(key),
                message,
                value: value,
                accepted: accepted,
                suggestion: suggestion
            )
        )
    }

    static func location(_ file: String, _ place: YAMLNode.Place) -> TextLocation {
        TextLocation(file: file, line: place.line, column: place.column)
    }
}
