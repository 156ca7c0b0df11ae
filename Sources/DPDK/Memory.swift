// SPDX-License-Identifier: Apache-2.0
import CDPDK

/// DPDK's memory and what lies in it, of one moment.
public enum Memory {
    /// A piece of memory in pages of one size, or a part of it that has a name.
    public struct Piece: Equatable, Sendable {
        public var name: String
        public var virtualAddress: UInt64
        public var busAddress: UInt64
        public var length: UInt64
        public var pageSize: UInt64
        public var socket: Int
        public var channels: Int
        public var ranks: Int
    }

    /// A pool of elements, or a ring of pointers.
    public struct Elements: Equatable, Sendable {
        public var name: String
        public var flags: UInt32
        public var elementSize: Int
        public var headerSize: Int
        public var trailerSize: Int
        public var privateSize: Int
        public var size: Int
        public var used: Int
        public var available: Int
    }

    /// Entries of one list that are looked at.
    private static let capacity = 4096

    public static var segments: [Piece] { unsafe pieces(CDPDK_memory_segments) }
    public static var zones: [Piece] { unsafe pieces(CDPDK_memory_zones) }
    public static var pools: [Elements] { unsafe elements(CDPDK_memory_pools) }
    public static var rings: [Elements] { unsafe elements(CDPDK_memory_rings) }

    @unsafe
    private static func pieces(
        _ list: (UnsafeMutablePointer<CDPDK_memory>?, UInt32) -> UInt32
    ) -> [Piece] {
        var found = Array(repeating: CDPDK_memory(), count: capacity)
        let count = unsafe found.withUnsafeMutableBufferPointer {
            unsafe list($0.baseAddress, UInt32($0.count))
        }
        return found.prefix(Int(count)).map(Piece.init)
    }

    @unsafe
    private static func elements(
        _ list: (UnsafeMutablePointer<CDPDK_elements>?, UInt32) -> UInt32
    ) -> [Elements] {
        var found = Array(repeating: CDPDK_elements(), count: capacity)
        let count = unsafe found.withUnsafeMutableBufferPointer {
            unsafe list($0.baseAddress, UInt32($0.count))
        }
        return found.prefix(Int(count)).map(Elements.init)
    }

    /// The text in a fixed array of C characters.
    fileprivate static func text<Characters>(_ characters: Characters) -> String {
        unsafe withUnsafeBytes(of: characters) { octets in
            unsafe String(decoding: octets.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

extension Memory.Piece {
    fileprivate init(_ raw: CDPDK_memory) {
        self.init(
            name: Memory.text(raw.name),
            virtualAddress: raw.virtual_address,
            busAddress: raw.bus_address,
            length: raw.length,
            pageSize: raw.page_size,
            socket: Int(raw.socket),
            channels: Int(raw.channels),
            ranks: Int(raw.ranks)
        )
    }
}

extension Memory.Elements {
    fileprivate init(_ raw: CDPDK_elements) {
        self.init(
            name: Memory.text(raw.name),
            flags: raw.flags,
            elementSize: Int(raw.element_size),
            headerSize: Int(raw.header_size),
            trailerSize: Int(raw.trailer_size),
            privateSize: Int(raw.private_size),
            size: Int(raw.size),
            used: Int(raw.used),
            available: Int(raw.available)
        )
    }
}
