// SPDX-License-Identifier: Apache-2.0
import CPacket
import Dataplane
import Linux
import Model
import Networking
import Provisioning
import Reload
import Timing

/// The control side of a balancer and one idle worker, which the real loop turns on a thread of its
/// own: a change counts when that worker uses it.
final class ControlBed {
    let conductor: Conductor
    private let engine: Engine
    private let wire: IdleWire
    private let loop: WorkerLoop<IdlePort>
    private let thread: Thread
    private let event: EventFD

    /// Nil when memory is short.
    init?(services: Int, backends: Int) throws(LinuxError) {
        let load = Load(traffic: .datagrams(flows: 1))
        let limits = DataplaneLimits(
            connectionsPerWorker: 1 << 10,
            backendSlots: max(1 << 10, services * backends * 2),
            serviceSlots: max(1 << 10, services * 2),
            neighbours: 1 << 10
        )
        event = try EventFD()
        guard let engine = Engine(workers: 1, limits: limits, seed: 0x5EED),
            let balancer = engine.makeBalancer(0, now: Instant(nanoseconds: 0))
        else { return nil }
        self.engine = engine
        wire = IdleWire(load)
        let provisioner = Provisioner(
            engine: engine,
            interfaces: [
                Interface(name: "client", id: 0, mtu: 1500),
                Interface(name: "backend", id: 1, mtu: 1500),
            ],
            neighbours: KnownNeighbours(engine.adjacencies)
        )
        conductor = Conductor(
            provisioner: provisioner,
            clock: { Instant(nanoseconds: Host.monotonicNanoseconds) },
            changeSettings: { _ in }
        )
        let worker = Worker(
            index: 0,
            interchange: engine.interchange,
            receivers: wire.ports,
            transmitters: wire.ports,
            balancer: balancer
        )
        let clock = CycleClock(
            frequency: UInt64(Conditions.measureFrequency()),
            cycles: CPacket_cycles(),
            instant: Instant(nanoseconds: Host.monotonicNanoseconds)
        )
        let idling = Idling(patience: .microseconds(100), descriptors: [event.descriptor])
        loop = WorkerLoop(worker, clock: clock, idling: idling)
        thread = Thread(name: "dpvs-bench-idle") { [loop] in loop.run() }
    }

    /// Ends the worker; everything of the control side has ended.
    func stop() {
        loop.requestStop()
        thread.join()
        wire.destroy()
    }
}

/// Carries out what the reloader wants.
struct ControlExecutor: ChangeExecutor {
    let conductor: Conductor

    func apply(
        _ target: DesiredState,
        changes: [String],
        generation: UInt64
    ) async throws -> [Problem] {
        try await conductor.apply(target).map { Problem(.warning, $0) }
    }
}
