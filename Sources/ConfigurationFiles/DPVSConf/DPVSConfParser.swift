// SPDX-License-Identifier: Apache-2.0
package import Model

/// What a `dpvs.conf` says, with everything there is to say about it.
package struct DPVSConf: Sendable {
    /// Meaningful when no diagnostic is an error.
    package var settings = Settings()
    package var diagnostics: [Diagnostic] = []
    /// Every file that was read, by path.
    package var files: [String: [UInt8]] = [:]
}

/// Reads `path` and what it includes; finds every problem, not only the first.
package func parseDPVSConf(path: String, reader: any SourceReader) -> DPVSConf {
    var parser = DPVSConfParser(reader: reader)
    parser.read(path, includedFrom: nil, depth: 0)
    parser.checkMeaning()
    return parser.result
}

struct DPVSConfParser {
    private static let deepestInclude = 8

    private let reader: any SourceReader
    var result = DPVSConf()
    /// Where each item was set, for complaints about combinations.
    var places: [String: SourceLocation] = [:]
    /// How many devices are declared above each bond.
    var devicesBefore: [String: Int] = [:]

    init(reader: any SourceReader) {
        self.reader = reader
    }

    // MARK: - Files

    mutating func read(_ path: String, includedFrom place: SourceLocation?, depth: Int) {
        let bytes: [UInt8]
        do throws(SourceError) {
            bytes = try reader.read(path)
        } catch {
            let location = place ?? SourceLocation(file: path, line: 1, column: 1)
            report(.error, location, "include", "cannot be read: \(error.message)", path)
            return
        }
        result.files[path] = bytes
        var lexer = Lexer(bytes, file: path)
        var parser = StatementParser(lexer.tokens())
        let statements = parser.statements()
        result.diagnostics += lexer.diagnostics + parser.diagnostics
        for statement in statements { decode(statement, in: "", file: path, depth) }
    }

    private mutating func include(_ statement: Statement, from file: String, _ depth: Int) {
        guard statement.values.count == 1, let pattern = statement.values.first else {
            report(.error, statement.location, "include", "takes one pattern", nil, "a path")
            return
        }
        guard depth < Self.deepestInclude else {
            report(.error, pattern.location, "include", "is nested too deep", pattern.text)
            return
        }
        let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
        let absolute = pattern.text.hasPrefix("/") ? pattern.text : folder + pattern.text
        let found = reader.glob(absolute)
        if found.isEmpty {
            report(.warning, pattern.location, "include", "matches no file", pattern.text)
        }
        for path in found {
            guard result.files[path] == nil else {
                report(.error, pattern.location, "include", "is included twice", path)
                continue
            }
            read(path, includedFrom: pattern.location, depth: depth + 1)
        }
    }

    // MARK: - Statements

    private mutating func decode(
        _ statement: Statement,
        in block: String,
        file: String,
        _ depth: Int
    ) {
        if statement.keyword == "include" {
            include(statement, from: file, depth)
            return
        }
        let path = block.isEmpty ? statement.keyword : block + "." + statement.keyword
        if ItemCatalogue.blocks.contains(path) {
            decodeBlock(statement, path, file: file, depth)
        } else if let item = ItemCatalogue.item(path) {
            guard statement.children == nil else {
                report(.error, statement.location, path, "is not a block")
                return
            }
            if let value = value(of: statement, for: item) {
                result.settings.items[path] = value
                noteEffect(of: item, value, statement.location)
                places[path] = statement.location
            }
        } else {
            reportUnknown(statement, in: block)
        }
    }

    private mutating func decodeBlock(
        _ statement: Statement,
        _ path: String,
        file: String,
        _ depth: Int
    ) {
        guard let children = statement.children else {
            report(
                .error,
                statement.location,
                path,
                "is a block",
                nil,
                "\(statement.keyword) { ... }"
            )
            return
        }
        guard ItemCatalogue.namedBlocks.contains(path) else {
            for value in statement.values {
                report(.error, value.location, path, "is a block without a name", value.text)
            }
            for child in children { decode(child, in: path, file: file, depth) }
            return
        }
        guard let block = namedBlock(statement, children, path) else { return }
        places["\(path) \(block.name)"] = statement.location
        switch path {
        case "netif_defs.device": add(block, to: \.devices, statement.location)
        case "netif_defs.bonding":
            devicesBefore[block.name] = result.settings.devices.count
            add(block, to: \.bonds, statement.location)
        default: add(block, to: \.workers, statement.location)
        }
    }

