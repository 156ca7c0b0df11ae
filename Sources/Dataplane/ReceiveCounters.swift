// SPDX-License-Identifier: Apache-2.0
import Containers

/// What one worker has found out about frames of each port, beyond what the device counts; it writes,
/// anybody reads.
public struct ReceiveCounters: BitwiseCopyable, Sendable {
    public enum Kind: Int, CaseIterable, Sendable {
        /// Dropped because the checksum of the IPv4 header is wrong.
        case badHeaderChecksum
        /// Dropped because the device found the TCP, UDP or SCTP checksum wrong, and it is.
        case badTransportChecksum
        /// Found wrong by the device, though right: passed on.
        case misjudgedChecksum
        /// Checksums that a sender on this host had left to its device, finished here.
        case finishedChecksum
        /// Dropped because they are longer than the link's MTU: put together by a kernel.
        case superPacket
    }

    private let block: CounterBlock

    init?() {
        let count = ExceptionPolicy.portLimit * Kind.allCases.count
        guard let block = CounterBlock(count: count) else { return nil }
        self.block = block
    }

    func destroy() { block.destroy() }

    private static func index(_ kind: Kind, _ port: Int) -> Int {
        port % ExceptionPolicy.portLimit * Kind.allCases.count + kind.rawValue
    }

    func count(_ kind: Kind, _ port: Int, packets: Int = 1) {
        block.add(UInt64(truncatingIfNeeded: packets), at: Self.index(kind, port))
    }

    public subscript(kind: Kind, port: Int) -> UInt64 { block[Self.index(kind, port)] }
}

extension Interchange {
    /// What was found out about frames of a port, over all workers.
    public func received(_ kind: ReceiveCounters.Kind, port: Int) -> UInt64 {
        receiveCounters.reduce(0) { $0 &+ $1[kind, port] }
    }
}
