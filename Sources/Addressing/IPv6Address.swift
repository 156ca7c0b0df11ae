// SPDX-License-Identifier: Apache-2.0

/// An IPv6 address as two host-order halves.
public struct IPv6Address: Hashable, Sendable, BitwiseCopyable {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    public static let any = IPv6Address(high: 0, low: 0)
    public static let loopback = IPv6Address(high: 0, low: 1)

    /// ff00::/8 (RFC 4291 section 2.7).
    public var isMulticast: Bool { high >> 56 == 0xFF }
    /// fe80::/10 (RFC 4291 section 2.5.6).
    public var isLinkLocal: Bool { high >> 54 == 0x3FA }

    /// The eight 16-bit groups from left to right.
    public var groups: [UInt16] {
        [high, low]
            .flatMap { half in
                [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
            }
    }

    /// The address with the given eight groups.
    init(groups: [UInt16]) {
        precondition(groups.count == 8)
        high = groups[..<4].reduce(0) { $0 << 16 | UInt64($1) }
        low = groups[4...].reduce(0) { $0 << 16 | UInt64($1) }
    }
}

extension IPv6Address: Comparable {
    public static func < (left: Self, right: Self) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension IPv6Address: LosslessStringConvertible {
    /// Reads every form of RFC 4291 section 2.2, with an IPv4 tail too; zone indices are refused.
    public init?(_ text: some StringProtocol) {
        let text = String(text)
        guard let gap = text.firstDoubleColon else {
            guard let groups = Self.groups(in: text[...]), groups.count == 8 else { return nil }
            self.init(groups: groups)
            return
        }
        let tailStart = text.index(gap, offsetBy: 2)
        guard
            let head = Self.groups(in: text[..<gap], mayEndInIPv4: false),
            let tail = Self.groups(in: text[tailStart...]),
            head.count + tail.count < 8
        else { return nil }
        let zeros = Array(repeating: UInt16(0), count: 8 - head.count - tail.count)
        self.init(groups: head + zeros + tail)
    }

    /// The canonical form of RFC 5952, section 5 included: `::ffff:192.0.2.1`.
    public var description: String {
        if isIPv4Mapped {
            return "::ffff:\(IPv4Address(rawValue: UInt32(truncatingIfNeeded: low)))"
        }
        let groups = groups
        let gap = Self.longestZeroRun(in: groups)
        func joined(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard gap.count > 1 else { return joined(groups[...]) }
        return joined(groups[..<gap.lowerBound]) + "::" + joined(groups[gap.upperBound...])
    }

    private static func groups(
        in text: Substring,
        mayEndInIPv4: Bool = true
    ) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 8 else { return nil }
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if mayEndInIPv4, index == parts.count - 1, part.contains(".") {
                guard let tail = IPv4Address(part) else { return nil }
                groups.append(UInt16(truncatingIfNeeded: tail.rawValue >> 16))
                groups.append(UInt16(truncatingIfNeeded: tail.rawValue))
            } else {
                // A number may have a sign, even "-0"; a group may not.
                guard part.utf8.count <= 4, part.first?.isHexDigit == true,
                    let group = UInt16(part, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        return groups
    }

    /// The first of the longest runs of zero groups.
    private static func longestZeroRun(in groups: [UInt16]) -> Range<Int> {
        var best = 0..<0
        var start = 0
        for (index, group) in groups.enumerated() {
            if group != 0 {
                start = index + 1
            } else if index + 1 - start > best.count {
                best = start..<(index + 1)
            }
        }
        return best
    }
}

extension String {
    /// Where the first `::` begins, or nil when there is none.
    fileprivate var firstDoubleColon: Index? {
        zip(indices, indices.dropFirst()).first { self[$0] == ":" && self[$1] == ":" }?.0
    }
}
