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
            memory: .init(size: 164)
        )
        change(&options)
        return options
    }

    @Test func `without hugepages it runs on plain memory`() {
        let plain = options().arguments
        #expect(plain.contains("--no-huge") && plain.contains("164"))
        #expect(!plain.contains("--in-memory"), "the two exclude each other")
    }

    @Test func `hugepages leave nothing behind`() {
        let huge = options { $0.memory.usesHugepages = true }.arguments
        #expect(huge.contains("--in-memory") && huge.contains("--single-file-segments"))
        #expect(!huge.contains("--no-huge") && !huge.contains("--socket-limit"))
    }

    @Test func `memory stays below the control group's limit and on the devices' node`() {
        let limited = options { $0.memory = .init(size: 164, usesHugepages: true, limit: 512) }
        #expect(limited.arguments.joined(separator: " ").contains("-m 164 --socket-limit 512"))
        let far = options {
            $0.memory = .init(size: 164, usesHugepages: true, byNode: [0, 164], limit: 512)
        }
        let text = far.arguments.joined(separator: " ")
        #expect(
            text.contains("--socket-mem 0,164 --socket-limit 1,512") && !text.contains("-m 164")
        )
    }

    @Test func `where larger pages are not ours, those of a mount are taken`() {
        let mounted = options {
            $0.memory = .init(size: 164, usesHugepages: true, directory: "/hugepages")
        }
        let text = mounted.arguments.joined(separator: " ")
        #expect(
            text.contains("--huge-dir /hugepages --huge-unlink") && !text.contains("--in-memory")
        )
    }

    @Test func `virtual addresses are the default, the configuration and the command line win`() {
        #expect(options().arguments.joined(separator: " ").contains("--iova-mode va"))
        let physical = options { $0.addressing = "pa" }
        #expect(physical.arguments.joined(separator: " ").contains("--iova-mode pa"))
        #expect(!options { $0.addressing = "auto" }.arguments.contains("--iova-mode"))
        let given = options { $0.extra = ["--iova-mode=pa"] }
        #expect(
            !given.arguments.contains("--iova-mode") && given.arguments.last == "--iova-mode=pa"
        )
    }

    @Test func `lcores are bound to the CPUs they are given`() {
        let two = options { $0.workerLcores = [(1, 3), (2, 5)] }
        let index = two.arguments.firstIndex(of: "--lcores")
        #expect(index.map { two.arguments[$0 + 1] } == "0@0,1@3,2@5")
    }

    @Test func `PCI is searched only for devices that were asked for`() {
        #expect(options().arguments.contains("--no-pci"))
        let named = options { $0.busDevices = ["0000:06:00.0"] }
        #expect(!named.arguments.contains("--no-pci"))
        #expect(named.arguments.suffix(4).contains("0000:06:00.0"))
        let extra = options { $0.extra = ["-a", "0000:06:00.1"] }
        #expect(!extra.arguments.contains("--no-pci"))
        #expect(extra.arguments.suffix(2) == ["-a", "0000:06:00.1"])
    }

    @Test(arguments: [
        (["--lcores", "0@0,1@3"], ["--lcores"]), (["-l0-1"], ["--lcores"]),
        (["-m", "64"], ["-m"]), (["--socket-mem=64"], ["-m"]),
        (["--file-prefix=x"], ["--file-prefix"]),
        (["--telemetry"], ["--no-telemetry"]), (["--main-lcore=3"], ["--main-lcore"]),
    ])
    func `what the user gives takes the place of the program's own`(
        extra: [String],
        replaced: [String]
    ) {
        let own = options().arguments
        #expect(replaced.allSatisfy(own.contains))
        let given = options { $0.extra = extra }.arguments
        let before = given.dropLast(extra.count)
        #expect(!replaced.contains(where: before.contains), "\(given)")
        #expect(given.suffix(extra.count) == extra[...])
    }

    @Test func `hugepages of the user's take the place of ours, of which none are added`() {
        let options = options {
            $0.memory = .init(size: 164, usesHugepages: true, limit: 512)
            $0.extra = ["--no-huge"]
        }
        let text = options.arguments.joined(separator: " ")
        #expect(!text.contains("--in-memory") && !text.contains("--single-file-segments"))
        #expect(text.contains("-m 164"))
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

extension EALOptionsTests {
    @Test(arguments: [
        (["--proc-type", "secondary"], "--proc-type secondary: dpvs is"),
        (["--proc-type=auto"], "--proc-type auto: dpvs is"),
        (["-w", "0000:06:00.1"], "-w is gone"),
        (["--in-memory"], "--in-memory needs hugepages"),
        (["--huge-dir=/x"], "--huge-dir needs hugepages"),
    ])
    func `arguments that EAL answers in another way are refused`(extra: [String], says: String) {
        let problem = options { $0.extra = extra }.problem
        #expect(problem?.hasPrefix(says) == true, "\(problem ?? "nothing")")
    }

    @Test(arguments: [[], ["--proc-type", "primary"], ["--proc-type=primary"], ["--legacy-mem"]])
    func `other arguments are EAL's to judge`(extra: [String]) {
        #expect(options { $0.extra = extra }.problem == nil)
    }
}
