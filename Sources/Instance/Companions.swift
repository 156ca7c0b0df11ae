// SPDX-License-Identifier: Apache-2.0
import Addressing
import DPDK
import Linux
import Model
import Packet
import Synchronization

/// The kernel's sides of the ports: interfaces by which other programs of this host use the links.
final class Companions: Sendable {
    struct Companion: Sendable {
        var name: String
        /// "virtio_user" or "tap".
        var kind: String
        /// Used by the slow path alone.
        var port: any PacketPort
        var tap: Tap?
        var device: Device?
    }

    /// `kni_type` of a device.
    private enum Kind: String {
        case auto, existing, tap, off
        case virtioUser = "virtio_user"
    }

    /// By port index.
    let companions: [Int: Companion]
    /// What could not be had, in words.
    let notes: [String]
    private let ports: PortSet
    /// By port: groups that are programmed into the device.
    private let groups = Mutex<[Int: Set<UInt64>]>([:])

    private static let vhost = "/dev/vhost-net"
    /// The kernel's limit, IFNAMSIZ without its zero.
    private static let longestName = 15

    /// Makes what `kni` and each device's `kni_type` and `kni_name` ask for; `handles` are one for
    /// each port, to take buffers from.
    init(_ settings: Settings, _ ports: PortSet, handles: [DPDKPort]) throws(StartError) {
        var made: [Int: Companion] = [:]
        var notes: [String] = []
        self.ports = ports
        for (index, block) in settings.ports.enumerated() where settings.isOn("global_defs.kni") {
            let kind = Kind(rawValue: block.text("kni_type") ?? "") ?? .auto
            let name = block.companionName
            guard kind != .off else { continue }
            do throws(CompanionError) {
                made[index] = try Self.make(kind, name, ports, index, handles[index])
            } catch {
                let text = "port \(block.name) has no kernel companion \(name): \(error.reason)"
                guard kind == .auto else { throw StartError("\(text); \(Self.remedy(name))") }
                notes.append(text)
            }
        }
        companions = made
        self.notes = notes
    }

    private struct CompanionError: Error {
        var reason: String
    }

    private static func remedy(_ name: String) -> String {
        "making one takes CAP_NET_ADMIN; else make it beforehand, 'ip tuntap add \(name) mode tap "
            + "user UID', and say kni_type existing; kni_type off goes without"
    }

    private static func make(
        _ kind: Kind,
        _ name: String,
        _ ports: PortSet,
        _ index: Int,
        _ handle: DPDKPort
    ) throws(CompanionError) -> Companion {
        guard name.utf8.count <= longestName else {
            throw CompanionError(reason: "its name has more than \(longestName) characters")
        }
        let isThere = Tap.exists(name)
        switch kind {
        case .existing where !isThere:
            throw CompanionError(reason: "there is no interface of this name")
        case .virtioUser,
            .auto where !isThere && Files.isWritable(vhost):
            return try makeVirtioUser(name, ports, index)
        case .auto, .existing, .tap, .off: return try openTap(name, ports, index, handle)
        }
    }

    private static func openTap(
        _ name: String,
        _ ports: PortSet,
        _ index: Int,
        _ handle: DPDKPort
    ) throws(CompanionError) -> Companion {
        let port = ports.ports[index]
        do throws(LinuxError) {
            let tap = try Tap(name)
            do {
                try NetworkInterface.prepare(
                    name,
                    address: port.device.facts.macAddress.rawValue,
                    mtu: port.setup.mtu
                )
            } catch {
                tap.close()
                throw error
            }
            return Companion(name: name, kind: "tap", port: TapPort(tap, beside: handle), tap: tap)
        } catch {
            throw CompanionError(reason: "\(error)")
        }
    }

    /// DPVS's way: the kernel's vhost thread moves the packets.
    private static func makeVirtioUser(
        _ name: String,
        _ ports: PortSet,
        _ index: Int
    ) throws(CompanionError) -> Companion {
        let port = ports.ports[index]
        let address = port.device.facts.macAddress
        let arguments =
            "net_virtio_user\(index),path=\(vhost),queues=1,queue_size=1024,iface=\(name),"
            + "mac=\(address)"
        do {
            let device = try Device.make(arguments)
            var setup = Device.Setup()
            setup.receiveDescriptors = 1024
            setup.transmitDescriptors = 1024
            setup.mtu = port.setup.mtu
            let started = try device.start(setup, pool: ports.pool).applied
            try NetworkInterface.prepare(name, address: address.rawValue, mtu: started.mtu)
            let handle = device.handle(
                index: index,
                receiveQueue: 0,
                transmitQueue: 0,
                mtu: started.mtu,
                pool: ports.pool
            )
            return Companion(name: name, kind: "virtio_user", port: handle, device: device)
        } catch {
            throw CompanionError(reason: "\(error)")
        }
    }

    // MARK: - What the slow path needs

    var packetPorts: [Int: any PacketPort] { companions.mapValues(\.port) }

    /// Descriptors that can be read when the kernel has sent something.
    var descriptors: [Int32] { companions.values.compactMap { $0.tap?.descriptor } }

    /// Whether somebody has to look for what the kernel has sent, because nothing wakes them.
    var needPolling: Bool { companions.values.contains { $0.tap == nil } }

    // MARK: - Upkeep

    /// Shows the link of a port to the kernel; virtio-user has no way to.
    func show(isLinkUp: Bool, of port: Int) {
        try? companions[port]?.tap?.setCarrier(isLinkUp)
    }

    /// Lets ports receive the groups that the kernel has joined on their companions; returns what
    /// could not be done, in words.
    func followGroups() -> [String] {
        let joined = NetworkInterface.groups()
        var problems: [String] = []
        for (index, companion) in companions where !ports.ports[index].setup.allMulticast {
            let wanted = joined[companion.name] ?? []
            let isKnown = groups.withLock { groups in
                defer { groups[index] = wanted }
                return groups[index] == wanted
            }
            guard !isKnown else { continue }
            do throws(DPDKError) {
                try ports.ports[index].device.receive(groups: wanted.sorted())
            } catch {
                problems.append("port \(ports.ports[index].name): \(error)")
            }
        }
        return problems
    }

    /// Ends all of them; nobody uses one any more.
    func close() {
        for companion in companions.values {
            companion.tap?.close()
            companion.device?.close()
        }
    }
}

extension NamedBlock {
    /// What the kernel's side of a device is called.
    var companionName: String { text("kni_name") ?? "\(name).kni" }
}
