// SPDX-License-Identifier: Apache-2.0
import Model

/// The ring of frames that the kernel and DPDK's AF_PACKET share, where a file lays it out itself.
extension DPVSConfParser {
    /// What DPDK takes where the file does not say it.
    private static let usual = (frame: 2048, block: 4096)

    /// Refuses a ring in which the kernel and DPDK would not find each other's frames.
    ///
    /// DPDK looks for frame n at n times the size of a frame; the kernel puts a frame into the next
    /// block where it does not fit into the rest of one. Both agree only when nothing is left over.
    mutating func checkPacketRing(_ device: NamedBlock) {
        guard let driver = device.text("driver"), driver.hasPrefix("net_af_packet") else { return }
        func octets(_ name: String) -> Int? { driver.deviceOption(name).flatMap { Int($0) } }
        guard octets("framesz") != nil || octets("blocksz") != nil else { return }
        let frame = octets("framesz") ?? Self.usual.frame
        let block = octets("blocksz") ?? Self.usual.block
        let mtu = result.settings.frameSizes[device.name] ?? 1500
        let needed = PacketRing.room(for: mtu)
        let problem: String
        if frame <= 0 || frame % PacketRing.alignment != 0 {
            problem = "framesz=\(frame) is no multiple of \(PacketRing.alignment)"
        } else if block <= 0 || block % PacketRing.page != 0 {
            problem = "blocksz=\(block) is no multiple of a page of \(PacketRing.page) octets"
        } else if block % frame != 0 {
            problem =
                "blocksz=\(block) is no multiple of framesz=\(frame): the kernel and DPDK would "
                + "look for frames at different places"
        } else if frame < needed {
            problem =
                "framesz=\(frame) has no room for packets of \(mtu) octets, which need \(needed)"
        } else {
            return
        }
        report(
            .error,
            place(device, "driver"),
            "netif_defs.device.driver",
            problem,
            driver,
            "neither of them: then frames are as long as the MTU wants them"
        )
    }
}
