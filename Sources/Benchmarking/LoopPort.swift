// SPDX-License-Identifier: Apache-2.0
import Addressing
import CPacket
import Packet

/// A port in memory with its peer built in: the load and the wire of a benchmark.
///
/// Frames are written anew into buffers that are used in turn, as a device would do it; what is
/// transmitted comes back as the peer's next segment or returns to the pool. The bare loop uses the
/// same port, so its cost is in both figures. A handle to state of one thread.
@safe
struct LoopPort: PacketPort, @unchecked Sendable {
    let traits: PortTraits
    let state: UnsafeMutablePointer<LoopState>

    init(_ state: UnsafeMutablePointer<LoopState>, index: UInt16, macAddress: MACAddress) {
        unsafe self.state = unsafe state
        traits = PortTraits(index: index, macAddress: macAddress, mtu: 1500)
    }

    func receive(into burst: inout Burst) {
        unsafe state.pointee.fill(&burst)
    }

    func transmit(_ burst: inout Burst) {
        unsafe state.pointee.transmitted &+= burst.count
        for position in 0..<burst.count {
            unsafe state.pointee.answer(burst.storage[position].unsafelyUnwrapped)
        }
        burst.count = 0
    }

    func free(_ burst: inout Burst) {
        unsafe state.pointee.freed &+= burst.count
        for position in 0..<burst.count {
            unsafe state.pointee.recycle(burst.storage[position].unsafelyUnwrapped)
        }
        burst.count = 0
    }

    func allocate() -> Packet? { nil }

    // MARK: - Clients and backends

    /// Both sides of a worker; whoever made it destroys it.
    @safe
    struct Pair {
        let client: LoopPort
        let backend: LoopPort

        func destroy() {
            for port in [backend, client] {
                unsafe port.state.deinitialize(count: 1)
                unsafe port.state.deallocate()
            }
        }
    }

    /// Port 0 with the load's clients behind it, and port 1 with what answers them.
    static func pair(_ load: Load) -> Pair {
        let client = UnsafeMutablePointer<LoopState>.allocate(capacity: 1)
        let template = load.template
        unsafe client.initialize(
            to: LoopState(load.traffic, template: template, destinations: load.destinations)
        )
        let backend = UnsafeMutablePointer<LoopState>.allocate(capacity: 1)
        unsafe backend.initialize(to: LoopState(load.answer, home: client))
        return unsafe Pair(
            client: LoopPort(client, index: 0, macAddress: Template.clientPort),
            backend: LoopPort(backend, index: 1, macAddress: Template.backendPort)
        )
    }
}

/// Buffers that wait in order, in a circle.
@safe
struct BufferQueue: ~Copyable {
    typealias Buffer = UnsafeMutablePointer<CPacket_buffer>

    private let slots: UnsafeMutablePointer<Buffer?>
    private let mask: Int
    private var head = 0
    private var tail = 0

    init(capacity: Int) {
        precondition(capacity.nonzeroBitCount == 1)
        mask = capacity - 1
        unsafe slots = .allocate(capacity: capacity)
        unsafe slots.initialize(repeating: nil, count: capacity)
    }

    deinit { unsafe slots.deallocate() }

    var count: Int { tail &- head }

    mutating func append(_ buffer: Buffer) {
        unsafe slots[tail & mask] = unsafe buffer
        tail &+= 1
    }

    mutating func removeFirst() -> Buffer? {
        guard head != tail else { return nil }
        head &+= 1
        return unsafe slots[(head &- 1) & mask]
    }
}
