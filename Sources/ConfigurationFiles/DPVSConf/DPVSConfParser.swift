// SPDX-License-Identifier: Apache-2.0
package import Model

/// What a `dpvs.conf` says, with everything there is to say about it.
package struct DPVSConf: Sendable {
    /// Meaningful when no diagnostic is an error.
    package var settings = Settings()
    package var diagnostics: [Diagnostic] = []
    /// Every file that was read, by path.
    package var files: [String: [UInt8]] = [:]
    /// Whether something could not be read for a reason that may pass by itself.
    package var isPassing = false
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
    /// Files, and octets of all of them: a hundred times what the largest machine needs.
    private static let mostFiles = 256
    private static let mostOctets = 2 << 20
    /// Devices, bonds or workers: DPVS has 64 of each at most.
    private static let mostBlocks = 64
    /// Errors that help a person; further ones are not looked for.
    private static let mostErrors = 200

    private let reader: any SourceReader
    var result = DPVSConf()
    /// Where each item was set, for complaints about combinations.
    var places: [String: TextLocation] = [:]
    /// Names of devices, bonds and workers so far, with the block's path in front.
    private var names: Set<String> = []
    /// The file that the reading began with, and files that are not below its directory.
    private var mainFile: String?
    /// The place of what stands nowhere in the files.
    var wholeFile: TextLocation { TextLocation(file: mainFile ?? "", line: 1, column: 1) }
    private var foreign: Set<String> = []
    private var octets = 0
    var errors = 0
    /// Whether there was so much to say, or to read, that the rest is left alone.
    private var isOver = false
    /// Items of named blocks that are noted to have no effect.
    var noted: Set<String> = []
    /// How many devices are declared above each bond.
    var devicesBefore: [String: Int] = [:]

    init(reader: any SourceReader) {
        self.reader = reader
    }

    // MARK: - Files

    /// `block` is the path of the block that the file's statements stand in.
    mutating func read(
        _ path: String,
        includedFrom place: TextLocation?,
        in block: String = "",
        depth: Int
    ) {
        let bytes: [UInt8]
        do throws(SourceError) {
            bytes = try reader.read(path)
        } catch {
            result.isPassing = result.isPassing || error.isPassing
            let start = TextLocation(file: path, line: 1, column: 1)
            if let place {
                report(.error, place, "include", "cannot be read: \(error.message)", path)
            } else {
                let accepted = "a file to read; --conf names it"
                let message = "the configuration file cannot be read: \(error.message)"
                report(.error, start, "", message, nil, accepted)
            }
            return
        }
        octets += bytes.count
        guard result.files.count < Self.mostFiles, octets <= Self.mostOctets else {
            let start = TextLocation(file: path, line: 1, column: 1)
            let size = "\(Self.mostOctets >> 20) MiB"
            let most = "at most \(Self.mostFiles) files with \(size) together"
            if let place {
                report(.error, place, "include", "is too much to read", path, most)
            } else {
                report(.error, start, "", "the file is too large", nil, "at most \(size)")
            }
            isOver = true
            return
        }
        result.files[path] = bytes
        if reader.isOutside(path, of: mainFile ?? path) { foreign.insert(path) }
        mainFile = mainFile ?? path
        var lexer = Lexer(bytes, file: path)
        var parser = StatementParser(lexer.tokens())
        let statements = parser.statements()
        for diagnostic in lexer.diagnostics + parser.diagnostics { report(diagnostic) }
        guard !parser.isLost else { return }
        for statement in statements where !isOver {
            decode(statement, in: block, file: path, depth)
        }
    }

    private mutating func include(
        _ statement: Statement,
        from file: String,
        in block: String,
        _ depth: Int
    ) {
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
        let found: [String]
        do throws(SourceError) {
            found = try reader.glob(absolute)
        } catch {
            result.isPassing = result.isPassing || error.isPassing
            report(.error, pattern.location, "include", error.message, pattern.text)
            return
        }
        if found.isEmpty {
            report(.warning, pattern.location, "include", "matches no file", pattern.text)
        }
        for path in found where !isOver {
            guard result.files[path] == nil else {
                report(.error, pattern.location, "include", "is included twice", path)
                continue
            }
            read(path, includedFrom: pattern.location, in: block, depth: depth + 1)
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
            include(statement, from: file, in: block, depth)
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
            let value = value(of: statement, for: item)
            note(statement, item, earlier: places[path])
            if let value {
                result.settings.items[path] = value
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
            for child in children where !isOver { decode(child, in: path, file: file, depth) }
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
        _ location: TextLocation
    ) {
        guard result.settings[keyPath: list].count < Self.mostBlocks else {
            let most = "at most \(Self.mostBlocks)"
            report(.error, location, block.path, "is one too many", block.name, most)
            isOver = true
            return
        }
        if !names.insert("\(block.path) \(block.name)").inserted {
            report(.error, location, block.path, "is there twice", block.name)
        }
        result.settings[keyPath: list].append(block)
    }

    private mutating func namedBlock(
        _ statement: Statement,
        _ children: [Statement],
        _ path: String,
        in outer: NamedBlock? = nil
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
        decode(children, into: &block, path, Self.owner(block, in: outer))
        return block
    }

    /// What the items of a named block are found by in `places`; a worker's ports have the names that
    /// another worker's have.
    static func owner(_ block: NamedBlock, in outer: NamedBlock? = nil) -> String {
        outer.map { "\(block.path) \($0.name) \(block.name)" } ?? "\(block.path) \(block.name)"
    }

    /// Items of a named block keep their path within it.
    private mutating func decode(
        _ statements: [Statement],
        into block: inout NamedBlock,
        _ prefix: String,
        _ owner: String
    ) {
        for statement in statements where !isOver {
            let path = prefix + "." + statement.keyword
            if ItemCatalogue.namedBlocks.contains(path), let children = statement.children {
                guard let inner = namedBlock(statement, children, path, in: block) else {
                    continue
                }
                guard block.blocks.count < Self.mostBlocks else {
                    let most = "at most \(Self.mostBlocks)"
                    report(.error, statement.location, path, "is one too many", inner.name, most)
                    return
                }
                block.blocks.append(inner)
                places["\(owner) \(inner.name)"] = statement.location
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
                decode(children, into: &block, path, owner)
            } else if let item = ItemCatalogue.item(path) {
                guard statement.children == nil else {
                    report(.error, statement.location, path, "is not a block")
                    continue
                }
                let value = value(of: statement, for: item)
                let key = String(path.dropFirst(block.path.count + 1))
                let isFirst = block.items[key] == nil || item.keyword == "slave"
                note(statement, item, earlier: isFirst ? nil : places["\(owner) \(key)"])
                guard let value else { continue }
                block.items[key] = merged(block.items[key], value, item)
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
        _ location: TextLocation,
        _ path: String,
        _ message: String,
        _ value: String? = nil,
        _ accepted: String? = nil,
        suggestion: String? = nil
    ) {
        report(
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

    private mutating func report(_ diagnostic: Diagnostic) {
        guard !isOver else { return }
        result.diagnostics.append(
            foreign.contains(diagnostic.location.file) ? diagnostic.withoutText : diagnostic
        )
        guard diagnostic.severity == .error else { return }
        errors += 1
        guard errors == Self.mostErrors else { return }
        isOver = true
        result.diagnostics.append(
            Diagnostic(.error, at: diagnostic.location, path: "", "what follows is not looked at")
        )
    }

    private mutating func reportUnknown(_ statement: Statement, in block: String) {
        let known = ItemCatalogue.keywords(in: block) + (block.isEmpty ? ["include"] : [])
        let other = ItemCatalogue.namedBlocks.sorted()
            .first { ItemCatalogue.keywords(in: $0).contains(statement.keyword) }
        report(
            .error,
            statement.location,
            block,
            block.isEmpty
                ? "is not a block of dpvs.conf"
                : other.map { "is a keyword of \($0), and none here" } ?? "is not a keyword here",
            statement.keyword,
            known.joined(separator: ", "),
            suggestion: nearest(to: statement.keyword, in: known)
        )
    }

    /// Says of an item that it does nothing, or that an earlier one does nothing because of it.
    private mutating func note(
        _ statement: Statement,
        _ item: ConfigurationItem,
        earlier: TextLocation?
    ) {
        if let earlier, earlier != statement.location {
            let message = "is set again at \(statement.location), and that counts"
            report(.notInEffect, earlier, item.path, message)
        }
        guard !item.isInEffect else { return }
        let isGone = ItemCatalogue.gone.contains { $0.path == item.path }
        let state = isGone ? "\(item.summary), without effect" : "has no effect"
        let instead = item.instead.map { "; instead: \($0)" } ?? ""
        let text = statement.values.map(\.text).joined(separator: " ")
        let value = text.isEmpty ? nil : text
        report(.notInEffect, statement.location, item.path, state + instead, value)
    }
}
