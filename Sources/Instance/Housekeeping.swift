// SPDX-License-Identifier: Apache-2.0
import DPDK
import Dataplane
import Linux
import Logging
import Model
import Provisioning

/// What is looked after once a second: memory, links, and whether the workers are alive.
struct Housekeeping {
    private let machine: Machine
    private let backend: DaemonBackend
    private let logger: Logger

    init(_ machine: Machine, _ backend: DaemonBackend, _ logger: Logger) {
        self.machine = machine
        self.backend = backend
        self.logger = logger
    }

    func run() async {
        var links = machine.ports.ports.map { $0.device.link.isUp }
        for (index, isUp) in links.enumerated() {
            machine.companions.show(isLinkUp: isUp, of: index)
        }
        var stalled: [Int] = []
        var problems: [String] = []
        var duplicates: Set<OwnAddress> = []
        while !Task.isCancelled {
            let found = await machine.conductor.keepHouse()
            for change in found.health {
                logger.log(level: change.isInhibited ? .warning : .notice, "\(change)")
            }
            for problem in found.problems where !problems.contains(problem) {
                logger.error("\(problem)")
            }
            problems = found.problems
            await backend.announce()
            let moved = machine.bonds.watch()
            watch(&links, moved)
            for problem in machine.companions.followGroups() { logger.warning("\(problem)") }
            await watch(&duplicates)
            let still = await backend.stalledWorkers()
            watch(&stalled, still)
            if still.isEmpty { Systemd.alive() }
            for line in Environment.takeLog() {
                logger.info("\(line)", metadata: ["source": "dpdk"])
            }
            try? await Task.sleep(for: Self.period)
        }
    }

    /// A second, or as often as a watchdog wants it.
    private static var period: Duration {
        min(.seconds(1), (Systemd.watchdogInterval ?? .seconds(2)) / 2)
    }

    /// `moved` are bonds whose neighbours have to learn another way to them.
    private func watch(_ links: inout [Bool], _ moved: Set<String>) {
        for (index, port) in machine.ports.ports.enumerated() {
            let isUp = port.device.link.isUp
            if isUp, links[index], moved.contains(port.name) { machine.slowPath.linkCameUp(index) }
            guard isUp != links[index] else { continue }
            links[index] = isUp
            logger.notice("port \(port.name): link is \(isUp ? "up" : "down")")
            machine.companions.show(isLinkUp: isUp, of: index)
            if isUp { machine.slowPath.linkCameUp(index) }
        }
    }

    /// Tells once of each own address that another node was found to have.
    private func watch(_ duplicates: inout Set<OwnAddress>) async {
        let now = Set(machine.slowPath.duplicateAddresses)
        for own in now.subtracting(duplicates).sorted(by: { $0.address < $1.address }) {
            var link = "every link"
            if let number = own.port { link = await machine.conductor.name(of: number) }
            logger.error("\(own.address) on \(link) is not used: another node has it")
        }
        duplicates = now
    }

    /// Tells once of each worker that stands still, and of each that goes on.
    private func watch(_ stalled: inout [Int], _ now: [Int]) {
        for id in now where !stalled.contains(id) {
            logger.critical("worker \(id) has stalled")
        }
        for id in stalled where !now.contains(id) {
            logger.notice("worker \(id) turns again")
        }
        stalled = now
    }
}
