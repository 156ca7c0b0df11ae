// SPDX-License-Identifier: Apache-2.0
import Linux
import Testing

@Suite struct KernelLinkTests {
    @Test func `the loopback interface is known, and is no Ethernet`() throws {
        let link = try #require(KernelLink.named("lo"))
        #expect(link.index == 1 && !link.isEthernet && link.queues == 1 && link.mtu > 0)
        #expect(link.features?.isNative != true)
    }

    @Test func `an interface that is not there is none`() {
        #expect(KernelLink.named("nosuch0") == nil)
        #expect(KernelLink.named("a name that is much too long") == nil)
    }

    @Test func `no socket of this process is one of AF_XDP or of packets on lo`() {
        #expect(QueueSockets.xdp == [])
        #expect(QueueSockets.packet(on: 1) == [])
    }
}
