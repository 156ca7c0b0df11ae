// SPDX-License-Identifier: Apache-2.0
import Addressing
public import Balancing
import CPacket

/// What one worker knows of a flow.
public struct FlowInspection: BitwiseCopyable, Sendable {
    /// Its connection.
    public var image: ConnectionImage?
    /// Ports that its source holds by SNAT.
    public var heldPorts: UInt32 = 0

    public init() {}
}

/// A question to one worker: what do you know of this flow? One asker at a time.
///
/// The cell belongs to the worker from `ask` until it has answered: an asker that gave up waiting
/// may not ask again before that, and then gets the answer to its own question only.
///
/// The worker looks at one word of its own cache line each turn. A handle, which its maker destroys
/// when all threads have ended.
@safe
public struct InspectionCell: BitwiseCopyable, @unchecked Sendable {
    private struct Contents {
        /// Numbers of the last question and of the last answer.
        var asked: UInt64 = 0
        var answered: UInt64 = 0
        var flow: Flow
        var answer = FlowInspection()
    }

    private let contents: UnsafeMutablePointer<Contents>

    init() {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: (MemoryLayout<Contents>.size + 63) & ~63,
            alignment: 64
        )
        unsafe contents = memory.bindMemory(to: Contents.self, capacity: 1)
        let nobody = Flow(source: .zero, destination: .zero, ports: 0, protocol: .tcp)
        unsafe contents.initialize(to: Contents(flow: nobody))
    }

    func destroy() { unsafe contents.deallocate() }

    private var asked: UnsafeMutablePointer<UInt64> {
        unsafe UnsafeMutableRawPointer(contents).assumingMemoryBound(to: UInt64.self)
    }
    private var answered: UnsafeMutablePointer<UInt64> { unsafe asked + 1 }

    // MARK: - The asker

    /// Asks about `flow`; false, and nothing was asked, while the worker still owes the answer to
    /// the question before.
    public func ask(_ flow: Flow) -> Bool {
        guard isAnswered else { return false }
        unsafe contents.pointee.flow = flow
        unsafe CPacket_store_release(asked, CPacket_load_relaxed(asked) &+ 1)
        return true
    }

    /// Whether the last question was answered.
    public var isAnswered: Bool {
        unsafe CPacket_load_acquire(answered) == CPacket_load_relaxed(asked)
    }

    /// The answer, once there is one.
    public var answer: FlowInspection { unsafe contents.pointee.answer }

    // MARK: - The worker

    @inline(__always)
    var isAsked: Bool {
        unsafe CPacket_load_acquire(asked) != CPacket_load_relaxed(answered)
    }

    func answer(from balancer: inout Balancer) {
        let number = unsafe CPacket_load_acquire(asked)
        let flow = unsafe contents.pointee.flow
        unsafe contents.pointee.answer.image = balancer.connections.image(of: flow)
        unsafe contents.pointee.answer.heldPorts = balancer.heldPorts(of: flow)
        unsafe CPacket_store_release(answered, number)
    }
}
