// SPDX-License-Identifier: Apache-2.0
import Discovery
import Linux
import Synchronization

/// Faults of devices that no counter of DPDK shows: what the kernel logs of the IOMMU, and what PCI
/// Express counts.
///
/// Made while the process has its capabilities; counted by whoever keeps house, read by anybody.
final class DeviceFaults: Sendable {
    /// What is known of one device since the start; nil: nobody tells.
    struct Count: Equatable, Sendable {
        var iommu: UInt64?
        var bus: UInt64?
        /// The latest line of the kernel's log.
        var latest: String?
        /// Whether the kernel does not know the device any more.
        var isGone = false
    }

    private struct State {
        var faults: [String: UInt64] = [:]
        var latest: [String: String] = [:]
        var bus: [String: UInt64] = [:]
        var gone: Set<String> = []
    }

    private let log: KernelLog?
    private let surroundings: Surroundings
    /// What the bus had counted before the start, by device.
    private let before: [String: UInt64]
    /// Devices on a bus that were there at the start.
    private let present: [String]
    private let state = Mutex(State())

    /// Watches the devices with these PCI addresses.
    init(_ devices: [String], _ surroundings: Surroundings, log: KernelLog?) {
        self.log = log
        self.surroundings = surroundings
        let counted = devices.compactMap { device in
            BusErrors.uncorrected(of: device, surroundings).map { (device, $0) }
        }
        before = Dictionary(counted) { first, _ in first }
        present = devices.filter { Self.isThere($0, surroundings) }
    }

    private static func isThere(_ device: String, _ surroundings: Surroundings) -> Bool {
        device.contains(":") && surroundings.exists("/sys/bus/pci/devices/\(device)")
    }

    /// Looks for news; about once a second.
    func look() {
        let faults = (log?.takeLines() ?? []).compactMap(DeviceFault.init)
        let bus = Dictionary(
            uniqueKeysWithValues: before.map { device, before in
                let now = BusErrors.uncorrected(of: device, surroundings) ?? before
                return (device, now >= before ? now - before : now)
            }
        )
        let gone = Set(present.filter { !Self.isThere($0, surroundings) })
        state.withLock { state in
            state.gone = gone
            for fault in faults {
                state.faults[fault.device, default: 0] += 1
                state.latest[fault.device] = fault.text
            }
            state.bus = bus
        }
    }

    /// What is known of the device with this PCI address; of one without a bus, nothing.
    func count(of device: String) -> Count {
        guard device.contains(":") else { return Count() }
        return state.withLock { state in
            Count(
                iommu: log == nil ? nil : state.faults[device] ?? 0,
                bus: before[device] == nil ? nil : state.bus[device] ?? 0,
                latest: state.latest[device],
                isGone: state.gone.contains(device)
            )
        }
    }
}
