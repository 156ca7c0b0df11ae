// SPDX-License-Identifier: Apache-2.0

/// An interface for the whole run of a process: a port, a VLAN on one, or a tunnel.
///
/// Ports come first, in the order of the dataplane's list; `InterfaceNumbers` gives the others
/// theirs. An identifier never means another interface later, so whatever remembers one (an adjacency,
/// a fragment, a counter) need not ask whether it still holds.
public struct InterfaceID: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// Every identifier below is a port's: more than any host has.
    public static let portLimit = 256

    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The port at a position of the dataplane's list.
    public init(port: Int) { self.init(rawValue: UInt16(port)) }

    /// One at a position of `InterfaceTable`.
    init(index: Int) { self.init(rawValue: UInt16(truncatingIfNeeded: index)) }

    public var isPort: Bool { index < Self.portLimit }

    /// Where it stands among all interfaces of a run; less than `InterfaceTable.limit`.
    public var index: Int { Int(rawValue) }
}

extension InterfaceID: Comparable {
    public static func < (one: InterfaceID, other: InterfaceID) -> Bool {
        one.rawValue < other.rawValue
    }
}

extension InterfaceID: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: UInt16) { self.init(rawValue: value) }
}
