// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import DPDK
import Dataplane
import Linux
import MetricsExposition
import Model
import Networking
import Packet
import Provisioning
import Reload

/// Interfaces and the threads that serve them.
extension DaemonBackend {
    func links(hasDetails: Bool) async -> [LinkStatus] {
        let running = await reloader.running
        let interfaces = await machine.conductor.interfaces
        let discovered = machine.slowPath.linkDiscovery.map(\.isOn)
        let pool = machine.ports.pool
        var links = machine.ports.ports.enumerated()
            .map { index, port in
                var link = Self.link(port, hasDetails: hasDetails)
                link.hasDiscovery = discovered.indices.contains(index) && discovered[index]
                link.companion = machine.companions.all[InterfaceID(port: index)]?.name
                return link
            }
        let byName = Dictionary(links.map { ($0.name, $0) }) { first, _ in first }
        for interface in interfaces.dropFirst(links.count) {
            let vlan = running.vlans.first { $0.name == interface.name }
            let tunnel = running.tunnels.first { $0.name == interface.name }
            guard vlan != nil || tunnel != nil else { continue }
            var link = LinkStatus(
                name: interface.name,
                kind: vlan == nil ? .tunnel : .vlan,
                mtu: interface.mtu
            )
            link.vlan = vlan
            link.tunnel = tunnel
            link.link = vlan?.link ?? tunnel?.link
            link.macAddress = vlan == nil ? nil : interface.macAddress
            if let carrier = link.link.flatMap({ byName[$0] }) { link.take(from: carrier) }
            let counted = machine.statistics((interface.name, interface.id))
            link.counters.receivedPackets = counted.receivedPackets
            link.counters.receivedBytes = counted.receivedBytes
            link.counters.transmittedPackets = counted.transmittedPackets
            link.counters.transmittedBytes = counted.transmittedBytes
            link.companion = machine.companions.all[interface.id]?.name
            links.append(link)
        }
        for index in links.indices {
            links[index].freeBuffers = pool.available
            links[index].usedBuffers = pool.inUse
        }
        return links
    }

    private static func link(_ port: PortSet.Port, hasDetails: Bool) -> LinkStatus {
        let facts = port.device.facts
        var status = LinkStatus(
            name: port.name,
            kind: port.bond == nil ? .port : .bond,
            mtu: port.setup.mtu
        )
        status.socket = facts.socket
        status.receiveQueues = port.setup.receiveQueues
        status.transmitQueues = port.setup.transmitQueues
        let link = port.link
        status.isUp = link.isUp
        status.speed = link.bitsPerSecond
        status.isFullDuplex = link.isFullDuplex
        status.isNegotiated = link.isNegotiated
        status.macAddress = facts.macAddress
        status.isPromiscuous = port.device.isOn(.promiscuous) ?? port.setup.isPromiscuous
        status.receivesAllMulticast = port.device.isOn(.allMulticast) ?? port.setup.allMulticast
        status.offloads = facts.offloads.words + (port.setup.fastFree ? ["OF_TX_FAST_FREE"] : [])
        let counted = port.device.statistics
        status.counters.receivedPackets = counted.receivedPackets
        status.counters.receivedBytes = counted.receivedBytes
        status.counters.transmittedPackets = counted.transmittedPackets
        status.counters.transmittedBytes = counted.transmittedBytes
        status.counters.receiveErrors = counted.receiveErrors
        status.counters.transmitErrors = counted.transmitErrors
        status.counters.missed = counted.missed
        status.counters.withoutBuffer = counted.noBuffer
        status.bond = port.bond?.status
        if hasDetails {
            status.facts =
                [.init("pci_addr", facts.device), .init("driver_name", facts.driver)]
                + port.device.details.map { .init($0.name, $0.text) }
            status.driverCounters = port.device.counters.map { .init($0.name, $0.value) }
        }
        return status
    }

