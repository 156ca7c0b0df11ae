// SPDX-License-Identifier: Apache-2.0
import Containers
public import Networking

/// What one thread counts of interfaces that share a port with others, it writes, anybody
/// reads.
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
        let count = (InterfaceTable.limit - InterfaceID.portLimit) * Kind.allCases.count
        guard let block = CounterBlock(count: count) else { return nil }
        self.block = block
    }

    func destroy() { block.destroy() }

    /// nil for ports: devices count theirs.
    private static func index(_ kind: Kind, _ interface: InterfaceID) -> Int? {
        let index = interface.index
        guard !interface.isPort, index < InterfaceTable.limit else { return nil }
        return (index &- InterfaceID.portLimit) &* 4 &+ kind.rawValue
    }

    /// A frame of `octets`, as it was on the wire.
    func countReceived(_ octets: Int, _ interface: InterfaceID) {
        guard let place = Self.index(.receivedPackets, interface) else { return }
        block.add(1, at: place)
        block.add(UInt64(truncatingIfNeeded: octets), at: place &+ 1)
    }

    /// A frame of `octets`, as it is on the wire.
    func countSent(_ octets: Int, _ interface: InterfaceID) {
        guard let place = Self.index(.sentPackets, interface) else { return }
        block.add(1, at: place)
        block.add(UInt64(truncatingIfNeeded: octets), at: place &+ 1)
    }

    public subscript(kind: Kind, interface: InterfaceID) -> UInt64 {
        Self.index(kind, interface).map { block[$0] } ?? 0
    }
}

extension Interchange {
    /// What went by an interface that is no port, over all threads.
    public func count(_ kind: InterfaceCounters.Kind, of interface: InterfaceID) -> UInt64 {
        interfaceCounters.reduce(0) { $0 &+ $1[kind, interface] }
    }
}
