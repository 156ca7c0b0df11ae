// SPDX-License-Identifier: Apache-2.0
import DPDK

/// What a port and whoever looks after it had counted at one moment.
struct DeviceSample: Equatable {
    var name: String
    var isLinkUp = true
    var isRemoved = false
    var received: UInt64 = 0
    var transmitted: UInt64 = 0
    /// Faults, by what they are.
    var faults: [DeviceTrouble: UInt64] = [:]
    /// The latest line of the kernel's log about the device.
    var kernelLine: String?
}

/// What goes wrong at devices and is counted somewhere.
enum DeviceTrouble: String, CaseIterable, Sendable {
    case receiveErrors, missed, noBuffer, transmitErrors, iommu, bus

    /// `count` of them, as the beginning of a sentence.
    func sentence(_ count: UInt64) -> String {
        switch self {
        case .receiveErrors: "\(count) frames came in broken (errors of reception)"
        case .missed: "\(count) frames were dropped by the device: no worker fetched them in time"
        case .noBuffer: "\(count) frames found no packet buffer"
        case .transmitErrors: "\(count) frames could not be sent by the device"
        case .iommu: "\(count) times the IOMMU kept the device from memory that is not its own"
        case .bus: "\(count) errors on the bus that were not corrected"
        }
    }

    /// What to look at.
    var remedy: String {
        switch self {
        case .receiveErrors:
            "cable, transceiver, MTU of the peer; dpvs doctor --live names the counters"
        case .missed: "more workers, larger rx descriptor_number, CPUs that nobody else uses"
        case .noBuffer: "larger netif_defs.pktpool_size"
        case .transmitErrors: "dpvs doctor --live names the counters"
        case .iommu:
            "the kernel's log (journalctl -k); restart this instance: what it received is not whole"
        case .bus: "the kernel's log (journalctl -k); the slot, the card"
        }
    }
}

extension DeviceSample {
    init(_ port: PortSet.Port, _ faults: DeviceFaults) {
        let counted = port.device.statistics
        self.init(name: port.name, isLinkUp: port.device.link.isUp)
        let devices = port.devices
        let outside = devices.map { faults.count(of: $0.facts.device) }
        // A bond is gone when all that it is made of is.
        isRemoved = zip(devices, outside).allSatisfy { $0.isRemoved || $1.isGone }
        received = counted.receivedPackets
        transmitted = counted.transmittedPackets
        self.faults = [
            .receiveErrors: counted.receiveErrors, .missed: counted.missed,
            .noBuffer: counted.noBuffer, .transmitErrors: counted.transmitErrors,
        ]
        let iommu = outside.compactMap(\.iommu)
        let bus = outside.compactMap(\.bus)
        if !iommu.isEmpty { self.faults[.iommu] = iommu.reduce(0, +) }
        if !bus.isEmpty { self.faults[.bus] = bus.reduce(0, +) }
        kernelLine = outside.compactMap(\.latest).last
    }
}
