// SPDX-License-Identifier: Apache-2.0
import DPDK
import Dataplane
import Linux
import Model

/// How workers learn that their receive queues have frames while they sleep.
extension PortSet {
    /// How far `idle_backoff` goes.
    enum BackOff: String {
        case auto, on, off

        init(_ settings: Settings) {
            self = settings.text("global_defs.idle_backoff").flatMap(Self.init) ?? .auto
        }
    }

    /// How long a worker polls on without a packet before it sleeps until a signal.
    private static let patience = Duration.microseconds(50)
    /// The same before it sleeps for moments, because some queue gives no signal.
    private static let patienceWithoutSignals = Duration.microseconds(100)
    /// The same by `auto` with devices on a bus, which are given CPUs to poll with.
    private static let patienceWithHardware = Duration.milliseconds(100)

    /// Whether a device is to raise interrupts: those of net_tap cost nothing, and of those without a
    /// bus no other has them.
    static func wantsInterrupts(_ device: Device, _ settings: Settings) -> Bool {
        guard BackOff(settings) != .off else { return false }
        return !device.facts.isVirtual || device.facts.driver.contains("tap")
    }

    /// What a worker does when nothing comes; `number` counts workers from 0.
    func idling(ofWorker number: Int, _ settings: Settings) -> Idling {
        let backOff = BackOff(settings)
        let polled = ports.filter { !$0.polled[number].isEmpty }
        guard backOff != .off else { return .never }
        let descriptors = descriptors(ofWorker: number)
        if backOff == .auto, polled.contains(where: { !$0.isVirtual }) {
            guard descriptors != nil else { return .never }
            return Idling(patience: Self.patienceWithHardware, descriptors: descriptors)
        }
        let patience = descriptors == nil ? Self.patienceWithoutSignals : Self.patience
        return Idling(patience: patience, descriptors: descriptors)
    }

    /// One or more for each queue that the worker polls; nil: some queue has none.
    private func descriptors(ofWorker number: Int) -> [Int32]? {
        var all: [Int32] = []
        for port in ports {
            for queue in port.polled[number] where queue < port.setup.receiveQueues {
                guard queue < port.descriptors.count else { return nil }
                all += port.descriptors[queue]
            }
        }
        return all
    }

    /// The descriptors of a started port by receive queue; none where it has no signals.
    ///
    /// `others` are AF_XDP sockets that were there before the start.
    static func descriptors(of port: Port, notAmong others: Set<Int32>) -> [[Int32]] {
        let queues = port.setup.receiveQueues
        let fresh = QueueSockets.xdp.filter { !others.contains($0) }
        if let bond = port.bond {
            let slaves = bond.slaves.compactMap(\.kernelName)
            guard slaves.count == bond.slaves.count else { return [] }
            // Slaves are started one after another, each queue after queue.
            let sockets = slaves.flatMap(packetSockets) + fresh
            guard sockets.count == queues * slaves.count else { return [] }
            return (0..<queues)
                .map { queue in
                    stride(from: queue, to: sockets.count, by: queues).map { sockets[$0] }
                }
        }
        if let name = port.kernelName {
            let sockets = packetSockets(name) + fresh
            return sockets.count >= queues ? sockets.prefix(queues).map { [$0] } : []
        }
        guard port.setup.interrupts else { return [] }
        let found = (0..<queues).compactMap(port.device.descriptor(ofQueue:))
        return found.count == queues ? found.map { [$0] } : []
    }

    private static func packetSockets(_ name: String) -> [Int32] {
        KernelLink.named(name).map { QueueSockets.packet(on: $0.index) } ?? []
    }
}
