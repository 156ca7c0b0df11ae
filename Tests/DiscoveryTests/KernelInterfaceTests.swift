// SPDX-License-Identifier: Apache-2.0
import Linux
import Model
import Testing

@testable import Discovery

@Suite struct KernelInterfaceTests {
    private static func link(_ change: (inout KernelLink) -> Void = { _ in }) -> KernelLink {
        var link = KernelLink(name: "eth1")
        link.driver = "ice"
        link.features = .init(isNative: true, redirects: true, isZeroCopy: true)
        change(&link)
        return link
    }

    private static func choose(
        _ link: KernelLink,
        refusing refusal: KernelLink.XDPRefusal? = nil,
        _ change: (inout KernelInterface.Conditions) -> Void = { _ in }
    ) -> KernelInterface {
        var conditions = KernelInterface.Conditions()
        change(&conditions)
        return KernelInterface(link, conditions) { _ in refusal }
    }

    @Test func `the best way is zero copy, and nothing is said against it`() {
        let choice = Self.choose(Self.link())
        #expect(choice.way == .zeroCopy && choice.refusals == [])
        #expect(choice.driver == "net_af_xdp,iface=eth1,start_queue=0,queue_count=1")
        #expect(choice.description == "eth1 by AF_XDP with zero copy")
    }

