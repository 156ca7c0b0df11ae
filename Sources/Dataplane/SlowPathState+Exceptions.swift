// SPDX-License-Identifier: Apache-2.0
import CPacket
import Containers
import Networking
import Packet

/// Packets between ports and the kernel, by the companions.
extension SlowPathState {
    // MARK: - The loop

    /// Takes what workers have let through, class by class, routing protocols first; returns how many
    /// packets there were.
    mutating func takeExceptions() -> Int {
        let classes = ExceptionClass.allCases
        var handled = 0
        for exceptionClass in classes {
            for worker in 0..<engine.workerCount {
                let ring = engine.interchange
                    .exceptions[worker * classes.count + exceptionClass.rawValue]
                for _ in 0..<Self.share {
                    guard let punted = ring.pop() else { break }
                    handled += 1
                    handle(punted)
                }
            }
        }
        return handled
    }

    /// Sends a burst of each companion whose turn it is on its interface; returns how many packets
    /// there were.
    mutating func takeFromKernel() -> Int {
        var handled = 0
        for _ in 0..<min(Self.companionShare, companionOrder.count) {
            nextCompanion = (nextCompanion + 1) % companionOrder.count
            let interface = companionOrder[nextCompanion]
            guard let companion = companions[interface] else { continue }
            let port = engine.interchange.interfaces.port(of: interface)
            companion.port.receive(into: &companionBurst)
            for position in 0..<companionBurst.count {
                let packet = companionBurst.take(position)
                counters.add(1, to: .generated)
                guard companion.carriage.unwrap(packet) else {
                    drop(packet, .unsupportedEtherType)
                    continue
                }
                // Behind `virtio_user`, the kernel may leave checksums to us.
                let frame = ParsedFrame.parse(packet).frame
                if let frame {
                    _ = TransportChecksum(of: packet, frame, mayBeUnfinished: true, mtu: .max)
                }
                let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
                exceptionCounters.count(.sent, ExceptionClass(bytes, frame), port: port)
                inject(packet, on: interface)
            }
            handled += companionBurst.count
            companionBurst.count = 0
        }
        return handled
    }

    // MARK: - To the kernel

    /// Ends a packet at the kernel, when `interface` has a companion, else as `reason`.
    mutating func handUp(
        _ packet: consuming Packet,
        to interface: InterfaceID,
        otherwise reason: DropReason = .notForUs
    ) {
        guard let companion = companions[interface] else {
            drop(packet, reason)
            return
        }
        let port = engine.interchange.interfaces.port(of: interface)
        let exceptionClass = ExceptionClass(of: packet)
        guard companion.carriage.wrap(packet) else {
            drop(packet, reason)
            return
        }
        unsafe packet.buffer.pointee.ol_flags = 0
        companionBurst.append(packet)
        companion.port.transmit(&companionBurst)
        if companionBurst.isEmpty {
            exceptionCounters.count(.passed, exceptionClass, port: port)
            counters.add(1, to: .delivered)
        } else {
            exceptionCounters.count(.full, exceptionClass, port: port)
            counters.count(.companionFull)
            companion.port.free(&companionBurst)
        }
    }

    /// Lets the kernel see a packet that we have a use for ourselves.
    mutating func copyUp(_ packet: borrowing Packet, to interface: InterfaceID) {
        guard companions[interface] != nil, let copy = make(packet.count, on: interface) else {
            return
        }
        unsafe copy.frame.copyMemory(from: packet.frame, byteCount: packet.count)
        handUp(copy, to: interface)
    }
}

extension ExceptionClass {
    /// What a whole frame is about.
    init(of packet: borrowing Packet) {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        self.init(bytes, ParsedFrame.parse(packet).frame)
    }
}
