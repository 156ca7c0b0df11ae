// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Foundation
import NIOCore
import RealIP

/// Which running receiver is asked.
struct ReceiverName: ParsableArguments {
    @Option(help: "The receiver to ask.")
    var name = "default"

    func validate() throws {
        guard ReceiverPlace.isName(name) else { throw ValidationError("'\(name)' is no name") }
    }

    /// Asks, and says what it means when nobody is there.
    func ask<Answer>(
        _ question: (ControlClient) async throws(ControlError) -> Answer
    ) async throws -> Answer {
        let socket = ReceiverPlace.socket(of: name)
        do throws(ControlError) {
            return try await question(ControlClient(socket: socket, timeout: .seconds(10)))
        } catch {
            let reason: String
            switch error {
            case .noSocket, .notRunning:
                reason = "no receiver named '\(name)' runs (\(socket))" + whatStays
            default: reason = "\(error)"
            }
            ReceiverDaemon.say(reason)
            throw ExitCode(error.exitCode.rawValue)
        }
    }

    private var whatStays: String {
        guard let pins = try? Pins(name, at: .usual), pins.isThere else { return "" }
        return "; what it had set up goes on: \(pins.directory)"
    }
}

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "What a running receiver serves, whom it believes, what it counted."
    )

    @OptionGroup var receiver: ReceiverName
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let status = try await receiver.ask { client throws(ControlError) in
            try await client.get("/v1/status", as: ReceiverStatus.self)
        }
        print(json ? try ControlJSON.text(status) : status.text, terminator: "")
    }
}

struct MetricsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print what Prometheus would scrape of a running receiver."
    )

    @OptionGroup var receiver: ReceiverName

    func run() async throws {
        let text = try await receiver.ask { client throws(ControlError) in
            try await client.text("/metrics")
        }
        print(text, terminator: "")
    }
}

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say what this kernel can do, with these rights, and how to get what is missing.",
        discussion:
            "Every program is loaded by itself and taken away again. Ends with 1 when something is missing."
    )

    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let report = KernelReport.ofThisMachine()
        print(json ? try ControlJSON.text(report) : report.text, terminator: "")
        if !report.isGood { throw ExitCode(ExitStatus.problem.rawValue) }
    }
}