    @Test func `a driver without zero copy gives AF_XDP and the reason`() {
        let choice = Self.choose(Self.link { $0.features?.isZeroCopy = false })
        #expect(choice.way == .copy)
        #expect(
            choice.description == "eth1 by AF_XDP (zero copy not used: driver ice cannot do it)"
        )
    }

    @Test func `what the sockets say after the start counts`() {
        var choice = Self.choose(Self.link { $0.features = nil })
        #expect(choice.way == .zeroCopy, "this kernel does not tell: it is tried")
        choice.settle(isZeroCopy: false)
        #expect(choice.way == .copy)
        #expect(choice.refusals.count == 1)
        choice.fallBack(because: "no")
        #expect(choice.description == "eth1 by AF_PACKET (AF_XDP not used: no)")
        #expect(choice.driver == "net_af_packet,iface=eth1")
    }

    @Test(arguments: [
        (link { $0.isEthernet = false }, "eth1 is no Ethernet interface"),
        (
            link { $0.features = .init(isNative: false, redirects: false, isZeroCopy: false) },
            "driver ice runs no XDP programs"
        ),
        (
            link { $0.features = .init(isNative: true, redirects: false, isZeroCopy: false) },
            "driver ice redirects nothing to sockets"
        ),
        (
            link { ($0.queues, $0.hasCombinedQueues) = (2, false) },
            "its 2 receive queues are no combined channels, which DPDK demands"
        ),
        (
            link { $0.program = .init(number: 7, name: "cil_xdp_entry", isNative: true) },
            "another XDP program is attached to eth1: cil_xdp_entry"
        ),
    ])
    func `an interface that cannot do AF_XDP gets AF_PACKET and the reason`(
        link: KernelLink,
        reason: String
    ) {
        let choice = Self.choose(link)
        #expect(choice.way == .packet)
        #expect(choice.refusals == ["AF_XDP not used: \(reason)"])
    }

    @Test(arguments: [
        (
            KernelLink.XDPRefusal.program(code: 1),
            "the kernel loads no XDP program (Operation not permitted): CAP_BPF and CAP_NET_ADMIN"
        ), (.socket(code: 97), "this kernel has no AF_XDP (CONFIG_XDP_SOCKETS)"),
        (
            .socket(code: 1),
            "the kernel makes no AF_XDP socket (Operation not permitted): CAP_NET_RAW"
        ),
        (
            .memory(code: 105),
            "the kernel takes no packet memory for AF_XDP (No buffer space available): CAP_IPC_LOCK"
        ), (.bind(queue: 3, code: 16), "another AF_XDP socket has queue 3"),
    ])
    func `what the kernel refuses is told with the remedy`(
        refusal: KernelLink.XDPRefusal,
        reason: String
    ) {
        let choice = Self.choose(Self.link(), refusing: refusal)
        #expect(choice.way == .packet)
        #expect(choice.refusals == ["AF_XDP not used: \(reason)"])
    }

    @Test func `what else is configured may rule AF_XDP out`() {
        let fewQueues = Self.choose(Self.link()) { $0.workers = 2 }
        #expect(fewQueues.refusals.first?.hasSuffix("ethtool -L eth1 combined 2") == true)
        #expect(Self.choose(Self.link()) { $0.frameSize = 9152 }.way == .packet)
        #expect(Self.choose(Self.link()) { $0.mayLock = false }.way == .packet)
        #expect(Self.choose(Self.link()) { $0.isSlave = true }.way == .packet)
        #expect(Self.choose(Self.link { $0.queues = 2 }) { $0.workers = 2 }.way == .zeroCopy)
    }

    @Test func `the program of a killed process is a leftover, a running one's is not`() {
        let program = KernelLink.Program(number: 7, name: "xsk_def_prog", isNative: true)
        let link = Self.link { $0.program = program }
        #expect(Self.choose(link).leftover == program)
        let taken = Self.choose(link, refusing: .bind(queue: 0, code: 16))
        #expect(taken.leftover == nil && taken.way == .packet)
    }

    // MARK: - Plan and doctor

    private func settings(workers: Int = 1, mtu: Int? = nil) -> Settings {
        var settings = Settings()
        var block = NamedBlock(name: "dpdk0", path: "netif_defs.device")
        block.items["interface"] = .text("eth1")
        if let mtu { block.items["mtu"] = .integer(mtu) }
        settings.devices = [block]
        settings.items["worker_defs.workers"] = .integer(workers)
        settings.items["netif_defs.pktpool_size"] = .integer(16383)
        settings.items["global_defs.kni"] = .flag(false)
        settings.items["global_defs.hugepages"] = .text("off")
        return settings
    }

    /// A machine with eth1 and every right.
    private func machine(_ link: KernelLink?) throws -> (FakeMachine, Surroundings) {
        let machine = try FakeMachine()
        try machine.write(
            "Cpus_allowed_list:\t0-7\nCapEff:\t000001ffffffffff\n",
            "proc/self/status"
        )
        var surroundings = machine.surroundings
        surroundings.kernelLink = { $0 == "eth1" ? link : nil }
        return (machine, surroundings)
    }

    @Test func `workers share the queues that are more than they are`() throws {
        let (machine, surroundings) = try machine(Self.link { $0.queues = 5 })
        let plan = StartPlan(settings(workers: 2), surroundings)
        #expect(plan.devices[0].driver == "net_af_xdp,iface=eth1,start_queue=0,queue_count=5")
        #expect(plan.workers.workers.map { $0.receiveQueues["dpdk0"] } == [[0, 2, 4], [1, 3]])
        #expect(plan.workers.queues(of: "dpdk0") == (5, 2))
        withExtendedLifetime(machine) {}
    }

    @Test func `queues that would keep every packet buffer are found before the start`() throws {
        let (machine, surroundings) = try machine(Self.link { $0.queues = 8 })
        let lack =
            "AF_XDP keeps 2048 packet buffers in each of 8 queues, and there are 16383: "
            + "netif_defs { pktpool_size 32767 }"
        let plan = StartPlan(settings(), surroundings)
        #expect(plan.devices[0].interface?.refusals == ["AF_XDP not used: \(lack)"])
        let hand = settings(driver: "net_af_xdp,iface=eth1,queue_count=8")
        let report = DoctorReport(hand, surroundings)
        #expect(report.text.contains("missing device dpdk0: \(lack)"), "\(report.text)")
        var roomy = settings()
        roomy.items["netif_defs.pktpool_size"] = .integer(32767)
        #expect(StartPlan(roomy, surroundings).devices[0].interface?.way == .zeroCopy)
        withExtendedLifetime(machine) {}
    }

    @Test func `frames as long as a page takes go by AF_XDP, longer ones by AF_PACKET`() throws {
        let (machine, surroundings) = try machine(Self.link())
        for (mtu, way) in [(3392, KernelInterface.Way.zeroCopy), (3393, .packet)] {
            let plan = StartPlan(settings(mtu: mtu), surroundings)
            #expect(plan.devices[0].interface?.way == way, "MTU \(mtu)")
        }
        withExtendedLifetime(machine) {}
    }

    @Test func `memory that may not be locked is found before the start`() throws {
        let (machine, surroundings) = try machine(Self.link())
        try machine.write(
            "Cpus_allowed_list:\t0-7\nCapEff:\t0000000000003000\n",
            "proc/self/status"
        )
        let report = DoctorReport(settings(), surroundings)
        #expect(report.use.devices[0].interface?.way == .packet)
        #expect(report.text.contains("LimitMEMLOCK=infinity"), "\(report.text)")
        #expect(report.isGood, "AF_PACKET serves: \(report.text)")
    }

    @Test func `the doctor says how the interface is driven and what of it is not right`() throws {
        let program = KernelLink.Program(number: 7, name: "xsk_def_prog", isNative: true)
        let (machine, surroundings) = try machine(
            Self.link {
                ($0.isUp, $0.hasCarrier, $0.program) = (false, false, program)
                $0.stripsTags = true
            }
        )
        let report = DoctorReport(settings(), surroundings)
        #expect(report.text.contains("  dpdk0         eth1 by AF_XDP with zero copy\n"))
        #expect(report.text.contains("eth1 is down: the start switches it on"))
        #expect(report.text.contains("ip link set dev eth1 xdp off"))
        #expect(report.text.contains("ethtool -K eth1 rxvlan off, where VLANs are used"))
        withExtendedLifetime(machine) {}
    }

    private func settings(driver: String) -> Settings {
        var settings = settings()
        settings.devices[0].items = ["driver": .text(driver)]
        return settings
    }

    @Test func `queues that AF_XDP by hand leaves to the kernel are said, with both remedies`()
        throws
    {
        let (machine, surroundings) = try machine(Self.link { $0.queues = 4 })
        let settings = settings(driver: "net_af_xdp,iface=eth1")
        let plan = StartPlan(settings, surroundings)
        #expect(
            plan.driverNotes(surroundings) == [
                "dpdk0: AF_XDP gets 1 of the 4 receive queues of eth1: frames in the others go to the "
                    + "kernel, and nobody answers them: dpvs.conf: device dpdk0 { interface eth1 }, "
                    + "which takes all; or ethtool -L eth1 combined 1"
            ]
        )
        let all = self.settings(driver: "net_af_xdp,iface=eth1,start_queue=0,queue_count=4")
        #expect(StartPlan(all, surroundings).driverNotes(surroundings).isEmpty)
        withExtendedLifetime(machine) {}
    }

    @Test func `AF_XDP by hand on a driver without XDP is missing, with the remedy`() throws {
        let (machine, surroundings) = try machine(
            Self.link {
                $0.driver = "e1000e"
                $0.features = .init(isNative: false, redirects: false, isZeroCopy: false)
            }
        )
        let report = DoctorReport(settings(driver: "net_af_xdp0,iface=eth1"), surroundings)
        #expect(!report.isGood)
        #expect(
            report.text.contains(
                "missing device dpdk0: driver e1000e of eth1 runs no XDP programs, and DPDK's AF_XDP "
                    + "starts on no other"
            ),
            "\(report.text)"
        )
        #expect(report.text.contains("device dpdk0 { interface eth1 }, which then is AF_PACKET"))
        withExtendedLifetime(machine) {}
    }

    @Test func `an interface that is not there is missing`() throws {
        let (machine, surroundings) = try machine(nil)
        let report = DoctorReport(settings(), surroundings)
        #expect(!report.isGood)
        #expect(report.text.contains("missing device dpdk0: there is no interface eth1"))
        withExtendedLifetime(machine) {}
    }
}
