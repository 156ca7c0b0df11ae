// SPDX-License-Identifier: Apache-2.0

/// What the environment abstraction layer is started with; `arguments` is a pure function of it.
public struct EALOptions: Equatable, Sendable {
    /// Pages of more than the usual size that are free now.
    public struct FreeHugepages: Equatable, Sendable {
        /// Octets of a page.
        public var size: Int
        public var count: Int

        public init(size: Int, count: Int) {
            self.size = size
            self.count = count
        }
    }

    /// Tells instances on one host apart.
    public var instance: String
    /// The control side's lcore and the workers', each with the CPU that it runs on.
    public var mainLcore: (id: Int, cpu: Int)
    public var workerLcores: [(id: Int, cpu: Int)]
    /// Whether hugepages may be used when there are some.
    public var allowsHugepages: Bool
    public var freeHugepages: [FreeHugepages]
    /// Memory for packets in MiB; nil: enough for `packetMemory`.
    public var memory: Int?
    /// Octets that the packet pools need.
    public var packetMemory: Int
    /// PCI addresses of devices to use.
    public var pciAddresses: [String]
    /// Devices without a bus, "net_af_packet0,iface=eth1".
    public var virtualDevices: [String]
    /// Handed to EAL as they are, last.
    public var extra: [String]

    public init(
        instance: String,
        mainLcore: (id: Int, cpu: Int),
        workerLcores: [(id: Int, cpu: Int)],
        allowsHugepages: Bool = true,
        freeHugepages: [FreeHugepages] = [],
        memory: Int? = nil,
        packetMemory: Int = 0,
        pciAddresses: [String] = [],
        virtualDevices: [String] = [],
        extra: [String] = []
    ) {
        self.instance = instance
        self.mainLcore = mainLcore
        self.workerLcores = workerLcores
        self.allowsHugepages = allowsHugepages
        self.freeHugepages = freeHugepages
        self.memory = memory
        self.packetMemory = packetMemory
        self.pciAddresses = pciAddresses
        self.virtualDevices = virtualDevices
        self.extra = extra
    }

    public static func == (left: EALOptions, right: EALOptions) -> Bool {
        left.arguments == right.arguments
    }

    /// MiB that the environment gets.
    var memoryMiB: Int {
        // What EAL and the drivers take besides, as measured with net_af_packet: some 40 MiB.
        memory ?? packetMemory / (1 << 20) + 64
    }

    /// Whether enough hugepages of one size are free.
    public var usesHugepages: Bool {
        guard allowsHugepages else { return false }
        return freeHugepages.contains { $0.size / (1 << 20) * $0.count >= memoryMiB }
    }

    /// One line for the log that says where packet memory comes from.
    public var memoryDescription: String {
        let free = freeHugepages.filter { $0.count > 0 }
            .map { "\($0.count) of \($0.size >> 20) MiB" }
            .joined(separator: ", ")
        let found = free.isEmpty ? "no hugepages are free" : "free hugepages: \(free)"
        if usesHugepages { return "\(found); packets use \(memoryMiB) MiB of them" }
        let reason = allowsHugepages ? found : "hugepages are off"
        return "\(reason); packets use \(memoryMiB) MiB of plain memory (--no-huge)"
    }

    /// The arguments, the program's name first.
    public var arguments: [String] {
        var arguments = ["dpvs", "--lcores", lcores, "--main-lcore", String(mainLcore.id)]
        arguments += ["--file-prefix", "dpvs-\(instance)", "--no-telemetry"]
        if usesHugepages {
            // Nothing is left in hugetlbfs, and instances cannot collide there.
            arguments += ["--in-memory", "-m", String(memoryMiB)]
        } else {
            arguments += ["--no-huge", "--no-shconf", "-m", String(memoryMiB)]
        }
        if pciAddresses.isEmpty, !extra.contains(where: Self.namesPCI) {
            arguments.append("--no-pci")
        }
        // Virtual addresses reach every device through an IOMMU and need no privileges.
        if !pciAddresses.isEmpty { arguments += ["--iova-mode", "va"] }
        for address in pciAddresses { arguments += ["-a", address] }
        for device in virtualDevices { arguments += ["--vdev", device] }
        if !extra.contains(where: { $0.hasPrefix("--log-level") }) {
            arguments += ["--log-level", "*:notice"]
        }
        return arguments + extra
    }

    private static func namesPCI(_ argument: String) -> Bool {
        argument == "-a" || argument.hasPrefix("--allow") || argument == "-b"
            || argument.hasPrefix("--block")
    }

    private var lcores: String {
        ([mainLcore] + workerLcores).map { "\($0.id)@\($0.cpu)" }.joined(separator: ",")
    }
}
