// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Foundation
import Model

/// Which running `dpvs` a command asks.
struct InstanceOptions: ParsableArguments {
    @Option(help: "The instance to ask. (default: $DPVS_INSTANCE, or default)")
    var instance: String?

    @Option(help: "Its control socket. (default: /run/dpvs/<instance>/control.sock)")
    var socket: String?

    var client: ControlClient {
        ControlClient(socket: socket ?? SocketPath.of(instance: name))
    }

    private var name: String {
        let environment = ProcessInfo.processInfo.environment["DPVS_INSTANCE"] ?? ""
        return instance ?? (environment.isEmpty ? SocketPath.defaultInstance : environment)
    }

    func validate() throws {
        if socket == nil, !SocketPath.isInstance(name) {
            throw ValidationError("'\(name.printable)' is not the name of an instance")
        }
    }
}

/// Which services a command is about.
struct ServiceOptions: ParsableArguments {
    @Option(
        name: .customLong("service"),
        help: ArgumentHelp(
            "Only services whose name or key fits: web, 'web-*', 'tcp 10.0.0.1:80'. May be repeated.",
            valueName: "pattern"
        )
    )
    var patterns: [String] = []

    func append(to query: inout QueryText) {
        for pattern in patterns { query.append("service", pattern) }
    }
}

/// How a command answers.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON.")
    var json = false

    /// Writes `value` to standard output, as JSON or as the text for people.
    func write<Value: Encodable>(_ value: Value, _ text: (Value) -> String) throws {
        // Names come from files and from other machines; on a terminal they are only seen.
        let lines = text(value).split(separator: "\n", omittingEmptySubsequences: false)
        let printable = lines.map { String($0).printable }.joined(separator: "\n")
        try StandardOutput.write(json ? ControlJSON.text(value) : printable)
    }
}

enum StandardOutput {
    /// Writes all of `text`; what finds no room, on a full disk for example, is an error.
    static func write(_ text: String) throws { try write(text.utf8) }

    static func write(_ octets: some Sequence<UInt8>) throws {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(octets))
        } catch {
            throw OutputError(reason: "\((error as NSError).localizedDescription)")
        }
    }
}

struct OutputError: Error, CustomStringConvertible {
    var reason: String
    var description: String { "the answer cannot be written: \(reason)" }
}
