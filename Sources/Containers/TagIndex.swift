// SPDX-License-Identifier: Apache-2.0
import CLinux
import CPacket

/// A hash index from 64-bit hashes to 32-bit references, built for look-ahead.
///
/// A bucket is one cache line with eight 16-bit tags that are compared together:
///
///      0         16                    48          52       64
///     +---------+---------------------+-----------+--------+
///     | 8 tags  | 8 references        | displaced |        |
///     +---------+---------------------+-----------+--------+
///
/// A key lives in its home bucket or, when that is full, in the first of its alternates with room;
/// `displaced` counts the keys of a home that live elsewhere, so that a miss rarely touches a second
/// line. Half full, one home in twenty overflows, and all eight alternates are full once in 10^11.
/// The index knows no keys: whoever looks up confirms each candidate against its own entry.
@safe
public struct TagIndex: ~Copyable {
    private enum Layout {
        static let bucket = 64
        static let slots = 8
        static let references = 16
        static let displaced = 48
        static let alternates: UInt64 = 8
    }

    /// Stands for "no reference".
    public static let none = UInt32.max

    private let base: UnsafeMutableRawPointer
    private let mask: UInt64
    private let size: Int

    /// Room for `keys`, at most half full; nil when memory is short.
    public init?(keys: Int) {
        var buckets = 8
        while buckets * Layout.slots < keys * 2 { buckets *= 2 }
        size = buckets * Layout.bucket
        guard let memory = unsafe CLinux_map_table(size) else { return nil }
        unsafe base = unsafe memory
        mask = UInt64(buckets - 1)
    }

    deinit { unsafe CLinux_unmap_table(base, size) }

    /// Octets of memory in use.
    public var byteCount: Int { size }

    /// Asks for the home bucket of `hash`.
    public func prefetch(_ hash: UInt64) {
        unsafe CPacket_prefetch(home(of: hash))
    }

    /// The first reference in the home bucket whose tag fits, unconfirmed, or `none`.
    public func candidate(for hash: UInt64) -> UInt32 {
        let bucket = unsafe home(of: hash)
        let matches = unsafe CPacket_match_tags(bucket, Self.tag(of: hash))
        guard matches != 0 else { return Self.none }
        return unsafe reference(in: bucket, at: matches.trailingZeroBitCount / 2).pointee
    }

    /// The place of a search: see `next(of:in:)`.
    public struct Search: BitwiseCopyable {
        /// 0 is home; then the alternates.
        var bucket: UInt64 = 0
        /// Tags of the bucket that fit and were not looked at.
        var matches: UInt32

        public init(_ hash: UInt64, in index: borrowing TagIndex) {
            matches = unsafe CPacket_match_tags(index.home(of: hash), TagIndex.tag(of: hash))
        }
    }

    /// The next reference that may stand under `hash`, to be confirmed, or `none`.
    ///
    /// A loop instead of a closure, which would be a call through a pointer.
    public func next(of hash: UInt64, in search: inout Search) -> UInt32 {
        while search.matches == 0 {
            if search.bucket == 0, unsafe displaced(in: home(of: hash)).pointee == 0 {
                return Self.none
            }
            search.bucket &+= 1
            guard search.bucket <= Layout.alternates else { return Self.none }
            search.matches = unsafe CPacket_match_tags(
                bucket(search.bucket, of: hash),
                Self.tag(of: hash)
            )
        }
        let slot = search.matches.trailingZeroBitCount / 2
        search.matches &= search.matches &- 1
        return unsafe reference(in: bucket(search.bucket, of: hash), at: slot).pointee
    }

    /// Adds `reference`; false when it finds no room, and nothing changed.
    public mutating func insert(_ reference: UInt32, under hash: UInt64) -> Bool {
        let tag = Self.tag(of: hash)
        let home = unsafe home(of: hash)
        if unsafe put(reference, tag: tag, into: home) { return true }
        for number in 1...Layout.alternates
        where unsafe put(reference, tag: tag, into: bucket(number, of: hash)) {
            unsafe displaced(in: home).pointee &+= 1
            return true
        }
        return false
    }

    /// Takes out `reference`, which was inserted under `hash`.
    public mutating func remove(_ reference: UInt32, under hash: UInt64) {
        let tag = Self.tag(of: hash)
        let home = unsafe home(of: hash)
        if unsafe clear(reference, tag: tag, in: home) { return }
        for number in 1...Layout.alternates
        where unsafe clear(reference, tag: tag, in: bucket(number, of: hash)) {
            unsafe displaced(in: home).pointee &-= 1
            return
        }
        assertionFailure("the reference was not in the index")
    }

    // MARK: - Buckets

    /// Zero marks an empty slot, so no key may have it.
    private static func tag(of hash: UInt64) -> UInt16 {
        let tag = UInt16(truncatingIfNeeded: hash >> 48)
        return tag == 0 ? 1 : tag
    }

    private func home(of hash: UInt64) -> UnsafeMutableRawPointer {
        unsafe base + Int(hash & mask) &* Layout.bucket
    }

    /// Home for number 0; then steps away from it by an odd stride of the hash's own.
    private func bucket(_ number: UInt64, of hash: UInt64) -> UnsafeMutableRawPointer {
        let step = hash >> 32 | 1
        return unsafe base + Int((hash &+ number &* step) & mask) &* Layout.bucket
    }

    private func reference(
        in bucket: UnsafeMutableRawPointer,
        at slot: Int
    ) -> UnsafeMutablePointer<UInt32> {
        unsafe (bucket + Layout.references).assumingMemoryBound(to: UInt32.self) + slot
    }

    private func displaced(in bucket: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt32> {
        unsafe (bucket + Layout.displaced).assumingMemoryBound(to: UInt32.self)
    }

    private func put(
        _ value: UInt32,
        tag: UInt16,
        into bucket: UnsafeMutableRawPointer
    ) -> Bool {
        let free = unsafe CPacket_match_tags(bucket, 0)
        guard free != 0 else { return false }
        let slot = free.trailingZeroBitCount / 2
        unsafe reference(in: bucket, at: slot).pointee = value
        unsafe bucket.assumingMemoryBound(to: UInt16.self)[slot] = tag
        return true
    }

    private func clear(
        _ value: UInt32,
        tag: UInt16,
        in bucket: UnsafeMutableRawPointer
    ) -> Bool {
        var matches = unsafe CPacket_match_tags(bucket, tag)
        while matches != 0 {
            let slot = matches.trailingZeroBitCount / 2
            if unsafe reference(in: bucket, at: slot).pointee == value {
                unsafe bucket.assumingMemoryBound(to: UInt16.self)[slot] = 0
                return true
            }
            matches &= matches &- 1
        }
        return false
    }
}
