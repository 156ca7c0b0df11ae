// SPDX-License-Identifier: Apache-2.0
import Addressing
import CPacket
import Linux
import Packet
import Synchronization
import Testing
import Timing

@testable import Dataplane

/// The real loop on a thread, over ports at which nothing happens; its waits are endless, so that only
/// a signal lets it turn.
@Suite struct WorkerLoopTests {
    private struct SilentPort: PacketPort {
        let traits = PortTraits(index: 0, macAddress: MACAddress(rawValue: 2), mtu: 1500)

        func receive(into burst: inout Burst) {}
        func transmit(_ burst: inout Burst) {}
        func free(_ burst: inout Burst) {}
        func allocate() -> Packet? { nil }
    }

    /// A worker that sleeps, what wakes it, and how often it has turned.
    private final class Sleeper: Sendable {
        let engine: Engine
        let loop: WorkerLoop<SilentPort>
        let queue: EventFD
        private let bell: EventFD
        private let thread: Thread

        init() throws {
            bell = try EventFD()
            queue = try EventFD()
            let made = Engine(
                workers: 1,
                limits: DataplaneLimits(
                    connectionsPerWorker: 1024,
                    backendSlots: 64,
                    serviceSlots: 64,
                    neighbours: 64,
                    persistentClients: 64
                ),
                seed: 1,
                workerBells: [Doorbell(descriptor: bell.descriptor)]
            )
            engine = try #require(made)
            guard let balancer = engine.makeBalancer(0, now: Instant(nanoseconds: 0)) else {
                throw LinuxError("mmap", 12)
            }
            let worker = Worker(
                index: 0,
                interchange: engine.interchange,
                receivers: [SilentPort()],
                transmitters: [SilentPort()],
                balancer: balancer
            )
            var idling = Idling(patience: .zero, descriptors: [queue.descriptor])
            idling.longestWait = .seconds(100_000)
            let clock = CycleClock(
                frequency: 1_000_000_000,
                cycles: CPacket_cycles(),
                instant: Instant(nanoseconds: 0)
            )
            let loop = WorkerLoop(worker, clock: clock, idling: idling)
            self.loop = loop
            thread = Thread(name: "sleeper") { loop.run() }
        }

        var turns: UInt64 { engine.interchange.counters[0][.turns] }

        /// How often it had turned when it stopped turning.
        func settledTurns() async throws -> UInt64 {
            var last = turns
            while true {
                try await Task.sleep(for: .milliseconds(50))
                if turns == last, last > 0 { return last }
                last = turns
            }
        }

        /// Whether it turns again after `signal`.
        func turnsAfter(_ signal: () -> Void) async throws -> Bool {
            let before = try await settledTurns()
            signal()
            for _ in 0..<1000 {
                if turns > before { return true }
                try await Task.sleep(for: .milliseconds(10))
            }
            return false
        }

        func end() {
            loop.requestStop()
            thread.join()
            engine.destroy()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a worker sleeps until a queue, a snapshot or a question wakes it`() async throws {
        let sleeper = try Sleeper()
        let wires = sleeper.engine.interchange
        #expect(try await sleeper.turnsAfter { sleeper.queue.signal() }, "a frame")
        #expect(try await sleeper.turnsAfter { wires.wakeWorkers() }, "a snapshot or a question")
        // Signals are forgotten: it sleeps again.
        let turns = try await sleeper.settledTurns()
        #expect(turns < 100)
        // A worker that sleeps for days ends at once.
        sleeper.end()
    }
}
