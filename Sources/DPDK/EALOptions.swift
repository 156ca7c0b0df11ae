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
    /// Handed to EAL as they are, last; they take the place of the program's own.
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
    ///
    /// EAL refuses some options that are there twice or that exclude each other, so whatever `extra`
    /// says takes the place of what the program would say about the same thing.
    public var arguments: [String] {
        ["dpvs"] + groups.filter { !$0.isReplaced(by: extra) }.flatMap(\.arguments) + extra
    }

    /// What of `extra` EAL would answer with a wait without end, or with a sentence about something else.
    public var problem: String? {
        let words = extra.map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
        for (index, word) in words.enumerated() {
            let value = word.count > 1 ? word[1] : words.dropFirst(index + 1).first?.first
            switch word.first {
            case "--proc-type" where value != "primary":
                return "--proc-type \(value ?? ""): dpvs is a process of type primary only"
            case "-w": return "-w is gone since DPDK 20.11; -a ADDRESS allows a device"
            case let option? where !memory.usesHugepages && Self.hugepageOptions.contains(option):
                return "\(option) needs hugepages, and none are used: reserve some, or use -m MIB"
            default: continue
            }
        }
        return nil
    }

    private static let hugepageOptions: Set = [
        "--in-memory", "--huge-dir", "--huge-unlink", "--socket-mem", "--socket-limit",
        "--single-file-segments",
    ]

    /// Arguments that say one thing, and every option that says something about the same thing.
    private struct Group {
        var options: [String]
        var arguments: [String]

        init(_ options: String..., arguments: [String]) {
            self.options = options
            self.arguments = arguments
        }

        /// Whether `words` has one of the options: "-l 0", "-l0", "--lcores 0", "--lcores=0".
        func isReplaced(by words: [String]) -> Bool {
            words.contains { word in
                options.contains { option in
                    word == option || word.hasPrefix("\(option)=")
                        || (!option.hasPrefix("--") && word.hasPrefix(option))
                }
            }
        }
    }

    private var groups: [Group] {
        var groups = [
            Group("--lcores", "-l", "-c", arguments: ["--lcores", lcores]),
            Group("--main-lcore", arguments: ["--main-lcore", String(mainLcore.id)]),
            Group("--file-prefix", arguments: ["--file-prefix", "dpvs-\(instance)"]),
            Group("--telemetry", "--no-telemetry", arguments: ["--no-telemetry"]),
        ]
        groups += memoryGroups
        if busDevices.isEmpty {
            groups.append(
                Group("-a", "--allow", "-b", "--block", "--no-pci", arguments: ["--no-pci"])
            )
        }
        if addressing != "auto" {
            groups.append(Group("--iova-mode", arguments: ["--iova-mode", addressing]))
        }
        let devices = busDevices.map { ["-a", $0] } + virtualDevices.map { ["--vdev", $0] }
        groups += devices.map { Group(arguments: $0) }
        groups.append(Group("--log-level", arguments: ["--log-level", "*:notice"]))
        return groups
    }

    /// Where memory comes from, and how much of it.
    private var memoryGroups: [Group] {
        let amount =
            memory.byNode.isEmpty
            ? ["-m", String(memory.size)]
            : ["--socket-mem", memory.byNode.map(String.init).joined(separator: ",")]
        guard memory.usesHugepages else {
            // Options about hugepages do not take the place of having none.
            return [
                Group("--no-huge", arguments: ["--no-huge", "--no-shconf"]),
                Group("-m", "--socket-mem", arguments: ["-m", String(memory.size)]),
            ]
        }
        var source = ["--in-memory"]
        if let directory = memory.directory {
            source = ["--huge-dir", directory, "--huge-unlink", "--no-shconf"]
        }
        // In memory nothing is left in hugetlbfs, and instances cannot collide there. A file
        // descriptor a segment would be one a page.
        var groups = [
            Group(
                "--no-huge",
                "--in-memory",
                "--huge-dir",
                "--huge-unlink",
                "--legacy-mem",
                arguments: source + ["--single-file-segments"]
            ),
            Group("-m", "--socket-mem", arguments: amount),
        ]
        if let limit = memory.limit {
            // 0 would be no limit; a node without a share gets less than a page.
            let limits = memory.byNode.isEmpty ? [limit] : memory.byNode.map { $0 > 0 ? limit : 1 }
            let text = limits.map(String.init).joined(separator: ",")
            groups.append(Group("--socket-limit", arguments: ["--socket-limit", text]))
        }
        return groups
    }

    private var lcores: String {
        ([mainLcore] + workerLcores).map { "\($0.id)@\($0.cpu)" }.joined(separator: ",")
    }
}