    func change(_ link: String, _ switches: LinkSwitches) async throws(ProblemDetails) {
        guard let port = machine.ports.ports.first(where: { $0.name == link }) else {
            let names = machine.ports.ports.map(\.name).joined(separator: ", ")
            throw ProblemDetails(.notFound, "there is no device '\(link)'; devices are \(names)")
        }
        let wanted: [(Device.Switch, Bool?)] = [
            (.promiscuous, switches.isPromiscuous),
            (.allMulticast, switches.receivesAllMulticast), (.link, switches.isUp),
        ]
        for device in [port.device] + (port.bond?.slaves.map(\.device) ?? []) {
            for (which, isOn) in wanted {
                guard let isOn else { continue }
                do throws(DPDKError) {
                    try device.set(which, isOn)
                } catch {
                    throw ProblemDetails(
                        .failed,
                        "\(link): the driver \(device.facts.driver) cannot switch that: \(error)"
                    )
                }
            }
        }
    }

    func lcores() async -> [LcoreStatus] {
        let plan = machine.plan
        let control = LcoreStatus(
            lcore: plan.main.id,
            cpu: plan.main.cpu,
            socket: NUMA.node(ofCPU: plan.main.cpu) ?? -1,
            role: .control
        )
        let ports = machine.ports.ports
        return [control]
            + zip(plan.workers, machine.engine.interchange.counters).enumerated()
            .map { number, pair in
                let (worker, counters) = pair
                var status = LcoreStatus(
                    lcore: worker.id,
                    cpu: worker.cpu,
                    socket: NUMA.node(ofCPU: worker.cpu) ?? -1,
                    role: .worker
                )
                status.receiveQueues = ports.flatMap { port in
                    port.polled[number].map { .init(port: port.name, number: $0) }
                }
                status.transmitQueues = ports.map { port in
                    .init(port: port.name, number: worker.transmitQueue[port.name] ?? 0)
                }
                status.counters.turns = counters[.turns]
                status.counters.idleTurns = counters[.idleTurns]
                status.counters.receivedPackets = counters[.received]
                status.counters.transmittedPackets = counters[.transmitted]
                status.counters.droppedPackets = counters.dropped
                status.counters.redirectedOut = counters[.redirectedOut]
                status.counters.redirectedIn = counters[.redirectedIn]
                return status
            }
    }

    func memory() async -> MemoryStatus {
        var status = MemoryStatus()
        func address(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
        status.segments = Memory.segments.map {
            .init(
                socket: $0.socket,
                virtualAddress: address($0.virtualAddress),
                busAddress: address($0.busAddress),
                length: $0.length,
                pageSize: $0.pageSize,
                channels: $0.channels,
                ranks: $0.ranks
            )
        }
        status.zones = Memory.zones.map {
            .init(
                name: $0.name,
                socket: $0.socket,
                virtualAddress: address($0.virtualAddress),
                busAddress: address($0.busAddress),
                length: $0.length,
                pageSize: $0.pageSize
            )
        }
        status.pools = Memory.pools.map {
            .init(
                name: $0.name,
                flags: $0.flags,
                elementSize: $0.elementSize,
                headerSize: $0.headerSize,
                trailerSize: $0.trailerSize,
                privateSize: $0.privateSize,
                size: $0.size,
                used: $0.used
            )
        }
        status.rings = Memory.rings.map {
            .init(
                name: $0.name,
                flags: $0.flags,
                size: $0.size,
                used: $0.used,
                available: $0.available
            )
        }
        return status
    }
}

extension LinkStatus {
    /// A VLAN, or a tunnel that uses one device, is up while its carrier is.
    fileprivate mutating func take(from carrier: LinkStatus) {
        socket = carrier.socket
        isUp = carrier.isUp
        speed = carrier.speed
        isFullDuplex = carrier.isFullDuplex
        isNegotiated = carrier.isNegotiated
    }
}

extension PortTraits.Offloads {
    /// What a device does for us, in the manner of the old program's words.
    fileprivate var words: [String] {
        let known: [(PortTraits.Offloads, String)] = [
            (.receiveL4Checksum, "OF_RX_L4_CSUM"), (.receiveVLANStrip, "OF_RX_VLAN_STRIP"),
            (.transmitVLANInsert, "OF_TX_VLAN_INSERT"),
        ]
        return known.filter { contains($0.0) }.map(\.1)
    }
}
