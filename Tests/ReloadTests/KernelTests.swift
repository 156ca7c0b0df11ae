// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import PacketTesting
import Reload
import Testing

@Suite(.timeLimit(.minutes(1)))
struct KernelTests {
    private let source = FakeSource()
    private let executor = FakeExecutor()

    private func reloader() -> Reloader { Reloader(source: source, executor: executor) }

    private static func address(_ text: String, _ owner: Owner) -> DesiredState {
        let prefix = IPPrefix(text) ?? .any(.ipv4)
        return DesiredState(addresses: [
            InterfaceAddress(
                interface: "dpdk0",
                prefix: prefix,
                owner: owner,
                isInKernel: owner == .kernel ? true : nil
            )
        ])
    }

    /// The file's address as it runs when the kernel has been heard.
    private func file(isInKernel: Bool) -> DesiredState {
        var state = file
        state.addresses[0].isInKernel = isInKernel
        return state
    }

    private let kernel = address("10.0.0.100/32", .kernel)
    private let file = address("10.0.0.100/24", .file("a.yaml"))

    @Test func `what the kernel has comes, and goes with it`() async {
        let reloader = reloader()
        _ = await reloader.reload(reason: "start")
        let come = await reloader.follow(kernel: kernel)
        #expect(come.outcome == .applied)
        #expect(come.changes == ["address 10.0.0.100/32 on dpdk0 added"])
        #expect(await reloader.running == kernel)
        #expect(await reloader.follow(kernel: kernel).outcome == .unchanged)
        #expect(await reloader.follow(kernel: DesiredState()).outcome == .applied)
        #expect(await reloader.running == DesiredState())
        #expect(executor.applied.count == 3)
    }

    @Test func `a file wins, and the kernel's returns when the file's goes`() async {
        let reloader = reloader()
        _ = await reloader.reload(reason: "start")
        _ = await reloader.follow(kernel: kernel)
        source.say(file, digest: "1")
        _ = await reloader.reload(reason: "file")
        #expect(await reloader.running == file(isInKernel: true))
        source.say(DesiredState(), digest: "2")
        _ = await reloader.reload(reason: "file")
        #expect(await reloader.running == kernel)
    }

    @Test func `a file's address says whether the kernel has it, too, once that is known`() async {
        let reloader = reloader()
        source.say(file, digest: "1")
        _ = await reloader.reload(reason: "start")
        #expect(await reloader.running == file, "the kernel was not heard")
        let lost = await reloader.follow(kernel: DesiredState())
        #expect(lost.changes == ["address 10.0.0.100 on dpdk0: kernel unknown → lacks it"])
        #expect(await reloader.running == file(isInKernel: false))
        let found = await reloader.follow(kernel: kernel)
        #expect(found.changes == ["address 10.0.0.100 on dpdk0: kernel lacks it → has it"])
        #expect(await reloader.running == file(isInKernel: true))
        #expect(await reloader.drift().isEmpty)
        #expect(await reloader.generation == 1)
        // A command changes nothing about that.
        await reloader.editing { _, _ in }
        #expect(await reloader.running == file(isInKernel: true))
        // On whichever companion.
        var elsewhere = kernel
        elsewhere.addresses[0].interface = "dpdk1"
        _ = await reloader.follow(kernel: elsewhere)
        #expect(await reloader.running.addresses.first == file(isInKernel: true).addresses.first)
    }

