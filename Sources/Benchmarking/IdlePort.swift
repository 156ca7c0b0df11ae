// SPDX-License-Identifier: Apache-2.0
import CPacket
import Containers
import Packet

/// A port at which another thread lets single frames arrive, and that notes when they leave.
@safe
struct IdlePort: PacketPort, @unchecked Sendable {
    let traits: PortTraits
    let wire: IdleWire

    func receive(into burst: inout Burst) {
        guard traits.index == 0, wire.arrivals.pop() != nil else { return }
        var frame = Burst(capacity: 1)
        unsafe wire.client.pointee.fill(&frame)
        burst.append(frame.take(0))
        frame.count = 0
    }

    func transmit(_ burst: inout Burst) {
        if !burst.isEmpty { _ = wire.departures.push(CPacket_cycles()) }
        free(&burst)
    }

    func free(_ burst: inout Burst) {
        for position in 0..<burst.count {
            unsafe wire.client.pointee.recycle(burst.storage[position].unsafelyUnwrapped)
        }
        burst.count = 0
    }

    func allocate() -> Packet? { nil }
}

/// What the ports of a worker and the thread that sends share; whoever made it destroys it when the
/// worker has ended.
@safe
struct IdleWire: BitwiseCopyable, @unchecked Sendable {
    /// One element a frame, whatever it is.
    let arrivals = Ring<UInt64>(capacity: 8)
    /// When each frame left, in cycles.
    let departures = Ring<UInt64>(capacity: 8)
    /// The worker's.
    let client: UnsafeMutablePointer<LoopState>

    init(_ load: Load) {
        unsafe client = .allocate(capacity: 1)
        unsafe client.initialize(to: LoopState(load.traffic, template: load.template))
    }

    func destroy() {
        arrivals.destroy()
        departures.destroy()
        unsafe client.deinitialize(count: 1)
        unsafe client.deallocate()
    }

    /// Both sides of the worker, by port index.
    var ports: [IdlePort] {
        [Template.clientPort, Template.backendPort].enumerated()
            .map { index, mac in
                let traits = PortTraits(index: UInt16(index), macAddress: mac, mtu: 1500)
                return IdlePort(traits: traits, wire: self)
            }
    }
}
