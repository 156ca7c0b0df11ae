// SPDX-License-Identifier: Apache-2.0
import Foundation
import Subprocess
import Testing

/// Programs of this machine, run to their end.
enum Program {
    /// What came of one.
    struct Outcome: Sendable {
        /// The exit code; minus the signal's number when a signal ended it.
        var status: Int32
        var output: String
        var errors: String
    }

    static let repository = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    /// Where the executables under test are.
    private static let binaries: String = {
        let beside = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path
        return ProcessInfo.processInfo.environment["DPVS_BINARIES"] ?? beside
    }()

    static let dpvs = "\(binaries)/dpvs"
    static let dpip = "\(binaries)/dpip"

    static func path(of name: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return path.split(separator: ":").map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs a command line; one that takes longer than `timeout` is killed and an error.
    static func run(
        _ words: [String],
        input: String = "",
        timeout: Duration = .seconds(30)
    ) async throws -> Outcome {
        try await within(timeout, words.joined(separator: " ")) {
            // env(1) takes names and paths alike.
            let result = try await Subprocess.run(
                .name("env"),
                arguments: Arguments(words),
                input: .string(input),
                output: .string(limit: 16 << 20),
                error: .string(limit: 16 << 20)
            )
            return Outcome(
                status: result.terminationStatus.number,
                output: result.standardOutput,
                errors: result.standardError
            )
        }
    }

    /// The same for programs that must succeed; returns what they print.
    @discardableResult
    static func demand(
        _ words: [String],
        timeout: Duration = .seconds(30),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let outcome = try await run(words, timeout: timeout)
        try #require(
            outcome.status == 0,
            "\(words.joined(separator: " ")): \(outcome.errors)",
            sourceLocation: sourceLocation
        )
        return outcome.output
    }
}

extension TerminationStatus {
    var number: Int32 {
        switch self {
        case .exited(let code): code
        case .signaled(let signal): -signal
        }
    }
}

/// Something that did not happen in time.
struct Timeout: Error, CustomStringConvertible {
    var description: String
}

/// Runs `body`, and cancels it when it takes longer than `limit`.
func within<Value: Sendable>(
    _ limit: Duration,
    _ what: String,
    _ body: @Sendable @escaping () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw Timeout(description: "not within \(limit): \(what)")
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw CancellationError() }
        return first
    }
}

/// Asks again and again until `condition` holds; an error when it does not in time.
func eventually(
    _ what: String,
    within limit: Duration = .seconds(15),
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            throw Timeout(description: "not within \(limit): \(what)")
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}
