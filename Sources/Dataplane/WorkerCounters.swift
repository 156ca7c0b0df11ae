// SPDX-License-Identifier: Apache-2.0
public import Containers
public import Packet

/// What one worker (or the slow path) counts; it writes, anybody reads.
public struct WorkerCounters: BitwiseCopyable, Sendable {
    public enum Kind: Int, CaseIterable, Sendable {
        case turns, idleTurns
        case busyCycles, idleCycles
        /// Cycles of turns with packets that went to the kernel's send and receive.
        case kernelCycles
        case received, transmitted
        /// Packets that belong to another worker, and those that others handed over.
        case redirectedOut, redirectedIn
        /// Packets of backends that arrived at once where their connection is.
        case directReplies
        /// Packets handed to the slow path, and frames it asked to send.
        case punted, injected
        /// Packets that ended with us because they were meant for us or for the kernel.
        case delivered
        /// Packets that were not received but made here, by us or by the kernel.
        case generated
        /// Fragments that packets were cut into here; all but one of a packet count as generated.
        case madeFragments
        case connectionsOpened, connectionsExpired
        /// Ends of connections that the peers were not told of: the ring was full.
        case lostResets
        /// ICMP errors about packets of connections, passed on to who sent those.
        case relatedErrors
        /// Connections now.
        case connections
        /// Packets that wait for a neighbour or in a queue.
        case held
        /// Own addresses that are not used because another node has them (slow path, now).
        case duplicateAddresses
        /// Messages of other nodes that say an own address is theirs (slow path).
        case addressConflicts
        /// Packets that took the client's address along, by how.
        case addressedByTOA, addressedByUOA, addressedByProxyV1, addressedByProxyV2
        /// Packets that went without one though it was their turn, by the reason.
        case unaddressedForMTU, unaddressedForBuffer, unaddressedForForm

        /// Whether it says what is so now, not what has happened.
        var isMomentary: Bool {
            self == .connections || self == .held || self == .duplicateAddresses
        }
    }

    private static let dropBase = 64

    public let block: CounterBlock

    /// Nil when memory is short.
    public init?() {
        guard let block = CounterBlock(count: Self.dropBase + DropReason.allCases.count) else {
            return nil
        }
        self.block = block
    }

    public func destroy() { block.destroy() }

    public func add(_ amount: Int, to kind: Kind) {
        block.add(UInt64(truncatingIfNeeded: amount), at: kind.rawValue)
    }

    public func set(_ value: Int, for kind: Kind) {
        block.set(UInt64(truncatingIfNeeded: value), at: kind.rawValue)
    }

    public func count(_ reason: DropReason, packets: Int = 1) {
        block.add(
            UInt64(truncatingIfNeeded: packets),
            at: Self.dropBase &+ Int(reason.rawValue)
        )
    }

    public subscript(kind: Kind) -> UInt64 { block[kind.rawValue] }
    public subscript(reason: DropReason) -> UInt64 {
        block[Self.dropBase + Int(reason.rawValue)]
    }

    /// What a process that goes on for this one counts on from, by name; without what is so now
    /// only.
    public var totals: [String: UInt64] {
        var totals: [String: UInt64] = [:]
        for kind in Kind.allCases where !kind.isMomentary { totals["\(kind)"] = self[kind] }
        for reason in DropReason.allCases { totals["\(reason)"] = self[reason] }
        return totals.filter { $0.value > 0 }
    }

    /// Counts on from the totals of another process; before the writer begins.
    ///
    /// Names that are not known here count nowhere.
    public func restore(_ totals: [String: UInt64]) {
        for kind in Kind.allCases where !kind.isMomentary {
            block.add(totals["\(kind)"] ?? 0, at: kind.rawValue)
        }
        for reason in DropReason.allCases {
            block.add(totals["\(reason)"] ?? 0, at: Self.dropBase + Int(reason.rawValue))
        }
    }

    /// Packets dropped for any reason.
    public var dropped: UInt64 { DropReason.allCases.reduce(0) { $0 &+ self[$1] } }
}
