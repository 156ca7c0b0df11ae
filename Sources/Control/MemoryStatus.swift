// SPDX-License-Identifier: Apache-2.0

/// DPDK's memory and what lies in it: the answer of `GET /v1/memory`.
package struct MemoryStatus: Equatable, Codable, Sendable {
    /// A piece of memory in one page size on one NUMA node.
    ///
    /// Addresses are hexadecimal digits.
    package struct Segment: Equatable, Codable, Sendable {
        package var socket: Int
        package var virtualAddress: String
        package var busAddress: String
        package var length: UInt64
        package var pageSize: UInt64
        package var channels: Int
        package var ranks: Int

        package init(
            socket: Int,
            virtualAddress: String,
            busAddress: String,
            length: UInt64,
            pageSize: UInt64,
            channels: Int,
            ranks: Int
        ) {
            self.socket = socket
            self.virtualAddress = virtualAddress
            self.busAddress = busAddress
            self.length = length
            self.pageSize = pageSize
            self.channels = channels
            self.ranks = ranks
        }
    }

    /// A part of it with a name.
    package struct Zone: Equatable, Codable, Sendable {
        package var name: String
        package var socket: Int
        package var virtualAddress: String
        package var busAddress: String
        package var length: UInt64
        package var pageSize: UInt64

        package init(
            name: String,
            socket: Int,
            virtualAddress: String,
            busAddress: String,
            length: UInt64,
            pageSize: UInt64
        ) {
            self.name = name
            self.socket = socket
            self.virtualAddress = virtualAddress
            self.busAddress = busAddress
            self.length = length
            self.pageSize = pageSize
        }
    }

    /// Elements of one size, as packet buffers are.
    ///
    /// Sizes are octets.
    package struct Pool: Equatable, Codable, Sendable {
        package var name: String
        package var flags: UInt32
        package var elementSize: Int
        package var headerSize: Int
        package var trailerSize: Int
        package var privateSize: Int
        package var size: Int
        package var used: Int

        package init(
            name: String,
            flags: UInt32,
            elementSize: Int,
            headerSize: Int,
            trailerSize: Int,
            privateSize: Int,
            size: Int,
            used: Int
        ) {
            self.name = name
            self.flags = flags
            self.elementSize = elementSize
            self.headerSize = headerSize
            self.trailerSize = trailerSize
            self.privateSize = privateSize
            self.size = size
            self.used = used
        }
    }

    /// What threads hand pointers to each other by.
    package struct Ring: Equatable, Codable, Sendable {
        package var name: String
        package var flags: UInt32
        package var size: Int
        package var used: Int
        package var available: Int

        package init(name: String, flags: UInt32, size: Int, used: Int, available: Int) {
            self.name = name
            self.flags = flags
            self.size = size
            self.used = used
            self.available = available
        }
    }

    package var segments: [Segment] = []
    package var zones: [Zone] = []
    package var pools: [Pool] = []
    package var rings: [Ring] = []

    package init() {}
}
