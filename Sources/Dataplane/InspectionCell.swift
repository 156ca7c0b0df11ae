// SPDX-License-Identifier: Apache-2.0
import Addressing
public import Balancing
import CPacket

/// A question to one worker: do you have a connection for this flow? One asker at a time.
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
        var image: ConnectionImage?
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

    public func ask(_ flow: Flow) {
        unsafe contents.pointee.flow = flow
        unsafe CPacket_store_release(asked, CPacket_load_relaxed(asked) &+ 1)
    }

    /// Whether the last question was answered.
    public var isAnswered: Bool {
        unsafe CPacket_load_acquire(answered) == CPacket_load_relaxed(asked)
    }

    /// The answer, once there is one.
    public var image: ConnectionImage? { unsafe contents.pointee.image }

    // MARK: - The worker

    @inline(__always)
    var isAsked: Bool {
        unsafe CPacket_load_acquire(asked) != CPacket_load_relaxed(answered)
    }

    func answer(from connections: inout ConnectionTable) {
        unsafe contents.pointee.image = connections.image(of: contents.pointee.flow)
        unsafe CPacket_store_release(answered, CPacket_load_relaxed(asked))
    }
}
