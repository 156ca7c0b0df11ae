// SPDX-License-Identifier: Apache-2.0

/// What the environment abstraction layer is started with; `arguments` is a pure function of it.
public struct EALOptions: Equatable, Sendable {
    /// Where packet memory comes from.
    public struct Memory: Equatable, Sendable {
        /// MiB in all.
        public var size: Int
        public var usesHugepages: Bool
        /// MiB by memory node; empty: wherever there is some.
        public var byNode: [Int]
        /// MiB that are never exceeded; nil: no limit.
        public var limit: Int?
        /// The hugetlbfs to take pages from; nil: without a file system.
        public var directory: String?

        public init(
            size: Int,
            usesHugepages: Bool = false,
            byNode: [Int] = [],
            limit: Int? = nil,
            directory: String? = nil
        ) {
            self.size = size
            self.usesHugepages = usesHugepages
            self.byNode = byNode
            self.limit = limit
            self.directory = directory
        }
    }

    /// Tells instances on one host apart.
    public var instance: String
    /// The control side's lcore and the workers', each with the CPU that it runs on.
    public var mainLcore: (id: Int, cpu: Int)
    public var workerLcores: [(id: Int, cpu: Int)]
    public var memory: Memory
    /// How devices address memory: "va", "pa", or "auto" for EAL's choice.
    public var addressing: String
    /// Devices on a bus to use: PCI addresses, "auxiliary:mlx5_core.sf.4".
    public var busDevices: [String]
    /// Devices without a bus, "net_af_packet0,iface=eth1".
    public var virtualDevices: [String]
    /// Handed to EAL as they are, last.
    public var extra: [String]

    public init(
        instance: String,
        mainLcore: (id: Int, cpu: Int),
        workerLcores: [(id: Int, cpu: Int)],
        memory: Memory,
        addressing: String = "va",
        busDevices: [String] = [],
        virtualDevices: [String] = [],
        extra: [String] = []
    ) {
        self.instance = instance
        self.mainLcore = mainLcore
        self.workerLcores = workerLcores
        self.memory = memory
        self.addressing = addressing
        self.busDevices = busDevices
        self.virtualDevices = virtualDevices
        self.extra = extra
    }

    public static func == (left: EALOptions, right: EALOptions) -> Bool {
        left.arguments == right.arguments
    }

    /// The arguments, the program's name first.
    public var arguments: [String] {
        var arguments = ["dpvs", "--lcores", lcores, "--main-lcore", String(mainLcore.id)]
        arguments += ["--file-prefix", "dpvs-\(instance)", "--no-telemetry"]
        arguments += memoryArguments
        if busDevices.isEmpty, !extra.contains(where: Self.namesPCI) {
            arguments.append("--no-pci")
        }
        if addressing != "auto", !extra.contains(where: { $0.hasPrefix("--iova-mode") }) {
            arguments += ["--iova-mode", addressing]
        }
        for address in busDevices { arguments += ["-a", address] }
        for device in virtualDevices { arguments += ["--vdev", device] }
        if !extra.contains(where: { $0.hasPrefix("--log-level") }) {
            arguments += ["--log-level", "*:notice"]
        }
        return arguments + extra
    }

    private var memoryArguments: [String] {
        guard memory.usesHugepages else {
            return ["--no-huge", "--no-shconf", "-m", String(memory.size)]
        }
        var arguments: [String]
        if let directory = memory.directory {
            arguments = ["--huge-dir", directory, "--huge-unlink", "--no-shconf"]
        } else {
            // Nothing is left in hugetlbfs, and instances cannot collide there.
            arguments = ["--in-memory"]
        }
        // A file descriptor a segment would be one a page.
        arguments.append("--single-file-segments")
        if memory.byNode.isEmpty {
            arguments += ["-m", String(memory.size)]
        } else {
            arguments += ["--socket-mem", memory.byNode.map(String.init).joined(separator: ",")]
        }
        if let limit = memory.limit {
            // 0 would be no limit; a node without a share gets less than a page.
            let limits = memory.byNode.isEmpty ? [limit] : memory.byNode.map { $0 > 0 ? limit : 1 }
            arguments += ["--socket-limit", limits.map(String.init).joined(separator: ",")]
        }
        return arguments
    }

    private static func namesPCI(_ argument: String) -> Bool {
        argument == "-a" || argument.hasPrefix("--allow") || argument == "-b"
            || argument.hasPrefix("--block")
    }

    private var lcores: String {
        ([mainLcore] + workerLcores).map { "\($0.id)@\($0.cpu)" }.joined(separator: ",")
    }
}
