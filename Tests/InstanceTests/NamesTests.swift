// SPDX-License-Identifier: Apache-2.0
import Discovery
import Model
import Testing

@testable import Instance

@Suite struct NamesTests {
    private func virtual(_ driver: String, mtu: Int, workers: Int = 1) throws -> String? {
        var settings = Settings()
        var block = NamedBlock(name: "dpdk0", path: "netif_defs.device")
        block.items["mtu"] = .integer(mtu)
        settings.devices = [block]
        settings.items["worker_defs.workers"] = .integer(workers)
        let choice = DeviceChoice(name: "dpdk0", source: "driver", driver: driver)
        return
            try PortSet.Names(
                [choice],
                plan: WorkerPlan(settings, cpus: [0, 1, 2]),
                frameSizes: settings.frameSizes
            )
            .virtualDevices.first
    }

    @Test(arguments: [
        (1500, "blocksz=4096,framesz=2048,framecnt=2048"),
        (4000, "blocksz=4096,framesz=4096,framecnt=512"),
        (9000, "blocksz=290816,framesz=9088,framecnt=512"),
    ])
    func `AF_PACKET gets places that frames of the MTU fit into`(mtu: Int, ring: String) throws {
        let device = try virtual("net_af_packet,iface=eth1", mtu: mtu, workers: 2)
        #expect(device == "net_af_packet0,iface=eth1,qpairs=2,\(ring)")
    }

    /// The driver refuses a place whose frame, the header of 32 octets left out, may be longer than
    /// a buffer.
    @Test func `whatever the MTU, a frame's place fits into a packet buffer`() {
        for mtu in 1500...9000 {
            var settings = Settings()
            var block = NamedBlock(name: "dpdk0", path: "netif_defs.device")
            block.items["mtu"] = .integer(mtu)
            settings.devices = [block]
            let ring = PacketRing(frameSize: mtu)
            #expect(ring.place - 32 <= settings.frameSize && ring.place >= mtu + 84)
            let octets = ring.arguments[0].split(separator: "=").last.flatMap { Int($0) } ?? 0
            #expect(octets % 4096 == 0 && octets % ring.place == 0)
            #expect(ring.count % (octets / ring.place) == 0)
        }
    }

    @Test func `what the configuration says of the ring stays`() throws {
        let device = try virtual("net_af_packet7,iface=eth1,framesz=4096,qpairs=3", mtu: 9000)
        #expect(device == "net_af_packet7,iface=eth1,framesz=4096,qpairs=3")
    }

    @Test func `a slave of a bond has places for the packets of the bond`() {
        var settings = Settings()
        settings.devices = [NamedBlock(name: "dpdk0", path: "netif_defs.device")]
        var bond = NamedBlock(name: "bond0", path: "netif_defs.bonding")
        bond.items["slave"] = .words(["dpdk0"])
        bond.items["mtu"] = .integer(9000)
        settings.bonds = [bond]
        #expect(settings.frameSizes == ["dpdk0": 9000])
    }
}
