// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ConfigurationFiles
import Control
import Foundation
import Instance
import Linux
import Model

/// Where the files of a configuration are.
struct FileOptions: ParsableArguments {
    static let confPaths = ["/etc/dpvs/dpvs.conf", "/etc/dpvs.conf"]

    @Option(
        name: [.customShort("c"), .long],
        help: "The configuration file. (default: /etc/dpvs/dpvs.conf, or /etc/dpvs.conf)"
    )
    var conf: String?

    @Option(help: "The directory of service files. (default: services.d beside the configuration)")
    var services: String?

    var loader: ConfigurationLoader {
        let found = conf ?? Self.confPaths.first { Files.identity(of: $0) != nil }
        let path = found ?? Self.confPaths[0]
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let beside = conf == nil ? "/etc/dpvs/services.d" : "\(folder)/services.d"
        return ConfigurationLoader(
            conf: path,
            services: .directory(services ?? beside, isNeeded: services != nil)
        )
    }
}

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Balance until SIGTERM (the default).",
        discussion: "Words after -- go to DPDK's EAL as they are."
    )

    @OptionGroup var files: FileOptions

    @Option(help: "Tells instances on one host apart. (default: $DPVS_INSTANCE, or default)")
    var instance: String?

    @Option(
        name: [.customShort("x"), .customLong("ipc-file")],
        help: "The control socket. (default: /run/dpvs/<instance>/control.sock)"
    )
    var socket: String?

    @Option(
        name: [.customShort("p"), .customLong("pid-file")],
        help: "The lock file with the process id. (default: /run/dpvs/<instance>/pid)"
    )
    var pidFile: String?

    @Argument(parsing: .postTerminator, help: "EAL arguments.")
    var eal: [String] = []

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment["DPVS_INSTANCE"] ?? ""
        let name = instance ?? (environment.isEmpty ? SocketPath.defaultInstance : environment)
        guard SocketPath.isInstance(name) else {
            throw ValidationError("'\(name.printable)' is not the name of an instance")
        }
        let directory = "\(SocketPath.root)/\(name)"
        let daemon = Daemon(
            instance: name,
            loader: files.loader,
            socket: socket ?? SocketPath.of(instance: name),
            lockFile: pidFile ?? "\(directory)/pid",
            runDirectory: directory,
            eal: eal
        )
        do {
            try await daemon.run()
        } catch {
            // It is logged.
            throw ExitCode.failure
        }
    }
}