    @Test func `a file's neighbour wins over the kernel's, which returns after it`() async {
        func neighbour(_ mac: UInt64, _ owner: Owner) -> DesiredState {
            DesiredState(neighbours: [
                Neighbour(
                    interface: "dpdk0",
                    address: .v4(IPv4Address(10, 0, 0, 9)),
                    macAddress: MACAddress(rawValue: mac),
                    owner: owner
                )
            ])
        }
        let reloader = reloader()
        _ = await reloader.reload(reason: "start")
        let come = await reloader.follow(kernel: neighbour(0x0200_0000_0009, .kernel))
        #expect(come.changes == ["neighbour 10.0.0.9 on dpdk0 at 02:00:00:00:00:09 added"])
        #expect(await reloader.drift().isEmpty)
        source.say(neighbour(0x0200_0000_000A, .file("a.yaml")), digest: "1")
        let won = await reloader.reload(reason: "file")
        #expect(
            won.changes == [
                "neighbour 10.0.0.9 on dpdk0: mac 02:00:00:00:00:09 → 02:00:00:00:00:0a, "
                    + "owner kernel → a.yaml"
            ]
        )
        source.say(DesiredState(), digest: "2")
        _ = await reloader.reload(reason: "file")
        #expect(await reloader.running == neighbour(0x0200_0000_0009, .kernel))
        let gone = await reloader.follow(kernel: DesiredState())
        #expect(gone.changes == ["neighbour 10.0.0.9 on dpdk0 at 02:00:00:00:00:09 removed"])
    }

    @Test func `the kernel's is no generation, no drift and not the last reload`() async {
        let reloader = reloader()
        _ = await reloader.reload(reason: "start")
        _ = await reloader.follow(kernel: kernel)
        let status = await reloader.status()
        #expect(status.generation == 1)
        #expect(status.lastReload?.trigger == "start")
        #expect(status.reports == 1)
        #expect(status.drift == 0)
        #expect(await reloader.recentGenerations().map(\.trigger) == ["start"])
    }

    @Test func `a rollback keeps what the kernel has now`() async {
        let reloader = reloader()
        source.say(file, digest: "1")
        _ = await reloader.reload(reason: "start")
        source.say(DesiredState(), digest: "2")
        _ = await reloader.reload(reason: "file")
        let other = Self.address("10.0.0.7/32", .kernel)
        _ = await reloader.follow(kernel: other)
        _ = await reloader.rollback(to: 1)
        let lacking = file(isInKernel: false)
        #expect(await reloader.running.addresses == lacking.addresses + other.addresses)
        _ = await reloader.follow(kernel: DesiredState())
        #expect(await reloader.running == lacking)
    }

    @Test func `what the kernel has before the first reload is in it`() async {
        let reloader = reloader()
        #expect(await reloader.follow(kernel: kernel).outcome == .unchanged)
        #expect(executor.applied.isEmpty)
        _ = await reloader.reload(reason: "start")
        #expect(executor.applied == [kernel])
    }

    @Test func `what cannot be taken over does not stand in the way of reloads`() async {
        let reloader = reloader()
        _ = await reloader.reload(reason: "start")
        executor.refuse(true)
        #expect(await reloader.follow(kernel: kernel).outcome == .failed)
        executor.refuse(false)
        source.say(.services(.sample()), digest: "1")
        _ = await reloader.reload(reason: "file")
        #expect(await reloader.running == .services(.sample()))
        #expect(await reloader.follow(kernel: kernel).outcome == .applied)
    }

    /// Files and commands make the same with the kernel's changes in between as without them, and
    /// what the kernel has at last lies over that.
    @Test(arguments: 0..<UInt64(60))
    func `any interleaving is the merge of the final states`(seed: UInt64) async {
        var generator = SeededGenerator(seed: seed)
        let (mixed, pure) = (reloader(), reloader())
        var last: DesiredState?
        for step in 0..<12 {
            let state = DesiredState.random(&generator)
            switch step == 0 ? 0 : Int.random(in: 0..<3, using: &generator) {
            case 0:
                source.say(state.owned(by: .file("a.yaml")), digest: "\(step)")
                for reloader in [mixed, pure] { _ = await reloader.reload(reason: "file") }
            case 1:
                let added = state.owned(by: .runtime)
                for reloader in [mixed, pure] {
                    await reloader.editing { layer, files in
                        for route in added.routes {
                            let theirs = files.routes.first { $0.key == route.key }
                            if layer.object(route.key, files: theirs) == nil {
                                layer.put(route, files: theirs)
                            }
                        }
                    }
                }
            default:
                var kernel = state.owned(by: .kernel)
                kernel.services = []
                last = kernel
                _ = await mixed.follow(kernel: kernel)
            }
        }
        let (result, files) = (await mixed.running, await pure.running)
        #expect(result.withoutKernel == files)
        #expect(result == files.withKernel(last))
        #expect(Set(result.routes.map(\.key)).count == result.routes.count)
        #expect(Set(result.addresses.map(\.key)).count == result.addresses.count)
        #expect(Set(result.neighbours.map(\.key)).count == result.neighbours.count)
    }
}
