// SPDX-License-Identifier: Apache-2.0
import DPDK
import Dataplane
import Linux
import Logging
import Model
import Provisioning
import Reload
import Timing

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
        var links = machine.ports.ports.map { $0.link.isUp }
        for (index, isUp) in links.enumerated() {
            machine.companions.show(isLinkUp: isUp, of: index)
        }
        var stalled: [Int] = []
        var receiveWatch = ReceiveWatch()
        var problems: [String] = []
        var duplicates: Set<OwnAddress> = []
        var conflicts: Set<AddressConflict> = []
        var keepsNumbers = true
        var rounds = 0
        var watch = DeviceWatch()
        var departures = Departures(machine.ports.departingDevices)
        while !Task.isCancelled {
            let found = await machine.conductor.keepHouse()
            for change in found.health {
                logger.log(level: change.isInhibited ? .warning : .notice, "\(change)")
                events.send(.backend, "\(change)")
            }
            for notice in found.notices {
                logger.warning("\(notice)")
                events.send(.backend, notice)
            }
            for problem in found.problems where !problems.contains(problem) {
                logger.error("\(problem)")
            }
            problems = found.problems
            let turns = machine.engine.interchange.counters.map { $0[.turns] }
            for line in departures.look(turns: turns) { logger.error("\(line)") }
            machine.faults.look()
            let samples = machine.ports.ports.map { DeviceSample($0, machine.faults) }
            let now = Instant(nanoseconds: Host.monotonicNanoseconds)
            for line in watch.look(at: samples, now: now) { logger.error("\(line)") }
            let moved = machine.bonds.watch()
            keep(await machine.conductor.upcomingTunnelNumbers, &keepsNumbers)
            self.watch(&links, moved)
            self.watch(&receiveWatch)
            for problem in machine.companions.followGroups() { logger.warning("\(problem)") }
            await self.watch(&duplicates)
            await self.watch(&conflicts)
            let still = await backend.stalledWorkers()
            self.watch(&stalled, still)
            if still.isEmpty { Systemd.alive() }
            for line in Environment.takeLog() {
                logger.info("\(line)", metadata: ["source": "dpdk"])
            }
            backend.editFile.flush()
            rounds += 1
            if rounds.isMultiple(of: Self.pulse) { events.pulse() }
            _ = await backend.reloader.current
            backend.finishRound()
            try? await Task.sleep(for: Self.period)
        }
    }

    /// After so many rounds, watchers are asked whether they are still there.
    private static let pulse = 10

    private var events: RunningEvents { backend.reloader.events }

    /// A second, or as often as a watchdog wants it.
    private static var period: Duration {
        min(.seconds(1), (Systemd.watchdogInterval ?? .seconds(2)) / 2)
    }

    /// `moved` are bonds whose neighbours have to learn another way to them.
    private func watch(_ links: inout [Bool], _ moved: Set<String>) {
        for (index, port) in machine.ports.ports.enumerated() {
            let isUp = port.link.isUp
            if isUp, links[index], moved.contains(port.name) { machine.slowPath.linkCameUp(index) }
            guard isUp != links[index] else { continue }
            links[index] = isUp
            let text = "port \(port.name): link is \(isUp ? "up" : "down")"
            logger.notice("\(text)")
            events.send(.link, text)
            machine.companions.show(isLinkUp: isUp, of: index)
            guard isUp else { continue }
            machine.vlanFilters.renew(port.name)
            machine.slowPath.linkCameUp(index)
        }
    }

    /// Keeps the sequence numbers of tunnels for the next run, and tells once when it cannot.
    private func keep(_ numbers: [String: UInt32], _ keeps: inout Bool) {
        do {
            try machine.tunnelNumbers.keep(numbers)
            keeps = true
        } catch {
            if keeps { logger.warning("sequence numbers of tunnels are not kept: \(error)") }
            keeps = false
        }
    }

    /// Tells of frames that arrive damaged or longer than they may be.
    private func watch(_ watch: inout ReceiveWatch) {
        let interchange = machine.engine.interchange
        let ports = machine.ports.ports.enumerated()
            .map { index, port in
                let counts = ReceiveWatch.Counts(
                    badHeaderChecksums: interchange.received(.badHeaderChecksum, port: index),
                    badTransportChecksums: interchange.received(.badTransportChecksum, port: index),
                    brokenFrames: port.device.statistics.receiveErrors,
                    superPackets: interchange.received(.superPacket, port: index)
                )
                return (port.name, port.setup.mtu, port.device.kernelInterface, counts)
            }
        let now = Int(clamping: Host.monotonicNanoseconds / 1_000_000_000)
        for note in watch.notes(at: now, ports) { logger.warning("\(note)") }
    }

    /// Tells once of each own address that another node was found to have.
    private func watch(_ duplicates: inout Set<OwnAddress>) async {
        let now = Set(machine.slowPath.duplicateAddresses)
        for own in now.subtracting(duplicates).sorted(by: { $0.address < $1.address }) {
            var link = "every link"
            if let number = own.interface { link = await machine.conductor.name(of: number) }
            logger.error("\(own.address) on \(link) is not used: another node has it")
        }
        duplicates = now
    }

    /// Tells once of each other node that says an own address is its own.
    private func watch(_ conflicts: inout Set<AddressConflict>) async {
        let now = Set(machine.slowPath.addressConflicts)
        for new in now.subtracting(conflicts).sorted(by: { $0.address < $1.address }) {
            let link = await machine.conductor.name(of: new.interface)
            logger.error(
                "\(new.address) on \(link) is claimed by another node, \(new.claimant), too: clients may reach either"
            )
        }
        conflicts = now
    }

    /// Tells once of each worker that stands still, and of each that goes on.
    private func watch(_ stalled: inout [Int], _ now: [Int]) {
        for id in now where !stalled.contains(id) {
            logger.critical("worker \(id) has stalled")
            events.send(.worker, "worker \(id) has stalled")
        }
        for id in stalled where !now.contains(id) {
            logger.notice("worker \(id) turns again")
            events.send(.worker, "worker \(id) turns again")
        }
        stalled = now
    }
}
