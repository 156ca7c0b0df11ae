// SPDX-License-Identifier: Apache-2.0

/// The memory that the kernel and AF_PACKET of DPDK share, a ring for each direction and queue.
package struct PacketRing: Equatable {
    /// Octets of a frame's place, its header included.
    package let place: Int
    package let count: Int

    /// What stands in a place before a packet: the kernel's header with the address of where the
    /// frame is from (tpacket_rcv in net/packet/af_packet.c puts the frame 66 octets into the
    /// place), the link-layer header, and an inner tag.
    private static let overhead = 66 + 14 + 4
    /// As TPACKET_ALIGNMENT of linux/if_packet.h has it.
    package static let alignment = 16
    /// Octets of which blocks are whole numbers.
    package static let page = 4096

    /// Octets of the smallest place for a packet of `frameSize` octets, link-layer header not counted.
    package static func room(for frameSize: Int) -> Int {
        (frameSize + overhead + alignment - 1) & ~(alignment - 1)
    }

    /// A ring for packets of `frameSize` octets, link-layer header not counted.
    ///
    /// The driver refuses places that hold more than a packet buffer does, so they are no larger
    /// than they must be: see `Settings.frameSize`.
    package init(frameSize: Int) {
        place = max(2048, Self.room(for: frameSize))
        count = place == 2048 ? 2048 : 512
    }

    /// As the driver takes them: it looks for place n at n times the size of one, so a block is a
    /// whole number of places, and of pages.
    package var arguments: [String] {
        let shared = min(place.trailingZeroBitCount, Self.page.trailingZeroBitCount)
        let placesOfBlock = Self.page >> shared
        return ["blocksz=\(place * placesOfBlock)", "framesz=\(place)", "framecnt=\(count)"]
    }
}
