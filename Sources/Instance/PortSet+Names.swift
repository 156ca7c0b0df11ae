// SPDX-License-Identifier: Apache-2.0
import Discovery
import Model

extension PortSet {
    /// The names by which DPDK will know the devices: "net_af_packet0", "0000:06:00.0".
    struct Names {
        var virtualDevices: [String] = []
        /// What EAL is to look for on the buses.
        var busDevices: [String] = []
        /// DPDK's name for each device block; nil takes the next device in DPDK's order.
        var devices: [String?] = []
        /// Interfaces of the kernel, by the name of the block: their devices are made after EAL's
        /// start, so that there is a second choice when one cannot be had.
        var kernelDevices: [String: KernelDevice] = [:]

        /// `bonds` are the ports of devices that are slaves, `frameSizes` the octets of the longest
        /// frame of a device by its name.
        init(
            _ choices: [DeviceChoice],
            plan: WorkerPlan,
            bonds: [String: String] = [:],
            frameSizes: [String: Int] = [:]
        ) throws(StartError) {
            for (index, choice) in choices.enumerated() {
                if let problem = choice.problem {
                    throw StartError("device \(choice.name): \(problem); dpvs doctor tells more")
                }
                if let interface = choice.interface {
                    let kernel = KernelDevice(
                        interface: interface,
                        number: index,
                        frameSize: frameSizes[choice.name] ?? 1500
                    )
                    kernelDevices[choice.name] = kernel
                    devices.append(kernel.name)
                } else if let driver = choice.driver {
                    let queues = plan.queues(of: bonds[choice.name] ?? choice.name)
                    let device = Self.virtualDevice(
                        driver,
                        index,
                        queues: max(queues.receive, queues.transmit),
                        frameSize: frameSizes[choice.name] ?? 1500
                    )
                    virtualDevices.append(device)
                    devices.append(device.split(separator: ",").first.map(String.init))
                } else {
                    if let device = choice.device { busDevices.append(device.allowName) }
                    devices.append(choice.device?.name)
                }
            }
        }

        /// Gives the device a number of its own, and AF_PACKET the queues and frames it needs.
        static func virtualDevice(
            _ driver: String,
            _ index: Int,
            queues: Int,
            frameSize: Int
        ) -> String {
            var parts = driver.split(separator: ",").map(String.init)
            if parts.isEmpty { return driver }
            if parts[0].last?.isNumber == false { parts[0] += String(index) }
            let isAFPacket = parts[0].hasPrefix("net_af_packet")
            let given = Set(parts.compactMap { $0.split(separator: "=").first.map(String.init) })
            if isAFPacket, !given.contains("qpairs") { parts.append("qpairs=\(queues)") }
            if isAFPacket, given.isDisjoint(with: ["framesz", "blocksz", "framecnt"]) {
                parts += PacketRing(frameSize: frameSize).arguments
            }
            return parts.joined(separator: ",")
        }
    }
}
