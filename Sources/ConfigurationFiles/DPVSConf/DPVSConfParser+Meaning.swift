// SPDX-License-Identifier: Apache-2.0
import Model

/// Checks that need more than one item.
extension DPVSConfParser {
    mutating func checkMeaning() {
        for device in result.settings.devices { checkDevice(device) }
        checkHardware()
        checkBonds()
        checkCompanionNames()
        checkWorkers()
        checkQueues()
        checkMetricsAddress()
        checkSecret()
        checkEffects()
    }

    func place(
        _ block: NamedBlock,
        _ item: String? = nil,
        in outer: NamedBlock? = nil
    ) -> TextLocation {
        // A bond that took over from its primary has the path of a device.
        let names = [Self.owner(block, in: outer), "netif_defs.bonding \(block.name)"]
        let found = names.lazy.compactMap { places["\($0) \(item ?? "")"] }.first
        return found ?? names.lazy.compactMap { places[$0] }.first ?? wholeFile
    }

    private mutating func checkDevice(_ device: NamedBlock) {
        let sources = ["interface", "driver", "pci", "resource", "network"]
            .filter { device.items[$0] != nil }
        if sources.count > 1 {
            report(
                .error,
                place(device, sources[1]),
                "netif_defs.device.\(sources[1])",
                "stands beside \(sources[0]) in device \(device.name)",
                nil,
                "one of interface, driver, pci, resource, network"
            )
        }
        if let pci = device.text("pci"), !Self.isPCIAddress(pci) {
            report(
                .error,
                place(device, "pci"),
                "netif_defs.device.pci",
                "is not a PCI address",
                pci,
                "dddd:bb:dd.f, for example 0000:06:00.0"
            )
        }
        if let interface = device.text("interface"),
            interface.contains(where: { ",=/:".contains($0) || $0.isWhitespace })
        {
            report(
                .error,
                place(device, "interface"),
                "netif_defs.device.interface",
                "is not the name of an interface",
                interface,
                "a name as `ip link` shows it, for example eth1"
            )
        }
        if let driver = device.text("driver"), !driver.hasPrefix("net_") {
            report(
                .error,
                place(device, "driver"),
                "netif_defs.device.driver",
                "is not a network driver of DPDK",
                driver,
                "net_NAME,option=value, for example net_af_packet,iface=eth1"
            )
        }
        checkPacketRing(device)
    }

    private static func isPCIAddress(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, let last = parts.last else { return false }
        let tail = last.split(separator: ".", omittingEmptySubsequences: false)
        guard tail.count == 2 else { return false }
        func isHex(_ text: Substring, _ count: Int) -> Bool {
            text.count == count && text.allSatisfy(\.isHexDigit)
        }
        return isHex(parts[0], 4) && isHex(parts[1], 2) && isHex(tail[0], 2) && isHex(tail[1], 1)
    }

    private mutating func checkWorkers() {
        let workers = result.settings.workers
        guard !workers.isEmpty else { return }
        if let path = places["worker_defs.workers"] {
            report(
                .error,
                path,
                "worker_defs.workers",
                "stands beside worker blocks",
                nil,
                "workers N, or worker blocks"
            )
        }
        var owners: [Int: String] = [:]
        for worker in workers {
            guard let id = worker.integer("cpu_id") else {
                report(
                    .error,
                    place(worker),
                    "worker_defs.worker.cpu_id",
                    "is missing in \(worker.name)",
                    nil,
                    "0...63"
                )
                continue
            }
            if let other = owners.updateValue(worker.name, forKey: id) {
                report(
                    .error,
                    place(worker, "cpu_id"),
                    "worker_defs.worker.cpu_id",
                    "is that of worker \(other) too",
                    String(id)
                )
            }
        }
        let masters = workers.filter { $0.text("type") == "master" }
        if masters.count != 1 {
            report(
                .error,
                place(masters.last ?? workers[0]),
                "worker_defs.worker.type",
                "\(masters.count) workers are master",
                nil,
                "one master"
            )
        }
        if !workers.contains(where: { $0.text("type") == "slave" }) {
            report(
                .error,
                place(workers[0]),
                "worker_defs.worker.type",
                "no worker is a slave",
                nil,
                "at least one slave: only they forward packets"
            )
        }
    }

    /// The queues of a port are used by one worker each, and begin at 0 without a gap.
    private mutating func checkQueues() {
        for item in ["rx_queue_ids", "tx_queue_ids"] {
            var users: [String: [Int: String]] = [:]
            // The master polls nothing, whatever its ports say.
            for worker in result.settings.workers where worker.text("type") != "master" {
                for port in worker.blocks {
                    if item == "rx_queue_ids" { checkDeviceIsThere(port, of: worker) }
                    for queue in port.integers(item) {
                        let other = users[port.name, default: [:]]
                            .updateValue(worker.name, forKey: queue)
                        guard let other else { continue }
                        report(
                            .error,
                            place(port, item, in: worker),
                            "worker_defs.worker.port.\(item)",
                            "queue of port \(port.name) is used by \(other) and \(worker.name)",
                            String(queue)
                        )
                    }
                }
            }
            if item == "rx_queue_ids" { checkPolled(users) }
            for (port, queues) in users where queues.keys.sorted() != Array(0..<queues.count) {
                let worker = result.settings.workers.first {
                    $0.blocks.contains { $0.name == port }
                }
                report(
                    .error,
                    worker.map { place($0) } ?? wholeFile,
                    "worker_defs.worker.port.\(item)",
                    "queues of port \(port) do not count up from 0 without a gap",
                    queues.keys.sorted().map(String.init).joined(separator: " ")
                )
            }
        }
    }

    /// As in DPVS, a port that no worker receives from is refused.
    private mutating func checkPolled(_ users: [String: [Int: String]]) {
        let ports = result.settings.ports
        // A port whose name is misspelt in a worker's block lacks its queues because of that.
        let names = Set(ports.map(\.name))
        let isMisspelt = users.keys.contains { !names.contains($0) }
        guard !result.settings.workers.isEmpty, !isMisspelt else { return }
        for port in ports where users[port.name] == nil {
            report(
                .error,
                place(port),
                result.settings.bonds.contains { $0.name == port.name }
                    ? "netif_defs.bonding" : port.path,
                "is polled by no worker, so nothing would be received there",
                port.name,
                "a worker block with port \(port.name) { rx_queue_ids 0 }"
            )
        }
    }

    private mutating func checkDeviceIsThere(_ port: NamedBlock, of worker: NamedBlock) {
        let names = result.settings.ports.map(\.name)
        guard !names.isEmpty, !names.contains(port.name) else { return }
        let bond = result.settings.bondOfSlave[port.name]
        report(
            .error,
            place(worker, port.name),
            "worker_defs.worker.port",
            bond.map { "is a slave of \($0)" } ?? "is no device of this file",
            port.name,
            names.joined(separator: ", "),
            suggestion: nearest(to: port.name, in: names)
        )
    }
}