    private mutating func add(
        _ block: NamedBlock,
        to list: WritableKeyPath<Settings, [NamedBlock]>,
        _ location: SourceLocation
    ) {
        if result.settings[keyPath: list].contains(where: { $0.name == block.name }) {
            report(.error, location, block.path, "is there twice", block.name)
        }
        result.settings[keyPath: list].append(block)
    }

    private mutating func namedBlock(
        _ statement: Statement,
        _ children: [Statement],
        _ path: String
    ) -> NamedBlock? {
        guard let name = statement.values.first else {
            report(
                .error,
                statement.location,
                path,
                "has no name",
                nil,
                "\(statement.keyword) NAME { ... }"
            )
            return nil
        }
        for surplus in statement.values.dropFirst() {
            report(.error, surplus.location, path, "is more than a name", surplus.text)
        }
        var block = NamedBlock(name: name.text, path: path)
        decode(children, into: &block, path)
        return block
    }

    /// Items of a named block keep their path within it.
    private mutating func decode(
        _ statements: [Statement],
        into block: inout NamedBlock,
        _ prefix: String
    ) {
        for statement in statements {
            let path = prefix + "." + statement.keyword
            if ItemCatalogue.namedBlocks.contains(path), let children = statement.children {
                guard let inner = namedBlock(statement, children, path) else { continue }
                block.blocks.append(inner)
                places["\(block.path) \(block.name) \(inner.name)"] = statement.location
            } else if ItemCatalogue.blocks.contains(path) {
                guard let children = statement.children else {
                    report(
                        .error,
                        statement.location,
                        path,
                        "is a block",
                        nil,
                        "\(statement.keyword) { ... }"
                    )
                    continue
                }
                decode(children, into: &block, path)
            } else if let item = ItemCatalogue.item(path) {
                guard statement.children == nil else {
                    report(.error, statement.location, path, "is not a block")
                    continue
                }
                guard let value = value(of: statement, for: item) else { continue }
                let key = String(path.dropFirst(block.path.count + 1))
                block.items[key] = merged(block.items[key], value, item)
                noteEffect(of: item, value, statement.location)
                let owner = "\(block.path) \(block.name)"
                places["\(owner) \(key)"] = statement.location
                if item.keyword == "slave" {
                    for slave in statement.values {
                        places["\(owner) \(slave.text)"] = slave.location
                    }
                }
            } else {
                reportUnknown(statement, in: prefix)
            }
        }
    }

    /// `slave` repeats; everything else counts as last written.
    private func merged(
        _ old: ItemValue?,
        _ new: ItemValue,
        _ item: ConfigurationItem
    ) -> ItemValue {
        if item.keyword == "slave", case .words(let before) = old, case .words(let more) = new {
            return .words(before + more)
        }
        return new
    }

    // MARK: - Complaints

    mutating func report(
        _ severity: Diagnostic.Severity,
        _ location: SourceLocation,
        _ path: String,
        _ message: String,
        _ value: String? = nil,
        _ accepted: String? = nil,
        suggestion: String? = nil
    ) {
        result.diagnostics.append(
            Diagnostic(
                severity,
                at: location,
                path: path,
                message,
                value: value,
                accepted: accepted,
                suggestion: suggestion
            )
        )
    }

    private mutating func reportUnknown(_ statement: Statement, in block: String) {
        let known = ItemCatalogue.keywords(in: block) + (block.isEmpty ? ["include"] : [])
        report(
            .error,
            statement.location,
            block,
            block.isEmpty ? "is not a block of dpvs.conf" : "is not a keyword here",
            statement.keyword,
            known.joined(separator: ", "),
            suggestion: nearest(to: statement.keyword, in: known)
        )
    }

    private mutating func noteEffect(
        of item: ConfigurationItem,
        _ value: ItemValue,
        _ location: SourceLocation
    ) {
        guard !item.isInEffect, value != item.defaultValue else { return }
        report(
            .notInEffect,
            location,
            item.path,
            "is accepted and has no effect",
            value.description
        )
    }
}
