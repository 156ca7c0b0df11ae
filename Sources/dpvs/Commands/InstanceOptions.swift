// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Foundation

/// Which running `dpvs` a command asks.
struct InstanceOptions: ParsableArguments {
    @Option(help: "The instance to ask. (default: $DPVS_INSTANCE, or default)")
    var instance: String?

    @Option(help: "Its control socket. (default: /run/dpvs/<instance>/control.sock)")
    var socket: String?

    var client: ControlClient {
        let environment = ProcessInfo.processInfo.environment["DPVS_INSTANCE"] ?? ""
        let name = instance ?? (environment.isEmpty ? SocketPath.defaultInstance : environment)
        return ControlClient(socket: socket ?? SocketPath.of(instance: name))
    }

    func validate() throws {
        if let instance, instance.isEmpty || instance.contains("/") {
            throw ValidationError("'\(instance)' is not the name of an instance")
        }
    }
}

/// How a command answers.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON.")
    var json = false

    /// Writes `value` to standard output, as JSON or as the text for people.
    func write<Value: Encodable>(_ value: Value, _ text: (Value) -> String) throws {
        print(json ? try ControlJSON.text(value) : text(value), terminator: "")
    }
}
