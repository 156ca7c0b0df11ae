// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import YAML

extension ServiceFile {
    mutating func readSet(_ node: YAMLNode, _ path: String, _ file: String) {
        guard var reader = reader(node, ServiceFileSchema.set, path, file) else { return }
        defer { diagnostics += reader.diagnostics }
        let name = reader.text("name")
        var entries = reader.values("entries") { AddressSet.Entry($0) }
        if let listed = reader.node("entriesFile") {
            entries += readEntries(listed, &reader)
        }
        guard let name else { return }
        let set = AddressSet(name: name, entries: entries, owner: .file(file))
        objects.sets.append(located(set, reader))
    }

    /// What a file has that a set names; of a file with mistakes the first ones are told.
    private mutating func readEntries(
        _ node: YAMLNode,
        _ reader: inout ObjectReader
    ) -> [AddressSet.Entry] {
        guard let path = reader.text("entriesFile"),
            let bytes = readFile(path, for: "entriesFile", node.place, &reader)
        else { return [] }
        let list = EntryList(bytes)
        for mistake in list.mistakes {
            let location = TextLocation(file: path, line: mistake.line, column: 1)
            reader.diagnostics.append(
                Diagnostic(
                    .error,
                    at: location,
                    path: reader.fullPath("entriesFile"),
                    "is no entry",
                    value: mistake.text,
                    accepted: ServiceFileSchema.accepted(.entry)
                )
            )
        }
        return list.entries
    }

    mutating func readDenial(_ node: YAMLNode, _ path: String, _ file: String) {
        let location = ObjectReader.location(file, node.place)
        // An edit has a mapping, as it has of every kind.
        let text = node.text ?? node.value(of: "source")?.text
        guard let text, let source = AddressSource(text) else {
            diagnostics.append(
                Diagnostic(
                    .error,
                    at: location,
                    path: path,
                    text == nil ? "is \(node.kind)" : "is not accepted here",
                    value: text,
                    accepted: ServiceFileSchema.accepted(.source)
                )
            )
            return
        }
        let denial = Denial(source: source, owner: .file(file))
        objects.denials.append(Located(denial, path: path, at: location))
    }

    func readAccess(_ reader: inout ObjectReader) -> AccessLists {
        AccessLists(
            allow: reader.values("allow") { AddressSource($0) },
            deny: reader.values("deny") { AddressSource($0) }
        )
    }
}

/// The lines of a file of entries.
struct EntryList {
    private(set) var entries: [AddressSet.Entry] = []
    private(set) var mistakes: [(line: Int, text: String)] = []
    /// Mistakes that help a person.
    private static let mostMistakes = 20

    init(_ bytes: [UInt8]) {
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let said = line.prefix { $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: ";") }
            if let address = Self.ipv4(said) {
                entries.append(.init(AddressRange(address)))
                continue
            }
            let text = String(decoding: said, as: UTF8.self)
            guard text.contains(where: { !$0.isWhitespace }) else { continue }
            if let entry = AddressSet.Entry(text) {
                entries.append(entry)
            } else {
                mistakes.append((number, text))
                guard mistakes.count < Self.mostMistakes else { return }
            }
        }
    }

    /// The most frequent form at once: `192.0.2.0/24` or `192.0.2.1`, and nothing else in the line.
    private static func ipv4(_ line: ArraySlice<UInt8>) -> IPPrefix? {
        var numbers: (value: UInt32, count: Int, digits: Int, octet: UInt32) = (0, 0, 0, 0)
        var length: Int?
        for byte in line {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if let known = length {
                    guard known >= 0 || numbers.digits == 0, numbers.digits < 2 else { return nil }
                    length = max(known, 0) * 10 + Int(byte - UInt8(ascii: "0"))
                } else {
                    // A zero in front is no decimal number to everybody.
                    guard numbers.digits == 0 || numbers.octet > 0 else { return nil }
                    numbers.octet = numbers.octet * 10 + UInt32(byte - UInt8(ascii: "0"))
                    guard numbers.octet < 256 else { return nil }
                }
                numbers.digits += 1
            case UInt8(ascii: "."), UInt8(ascii: "/"):
                guard length == nil, numbers.digits > 0, numbers.count < 4 else { return nil }
                numbers.value = numbers.value << 8 | numbers.octet
                (numbers.count, numbers.digits, numbers.octet) = (numbers.count + 1, 0, 0)
                if byte == UInt8(ascii: "/") { length = -1 }
            default: return nil
            }
        }
        guard numbers.digits > 0 else { return nil }
        if length == nil {
            numbers.value = numbers.value << 8 | numbers.octet
            numbers.count += 1
        }
        guard numbers.count == 4 else { return nil }
        let address = IPAddress.v4(IPv4Address(rawValue: numbers.value))
        guard let prefix = IPPrefix(address, length: length ?? 32), prefix == prefix.network else {
            return nil
        }
        return prefix
    }
}
