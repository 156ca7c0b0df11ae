// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@Suite struct BurstTests {
    private let pool = MemoryPool(buffers: 8)

    private func port(_ link: MemoryLink, holding frames: Int) -> MemoryPort {
        for number in 0..<frames { link.deliver([UInt8](repeating: UInt8(number), count: 14)) }
        return link.port()
    }

    private func link() -> MemoryLink {
        MemoryLink(PortTraits(index: 0, macAddress: .zero, mtu: 1500), pool: pool)
    }

    @Test func `a port fills a burst to its capacity and keeps the rest`() {
        let link = link()
        let port = port(link, holding: 5)
        var burst = Burst(capacity: 3)
        port.receive(into: &burst)
        let isFull = burst.isFull
        #expect(isFull && pool.inUse == 3)
        port.free(&burst)
        let isEmpty = burst.isEmpty
        #expect(isEmpty && pool.inUse == 0)
        port.receive(into: &burst)
        let count = burst.count
        #expect(count == 2)
        port.free(&burst)
    }

    @Test(arguments: 0...4)
    func `packets that a port did not take stay, in order`(accepted: Int) {
        let link = link()
        let port = port(link, holding: 4)
        var burst = Burst(capacity: 4)
        port.receive(into: &burst)
        link.transmitAllowance = accepted
        port.transmit(&burst)
        let left = burst.count
        #expect(left == 4 - accepted)
        link.transmitAllowance = nil
        port.transmit(&burst)
        #expect(link.takeDeparted().map { $0[0] } == [0, 1, 2, 3])
        #expect(pool.inUse == 0)
    }

    @Test func `a packet taken from a burst can be put into another`() {
        let link = link()
        let port = port(link, holding: 2)
        var first = Burst(capacity: 2)
        var second = Burst(capacity: 2)
        port.receive(into: &first)
        for index in (0..<first.count).reversed() { second.append(first.take(index)) }
        first.count = 0
        port.transmit(&second)
        #expect(link.takeDeparted().map { $0[0] } == [1, 0])
    }
}

@Suite struct DropReasonTests {
    @Test func `names are words of their own`() {
        let names = DropReason.allCases.map(\.name)
        #expect(Set(names).count == names.count)
        let letters = Set("abcdefghijklmnopqrstuvwxyz0123456789_")
        #expect(names.allSatisfy { !$0.isEmpty && Set($0).isSubset(of: letters) })
    }

    @Test func `numbers begin at zero without a gap, so that they index counters`() {
        #expect(
            DropReason.allCases.map { Int($0.rawValue) } == Array(0..<DropReason.allCases.count)
        )
    }

    @Test func `every stage has its reasons`() {
        #expect(Set(DropReason.allCases.map(\.stage)) == Set(DropReason.Stage.allCases))
    }
}
