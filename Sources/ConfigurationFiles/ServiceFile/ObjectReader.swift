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
    private var values: [String: YAMLNode] = [:]
    var diagnostics: [Diagnostic] = []

    /// Nil, with a complaint, when `node` is no mapping.
    init?(
        _ node: YAMLNode,
        _ object: ServiceFileSchema.Object,
        path: String,
        file: String,
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
        for (key, value) in pairs { take(key, value) }
        for field in object.fields where field.isRequired && values[field.key] == nil {
            report(place, field.key, "is missing", nil, ServiceFileSchema.accepted(field.kind))
        }
    }

    private mutating func take(_ key: YAMLNode, _ value: YAMLNode) {
        let name = key.text ?? ""
        if path.isEmpty, name.hasPrefix("x-") { return }
        guard object.keys.contains(name) else {
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

    func location(of key: String) -> SourceLocation {
        Self.location(file, values[key]?.place ?? place)
    }

    private func kind(_ key: String) -> ServiceFileSchema.Kind? {
        object.fields.first { $0.key == key }?.kind
    }

    mutating func text(_ key: String) -> String? {
        read(key) { $0.isEmpty ? nil : $0 }
    }

    mutating func address(_ key: String) -> IPAddress? { read(key) { IPAddress($0) } }

    mutating func prefix(_ key: String) -> IPPrefix? {
        read(key) { text in text.contains("/") ? IPPrefix(text) : nil }
    }

    /// An address or a network.
    mutating func source(_ key: String) -> IPPrefix? {
        read(key) { text in
            text.contains("/") ? IPPrefix(text) : IPAddress(text).map(IPPrefix.init(host:))
        }
    }

    /// A network; `default` is all of `family`.
    mutating func destination(_ key: String, _ family: AddressFamily) -> IPPrefix? {
        read(key) { text in
            if text == "default" { return .any(family) }
            return text.contains("/") ? IPPrefix(text) : nil
        }
    }

    /// A number; one in quotes is a text and refused, as the schema does.
    mutating func integer(_ key: String) -> Int? {
        guard case .integer(let range) = kind(key) else { return nil }
        guard case .scalar(_, isPlain: true) = values[key]?.content ?? .scalar("", isPlain: true)
        else {
            complain(key, values[key])
            return nil
        }
        return read(key) { text in
            // YAML readers disagree on what a leading zero means, so nobody gets to write one.
            let isPlain = text == "0" || !text.hasPrefix("0") && text.allSatisfy(\.isNumber)
            guard isPlain, let number = Int(text), range.contains(number) else { return nil }
            return number
        }
    }

    mutating func choice<Choice: RawRepresentable<String>>(_ key: String) -> Choice? {
        read(key) { Choice(rawValue: $0) }
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

    /// `true` or `false`, the only words that YAML 1.2 has for them, and not in quotes.
    mutating func flag(_ key: String) -> Bool? {
        guard let node = values[key] else { return nil }
        guard case .scalar(let text, isPlain: true) = node.content, let value = Bool(text) else {
            complain(key, node)
            return nil
        }
        return value
    }

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

    mutating func addresses(_ key: String) -> [IPAddress] {
        list(key, of: .address, "is not an address") { IPAddress($0) }
    }

    mutating func choices<Choice: RawRepresentable<String>>(_ key: String) -> [Choice] {
        guard case .list(let kind) = kind(key) else { return [] }
        return list(key, of: kind, "is not accepted here") { Choice(rawValue: $0) }
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

    private mutating func read<Value>(_ key: String, _ parse: (String) -> Value?) -> Value? {
        guard let node = values[key] else { return nil }
        if let text = node.text, let value = parse(text) { return value }
        complain(key, node)
        return nil
    }

    // MARK: - Complaints

    private mutating func complain(_ key: String, _ node: YAMLNode?) {
        guard let kind = kind(key), let node else { return }
        var suggestion: String?
        if case .choice(let words) = kind, let text = node.text {
            suggestion = nearest(to: text, in: words)
        }
        let message = node.text == nil ? "is \(node.kind)" : "is not accepted here"
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

    static func location(_ file: String, _ place: YAMLNode.Place) -> SourceLocation {
        SourceLocation(file: file, line: place.line, column: place.column)
    }
}
