// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import Linux
import RealIP

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Serve one program, and end with it.",
        discussion: """
            The receiver is attached to the own control group, which in a container is the container's, and stays \
            above the program: it hands signals down and ends with the program's exit code. The program does \
            not get the capabilities that the receiver needs: CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON, CAP_SYS_ADMIN.

                dpvs-realip run --from 10.0.1.200 -- nginx -g 'daemon off;'
            """
    )

    @Option(help: "Another control group; made when it is not there, and the program runs in it.")
    var cgroup: String?

    @Flag(help: "Let the program keep every capability.")
    var keepCapabilities = false

    @OptionGroup var arguments: ReceiverArguments

    @Argument(parsing: .postTerminator, help: "The program and its arguments, after --.")
    var program: [String] = []

    func validate() throws {
        guard !program.isEmpty else { throw ValidationError("a program is needed: ... -- PROGRAM") }
    }

    func run() async throws {
        StandardStreams.prepare()
        if let cgroup { try ControlGroup.make(cgroup) }
        let group = try cgroup ?? ControlGroup.directory(ofProcess: "self")
        let daemon = ReceiverDaemon(
            name: arguments.name,
            arguments.options(groups: [group]),
            metrics: arguments.metrics,
            detaches: true
        )
        let words = entrance
        let code = try await daemon.run { () async throws -> Int32 in
            let child = try Programs.start("/proc/self/exe", words)
            return try await Self.end(of: child)
        }
        throw ExitCode(code)
    }

    /// The command line by which the program is entered.
    private var entrance: [String] {
        var words = ["dpvs-realip", EnterCommand.name]
        if let cgroup { words += ["--cgroup", cgroup] }
        if keepCapabilities { words.append("--keep-capabilities") }
        return words + ["--"] + program
    }

    private static func end(of child: Int32) async throws -> Int32 {
        try await withCheckedThrowingContinuation { continuation in
            // A thread that only waits.
            Foundation.Thread {
                continuation.resume(with: Result { try Programs.wait(for: child) })
            }
            .start()
        }
    }
}

/// What stands between `run` and its program: a process of a single thread that gives rights away.
struct EnterCommand: ParsableCommand {
    static let name = "enter"
    static let configuration = CommandConfiguration(commandName: name, shouldDisplay: false)

    @Option var cgroup: String?
    @Flag var keepCapabilities = false
    @Argument(parsing: .postTerminator) var program: [String] = []

    func run() throws {
        if let cgroup { try Files.write(Array("0\n".utf8), to: "\(cgroup)/cgroup.procs") }
        let lost: Capabilities = keepCapabilities ? [] : [.bpf, .netAdmin, .perfmon, .admin]
        let error = Programs.become(program, without: lost)
        ReceiverDaemon.say("\(error)")
        // As shells have it: found and not to be run, or not found.
        throw ExitCode(error.isMissing ? 127 : 126)
    }
}
