// SPDX-License-Identifier: Apache-2.0

/// Where packets for an address go, in 32 bits.
///
///      31     28 27       20 19                      0
///     +---------+-----------+------------------------+
///     | kind    | MTU class | index, by kind         |
///     +---------+-----------+------------------------+
///
/// A class of MTU is a position in the list of the snapshot; class 0 has none of its own.
public struct RouteTarget: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    public var rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    public enum Kind: UInt32 {
        /// Nobody said where.
        case none = 0
        /// An own address.
        case local = 1
        /// On the link of `interface`.
        case link = 2
        /// By the gateway that stands at `index` in the snapshot's list.
        case gateway = 3
        /// An own address that is a local address of services; `index` is its slot.
        case localAddress = 4
        /// An address of the kernel, ours as well or not: what is not balanced there is handed up, by
        /// the companion of `companionInterface`, or with nil by that of the one where it came in.
        case companion = 5
    }

    public static let none = RouteTarget(rawValue: 0)

    /// Classes of MTU that one snapshot can have, class 0 included.
    public static let mtuClasses = 256

    public init(_ kind: Kind, index: Int = 0, mtuClass: Int = 0) {
        precondition((0..<1 << 20).contains(index))
        precondition((0..<Self.mtuClasses).contains(mtuClass))
        rawValue = kind.rawValue << 28 | UInt32(mtuClass) << 20 | UInt32(index)
    }

    /// What is on the link of an interface.
    public static func link(_ interface: InterfaceID, mtuClass: Int = 0) -> RouteTarget {
        RouteTarget(.link, index: interface.index, mtuClass: mtuClass)
    }

    /// What the kernel has behind the companion of an interface.
    public static func companion(_ interface: InterfaceID) -> RouteTarget {
        RouteTarget(.companion, index: interface.index + 1)
    }

    public var kind: Kind { Kind(rawValue: rawValue >> 28) ?? .none }
    public var mtuClass: Int { Int(rawValue >> 20 & 0xFF) }
    public var index: Int { Int(rawValue & 0x000F_FFFF) }
    /// Of a `.link`.
    public var interface: InterfaceID { InterfaceID(index: index) }
    /// Of a `.companion` that names one.
    public var companionInterface: InterfaceID? {
        kind == .companion && index > 0 ? InterfaceID(index: index - 1) : nil
    }
}

/// Longest-prefix match over one address family, by binary search in disjoint ranges.
///
/// A handful of routes needs a handful of steps, ten thousand need fifteen, and one table serves
/// IPv4 (`UInt32`) and IPv6 (`UInt128`). Only connection setup asks it: established packets carry
/// their next hop. A handle to immutable memory that the snapshot's maker destroys.
@safe
public struct RouteTable<Address: FixedWidthInteger & UnsignedInteger & BitwiseCopyable & Sendable>:
    BitwiseCopyable, @unchecked Sendable
{
    /// A network and its target.
    public struct Entry: Equatable, Sendable {
        public var network: Address
        public var length: Int
        public var target: RouteTarget

        public init(network: Address, length: Int, target: RouteTarget) {
            self.network = network
            self.length = length
            self.target = target
        }

        var last: Address {
            length == Address.bitWidth ? network : network | (Address.max >> Address(length))
        }
    }

    /// `starts[i]` begins a range that ends before `starts[i + 1]`; `starts[0]` is 0.
    private let starts: UnsafeMutablePointer<Address>
    private let targets: UnsafeMutablePointer<RouteTarget>
    private let count: Int

    /// Builds the table; of two equal prefixes the later one counts.
    public init(_ entries: [Entry]) {
        let ranges = Self.disjointRanges(of: entries)
        count = ranges.count
        unsafe starts = .allocate(capacity: count)
        unsafe targets = .allocate(capacity: count)
        for (index, range) in ranges.enumerated() {
            unsafe (starts + index).initialize(to: range.start)
            unsafe (targets + index).initialize(to: range.target)
        }
    }

    /// Frees the memory; no copy may be asked afterwards.
    public func destroy() {
        unsafe starts.deallocate()
        unsafe targets.deallocate()
    }

    /// The target of the longest prefix that holds `address`.
    public func target(for address: Address) -> RouteTarget {
        var low = 0
        var high = count
        while high &- low > 1 {
            let middle = (low &+ high) / 2
            if unsafe starts[middle] <= address { low = middle } else { high = middle }
        }
        return unsafe targets[low]
    }

    /// Cuts nested prefixes into ranges: walk them by start, keep the open ones on a stack.
    private static func disjointRanges(
        of entries: [Entry]
    ) -> [(start: Address, target: RouteTarget)] {
        var byPrefix: [[Address]: Entry] = [:]
        for entry in entries { byPrefix[[entry.network, Address(entry.length)]] = entry }
        let sorted = byPrefix.values.sorted {
            ($0.network, $0.length) < ($1.network, $1.length)
        }
        var ranges: [(start: Address, target: RouteTarget)] = [(0, .none)]
        func begin(_ start: Address, _ target: RouteTarget) {
            if ranges[ranges.count - 1].start == start { ranges.removeLast() }
            if ranges.last?.target != target { ranges.append((start, target)) }
        }
        var open: [Entry] = []
        func close(before start: Address?) {
            while let inner = open.last, start.map({ inner.last < $0 }) ?? true {
                open.removeLast()
                guard inner.last < .max else { continue }
                begin(inner.last + 1, open.last?.target ?? .none)
            }
        }
        for entry in sorted {
            close(before: entry.network)
            begin(entry.network, entry.target)
            open.append(entry)
        }
        close(before: nil)
        return ranges
    }
}
