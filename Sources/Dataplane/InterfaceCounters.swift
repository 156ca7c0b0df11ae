// SPDX-License-Identifier: Apache-2.0
import Containers
import Networking

/// What one thread counts of interfaces that share a port with others, by their number; it writes,
/// anybody reads.
///
/// A number belongs to one interface for the whole run, and so do its counters.
public struct InterfaceCounters: BitwiseCopyable, Sendable {
    public enum Kind: Int, CaseIterable, Sendable {
        case receivedPackets
        case receivedOctets
        /// Given to the port.
        case sentPackets
        case sentOctets
    }

    private let block: CounterBlock

    init?() {
        let count = (InterfaceTable.numberLimit - InterfaceTable.firstNumber) * Kind.allCases.count
        guard let block = CounterBlock(count: count) else { return nil }
        self.block = block
    }

    func destroy() { block.destroy() }

    /// nil for ports: devices count theirs.
    private static func index(_ kind: Kind, _ number: Int) -> Int? {
        guard number >= InterfaceTable.firstNumber, number < InterfaceTable.numberLimit else {
            return nil
        }
        return (number &- InterfaceTable.firstNumber) &* 4 &+ kind.rawValue
    }

    /// A frame of `octets`, as it was on the wire.
    func countReceived(_ octets: Int, _ number: Int) {
        guard let place = Self.index(.receivedPackets, number) else { return }
        block.add(1, at: place)
        block.add(UInt64(truncatingIfNeeded: octets), at: place &+ 1)
    }

    /// A frame of `octets`, as it is on the wire.
    func countSent(_ octets: Int, _ number: Int) {
        guard let place = Self.index(.sentPackets, number) else { return }
        block.add(1, at: place)
        block.add(UInt64(truncatingIfNeeded: octets), at: place &+ 1)
    }

    public subscript(kind: Kind, number: Int) -> UInt64 {
        Self.index(kind, number).map { block[$0] } ?? 0
    }
}

extension Interchange {
    /// What went by an interface that is no port, over all threads.
    public func interface(_ kind: InterfaceCounters.Kind, _ number: Int) -> UInt64 {
        interfaceCounters.reduce(0) { $0 &+ $1[kind, number] }
    }
}
