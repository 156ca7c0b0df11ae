// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Linux
import RealIP

struct AttachCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach",
        abstract: "Serve the programs of control groups until SIGTERM.",
        discussion: """
            Programs that run already need no restart. What the receiver has set up stays in the kernel when it ends, \
            whatever ends it, and goes on by the list as it was, so that an upgrade is not noticed: the next receiver of \
            the same name takes it over. `detach` ends it, and so does `--at-end detach`.

            That takes a BPF file system. Without one programs see the balancer's addresses again when the receiver ends; \
            protocol 248 is taken off the interfaces until `detach` nevertheless, so that no datagram is lost.
            """
    )

    @Option(
        name: .customLong("cgroup"),
        help: "The directory of a control group, below /sys/fs/cgroup; may be given again."
    )
    var groups: [String] = []

    @Option(
        name: .customLong("unit"),
        help: "A unit of systemd that runs: nginx.service; may be given again."
    )
    var units: [String] = []

    @Option(
        name: .customLong("process"),
        help:
            "A process whose control group it is, in another container, too; may be given again."
    )
    var processes: [Int32] = []

    @Option(
        name: .customLong("pod"),
        help:
            "The UID of a pod of Kubernetes, all of whose containers are served; may be given again."
    )
    var pods: [String] = []

    @Option(
        help: ArgumentHelp(
            "Where the host's control groups are mounted, for --unit and --pod.",
            discussion:
                "The own mount, /sys/fs/cgroup mostly; in a container that has only its own group."
        )
    )
    var hierarchy: String?

    @OptionGroup var arguments: ReceiverArguments
    @OptionGroup var kept: KeptPlace

    @Option(help: "keep or detach what was set up when SIGTERM or SIGINT ends the receiver.")
    var atEnd = AtEnd.keep

    enum AtEnd: String, ExpressibleByArgument, CaseIterable { case keep, detach }

    func validate() throws {
        guard !(groups + units + pods).isEmpty || !processes.isEmpty else {
            throw ValidationError("whom to serve is needed: --cgroup, --unit, --process or --pod")
        }
    }

    func run() async throws {
        StandardStreams.prepare()
        var directories = groups
        for unit in units {
            directories.append(try ControlGroup.directory(ofUnit: unit, below: hierarchy))
        }
        for pod in pods {
            directories.append(try ControlGroup.directory(ofPod: pod, below: hierarchy))
        }
        for process in processes {
            directories.append(try ControlGroup.directory(ofProcess: "\(process)"))
        }
        var options = arguments.options(groups: directories)
        options.pins = kept.place
        let signals = Signals([.terminate, .interrupt])
        let daemon = ReceiverDaemon(
            name: arguments.name,
            options,
            metrics: arguments.metrics,
            detaches: atEnd == .detach
        )
        try await daemon.run {
            Systemd.ready("serving")
            var arrivals = signals.arrivals.makeAsyncIterator()
            _ = await arrivals.next()
        }
    }
}

/// Where `attach` keeps what the next receiver takes over, and `detach` finds it.
struct KeptPlace: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A directory of a BPF file system for what the next receiver takes over; 'none': nothing is kept.",
            discussion: "\(Pins.usualDirectory) where that can be."
        )
    )
    var pins: String?

    func validate() throws {
        guard pins != "" else { throw ValidationError("--pins takes a directory, or 'none'") }
    }

    var place: PinPlace {
        switch pins {
        case nil: .usual
        case "none": .nowhere
        case let path?: .directory(path)
        }
    }
}

struct DetachCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detach",
        abstract: "Take away what an ended receiver has left in the kernel.",
        discussion:
            "Programs see the balancer's addresses from then on, and the kernel refuses datagrams with protocol 248."
    )

    @Option(help: "The receiver that has ended.")
    var name = "default"

    @OptionGroup var kept: KeptPlace

    @Argument(help: "Interfaces that it read.")
    var interfaces: [String] = []

    func validate() throws {
        guard ReceiverPlace.isName(name) else { throw ValidationError("'\(name)' is no name") }
    }

    func run() async throws {
        let pins = try Pins(name, at: kept.place)
        let has = pins?.isThere ?? false
        try await ReceiverTraces.refuseWhileUsed(interfaces, name: has ? name : nil)
        if let pins, has {
            pins.remove()
            print("\(pins.directory): removed")
        } else if interfaces.isEmpty {
            print("the receiver '\(name)' has left nothing")
        }
        for name in interfaces {
            let removed = try ReceiverTraces.remove(from: name)
            print("\(name): \(removed ? "removed" : "nothing was there")")
        }
    }
}
