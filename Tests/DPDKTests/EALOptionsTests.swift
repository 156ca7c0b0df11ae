// SPDX-License-Identifier: Apache-2.0
import DPDK
import Testing

@Suite struct EALOptionsTests {
    private func options(
        _ change: (inout EALOptions) -> Void = { _ in }
    ) -> EALOptions {
        var options = EALOptions(
            instance: "a",
            mainLcore: (0, 0),
            workerLcores: [(1, 1)],
            packetMemory: 100 << 20
        )
        change(&options)
        return options
    }

    @Test func `without free hugepages it runs on plain memory and says so`() {
        let plain = options { $0.freeHugepages = [.init(size: 2 << 20, count: 10)] }
        #expect(!plain.usesHugepages)
        #expect(plain.arguments.contains("--no-huge"))
        #expect(!plain.arguments.contains("--in-memory"), "the two exclude each other")
        #expect(plain.memoryDescription.contains("10 of 2 MiB"))
        #expect(plain.memoryDescription.contains("--no-huge"))
    }

    @Test func `enough free hugepages are used and leave nothing behind`() {
        let huge = options { $0.freeHugepages = [.init(size: 2 << 20, count: 100)] }
        #expect(huge.usesHugepages)
        #expect(huge.arguments.contains("--in-memory"))
        #expect(!huge.arguments.contains("--no-huge"))
    }

    @Test func `hugepages that are there but off are not used`() {
        let off = options {
            $0.freeHugepages = [.init(size: 1 << 30, count: 4)]
            $0.allowsHugepages = false
        }
        #expect(!off.usesHugepages)
        #expect(off.memoryDescription.contains("hugepages are off"))
    }

    @Test func `lcores are bound to the CPUs they are given`() {
        let two = options { $0.workerLcores = [(1, 3), (2, 5)] }
        let index = two.arguments.firstIndex(of: "--lcores")
        #expect(index.map { two.arguments[$0 + 1] } == "0@0,1@3,2@5")
    }

    @Test func `PCI is searched only for devices that were asked for`() {
        #expect(options().arguments.contains("--no-pci"))
        let named = options { $0.pciAddresses = ["0000:06:00.0"] }
        #expect(!named.arguments.contains("--no-pci"))
        #expect(named.arguments.suffix(4).contains("0000:06:00.0"))
        let extra = options { $0.extra = ["-a", "0000:06:00.1"] }
        #expect(!extra.arguments.contains("--no-pci"))
        #expect(extra.arguments.suffix(2) == ["-a", "0000:06:00.1"])
    }

    @Test func `virtual devices and instances keep their names`() {
        let both = options {
            $0.virtualDevices = ["net_ring0", "net_null1"]
            $0.instance = "blue"
        }
        #expect(both.arguments.filter { $0 == "--vdev" }.count == 2)
        #expect(both.arguments.contains("dpvs-blue"))
    }
}
