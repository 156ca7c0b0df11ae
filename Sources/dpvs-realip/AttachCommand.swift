// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Linux
import RealIP

struct AttachCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach",
        abstract: "Serve the programs of a control group until SIGTERM.",
        discussion: """
            Programs that run already need no restart. When the receiver ends, whatever ends it, they see the \
            balancer's addresses again; protocol 248 is taken off the interfaces until `detach`, so that no \
            datagram is lost while a receiver is started again.
            """
    )

    @Option(help: "The directory of the control group, below /sys/fs/cgroup.")
    var cgroup: String?

    @Option(help: "A unit of systemd that runs: nginx.service.")
    var unit: String?

    @Option(
        name: .customLong("process"),
        help: "A process whose control group it is, in another container, too."
    )
    var process: Int32?

    @OptionGroup var arguments: ReceiverArguments

    func validate() throws {
        let given = [cgroup != nil, unit != nil, process != nil].filter { $0 }
        guard given.count == 1 else {
            throw ValidationError("one of --cgroup, --unit and --process is needed")
        }
    }

    func run() async throws {
        StandardStreams.prepare()
        let group =
            if let unit {
                try ControlGroup.directory(ofUnit: unit)
            } else if let process {
                try ControlGroup.directory(ofProcess: "\(process)")
            } else {
                cgroup ?? ""
            }
        let signals = Signals([.terminate, .interrupt])
        let daemon = ReceiverDaemon(
            name: arguments.name,
            arguments.options(group: group),
            metrics: arguments.metrics,
            removesFilters: false
        )
        try await daemon.run {
            Systemd.ready("serving")
            var arrivals = signals.arrivals.makeAsyncIterator()
            _ = await arrivals.next()
        }
    }
}

struct DetachCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detach",
        abstract: "Take away what an ended receiver has left on interfaces.",
        discussion: "From then on the kernel refuses datagrams with protocol 248."
    )

    @Argument(help: "Interfaces.")
    var interfaces: [String]

    func run() throws {
        for name in interfaces {
            let removed = try ReceiverFilters.remove(from: name)
            print("\(name): \(removed ? "removed" : "nothing was there")")
        }
    }
}
