// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Control
import Foundation
import Model

/// Why a command was not carried out.
package struct CommandFailure: Error, Equatable, CustomStringConvertible {
    package var description: String
    /// What is printed behind it, line by line as it is.
    package var help: String

    package init(_ description: String, help: String = "") {
        self.description = description
        self.help = help
    }
}

/// Carries commands out: asks a running instance, and writes what comes of it.
package struct Session: Sendable {
    let client: ControlClient
    let options: Options
    let write: @Sendable (String) throws -> Void
    /// What is to be said beside the answer, a line of standard error.
    let note: @Sendable (String) -> Void

    package init(
        client: ControlClient,
        options: Options,
        write: @Sendable @escaping (String) throws -> Void,
        note: @Sendable @escaping (String) -> Void
    ) {
        self.client = client
        self.options = options
        self.write = write
        self.note = note
    }

    /// Throws `CommandFailure`, `ControlError`, or what `write` throws.
    package func run(_ command: Command) async throws {
        switch command {
        case .usage: try write(Help.usage)
        case .version: break
        case .help(let object, let isAsked):
            guard isAsked else {
                throw CommandFailure("a command is missing", help: Help.text(of: object))
            }
            try write(Help.text(of: object))
        case .link(let command): try await run(command)
        case .address(let command): try await run(command)
        case .route(let command): try await run(command)
        case .neighbour(let command): try await run(command)
        case .groups(let device): try await showGroups(of: device)
        case .vlan(let command): try await run(command)
        case .tunnel(let command): try await run(command)
        case .ipv6(let command): try await run(command)
        case .memory(let command): try await run(command)
        case .flow(let command): try await run(command)
        case .discovery(let command): try await run(command)
        case .scheduler, .classifier:
            throw CommandFailure(
                "traffic control is not built yet: nothing is queued or dropped by it"
            )
        case .set: throw CommandFailure("address sets (ipset) are not built yet: there is none")
        case .flowSamples:
            throw CommandFailure(
                "flows are not sampled: connections and services count packets themselves, see dpvs status"
            )
        }
    }

    // MARK: - Answers

    /// Writes `value` as JSON when that is wanted, else as `text`, again and again where options say so.
    func show<Value: Encodable & Sendable>(
        _ value: () async throws -> Value,
        _ text: (Value) -> String
    ) async throws {
        var left = options.count ?? (options.interval == nil ? 1 : .max)
        while true {
            let found = try await value()
            try write(options.isJSON ? ControlJSON.text(found) : text(found).printableLines)
            left -= 1
            guard left > 0, let interval = options.interval else { return }
            try await Task.sleep(for: .seconds(interval))
        }
    }

    /// Interfaces; of a name, that one alone.
    func links(named name: String?, details: Bool = false) async throws -> [LinkStatus] {
        let path = details ? "/v1/links?details=on" : "/v1/links"
        let links = try await client.get(path, as: [LinkStatus].self)
        guard let name else { return links }
        guard let link = links.first(where: { $0.name == name }) else {
            throw noDevice(name, among: links.map(\.name))
        }
        return [link]
    }

    func noDevice(_ name: String, among names: [String]) -> CommandFailure {
        let near = nearest(to: name, in: names).map { "; did you mean '\($0)'?" } ?? ""
        return CommandFailure(
            "there is no device '\(name)'; devices are \(names.joined(separator: ", "))\(near)"
        )
    }

    /// Complains when nothing is called so.
    func demand(_ device: String?) async throws {
        if device != nil { _ = try await links(named: device) }
    }

    func isOfFamily(_ address: IPAddress) -> Bool {
        options.family.map { $0 == address.family } ?? true
    }

    // MARK: - Changes

    /// Applies edits as one change; without edits there is nothing to do.
    func apply(_ edits: EditList) async throws {
        guard !edits.isEmpty else { return }
        let request = EditRequest(batch: try edits.batch(), name: "dpip")
        let report = try await client.edit(request)
        for problem in report.problems where problem.severity != .error {
            note(Self.sentence(problem.message))
        }
        guard report.isSuccess else {
            let errors = report.problems.errors.map { Self.sentence($0.message) }
            throw CommandFailure(errors.isEmpty ? report.text : errors.joined(separator: "\n"))
        }
        if options.isJSON { try write(ControlJSON.text(report)) }
    }

    /// A complaint about an edit in the words of this program: without the path through the batch, and
    /// without the verbs of edits.
    static func sentence(_ message: String) -> String {
        var text = message[...]
        if text.hasPrefix("edits["), let end = text.range(of: ": ") {
            let path = text[..<end.lowerBound].split(separator: ".").dropFirst(3)
            text = text[end.upperBound...]
            if !path.isEmpty { text = "\(path.joined(separator: ".")): \(text)"[...] }
        }
        let isAboutPresence = text.contains(" is there already") || text.contains("there is no ")
        if isAboutPresence, let tail = text.range(of: "; accepted: ") {
            text = text[..<tail.lowerBound]
        }
        return String(text)
    }
}

extension String {
    /// The same with control characters made visible, but for the ends of lines and for colours, which are
    /// this program's own.
    var printableLines: String {
        split(separator: "\n", omittingEmptySubsequences: false)
            .map { line in
                line.split(separator: "\u{1B}", omittingEmptySubsequences: false)
                    .map { String($0).printable }
                    .joined(separator: "\u{1B}")
            }
            .joined(separator: "\n")
    }
}
