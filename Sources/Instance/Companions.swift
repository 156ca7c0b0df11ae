// SPDX-License-Identifier: Apache-2.0
import DPDK
import Dataplane
import Linux
import Logging
import Model
import Networking
import Provisioning
import Synchronization

/// The kernel's sides of interfaces: those of ports from the start to the end, those of VLANs as
/// configurations come and go.
final class Companions: Sendable {
    struct Table {
        /// What the slow path uses, by interface.
        var current: [InterfaceID: LiveCompanion] = [:]
        /// What it will use, while a configuration is being compiled.
        var plan: Plan?
        /// Nobody asks for them any more.
        var leaving: [LiveCompanion] = []
        /// Those that it goes without, by interface.
        var lacking: [InterfaceID: Lacking] = [:]
        /// Told of every change.
        var listener: @Sendable () -> Void = {}
    }

    struct Plan {
        var companions: [InterfaceID: LiveCompanion]
        /// Those of them that are new.
        var fresh: [LiveCompanion] = []
        var lacking: [InterfaceID: Lacking] = [:]

        init(_ companions: [InterfaceID: LiveCompanion]) { self.companions = companions }
    }

    /// A companion that could not be had, and why.
    struct Lacking {
        var request: CompanionRequest
        var text: String
    }

    let table = Mutex(Table())
    /// Grows with every change.
    let changes = Atomic<Int>(0)
    let maker: CompanionMaker
    let logger: Logger
    /// What could not be had at the start, in words.
    let notes: [String]
    private let link = Mutex<Link?>(nil)
    /// By port: groups that are programmed into the device.
    private let groups = Mutex<[Int: Set<UInt64>]>([:])

    /// The slow path and what wakes it.
    struct Link: Sendable {
        var slowPath: SlowPath<DPDKPort>
        var event: EventFD
    }

    /// Makes what `kni` and each device's `kni_type` and `kni_name` ask for; `handles` are one for
    /// each port, to take buffers from.
    init(
        _ settings: Settings,
        _ ports: PortSet,
        handles: [DPDKPort],
        logger: Logger
    ) throws(StartError) {
        maker = CompanionMaker(ports: ports, handles: handles)
        self.logger = logger
        var made: [InterfaceID: LiveCompanion] = [:]
        var notes: [String] = []
        for (index, block) in settings.ports.enumerated() where settings.isOn("global_defs.kni") {
            let request = CompanionRequest(port: index, block, mtu: ports.ports[index].setup.mtu)
            guard request.type != .off else { continue }
            do throws(CompanionError) {
                made[InterfaceID(port: index)] = try maker.make(request)
            } catch {
                let text = request.complaint(error)
                guard request.type == .auto, error.isExcused else { throw StartError(text) }
                notes.append(text)
            }
        }
        self.notes = notes
        table.withLock { $0.current = made }
    }

    /// Has `slowPath`, which has got what there is now, follow changes from now on.
    func attach(_ link: Link) { self.link.withLock { $0 = link } }

    /// Who is to know when companions come or go.
    func listen(_ listener: @escaping @Sendable () -> Void) {
        table.withLock { $0.listener = listener }
    }

    // MARK: - What the slow path needs

    var all: [InterfaceID: LiveCompanion] { table.withLock { $0.current } }

    var dataplane: [InterfaceID: Companion] { all.mapValues(\.dataplane) }

    /// Descriptors that can be read when the kernel has sent something.
    var descriptors: [Int32] { all.values.compactMap { $0.tap?.descriptor } }

    /// Whether somebody has to look for what the kernel has sent, because nothing wakes them.
    var needPolling: Bool { all.values.contains { $0.tap == nil } }

    /// Gives an interface its companion in the slow path, or takes it away.
    func set(_ companion: LiveCompanion?, of interface: InterfaceID) {
        link.withLock { $0 }?.slowPath.setCompanion(companion?.dataplane, of: interface)
    }

    /// Lets everybody look again who follows the list.
    func announce() {
        changes.add(1, ordering: .releasing)
        link.withLock { $0 }?.event.signal()
        table.withLock { $0.listener }()
    }

    // MARK: - Upkeep

    /// Names of interfaces by those of their companions.
    var interfaceNames: [String: String] {
        Dictionary(all.values.map { ($0.name, $0.request.interfaceName) }) { first, _ in first }
    }

    /// Shows the link of a port to the kernel; virtio-user has no way to.
    func show(isLinkUp: Bool, of port: Int) {
        for companion in all.values where companion.request.port == port {
            try? companion.tap?.setCarrier(isLinkUp)
        }
    }

    /// Lets ports receive the groups that the kernel has joined on their companions; returns what
    /// could not be done, in words.
    func followGroups() -> [String] {
        let joined = NetworkInterface.groups()
        var wanted: [Int: Set<UInt64>] = [:]
        for companion in all.values {
            wanted[companion.request.port, default: []].formUnion(joined[companion.name] ?? [])
        }
        var problems: [String] = []
        for (index, port) in maker.ports.ports.enumerated() where !port.setup.allMulticast {
            let now = wanted[index] ?? []
            let isKnown = groups.withLock { groups in
                defer { groups[index] = now }
                return groups[index, default: []] == now
            }
            guard !isKnown else { continue }
            do throws(DPDKError) {
                try port.device.receive(groups: now.sorted())
            } catch {
                problems.append("port \(port.name): \(error)")
            }
        }
        return problems
    }

    /// Ends all of them; nobody uses one any more.
    func close() {
        finish()
        for companion in all.values { companion.close() }
    }
}

extension CompanionRequest {
    /// What a device block asks for.
    init(port: Int, _ block: NamedBlock, mtu: Int) {
        self.init(
            interface: InterfaceID(port: port),
            interfaceName: block.name,
            port: port,
            name: block.companionName,
            isNameGiven: block.text("kni_name") != nil,
            type: block.companionType,
            mtu: mtu
        )
    }

    func complaint(_ error: CompanionError) -> String {
        "\(interface.isPort ? "port" : "interface") \(interfaceName) has no kernel companion "
            + "\(name): \(error.reason); \(remedy(error.lack))"
    }

    private func remedy(_ lack: CompanionError.Lack) -> String {
        let (nameKey, typeKey) =
            interface.isPort ? ("kni_name", "kni_type") : ("kniName:", "kniType:")
        let remedy =
            switch lack {
            case .privilege:
                "making one takes CAP_NET_ADMIN; else make it beforehand, 'ip tuntap add \(name) "
                    + "mode tap user UID', and say \(typeKey) existing"
            case .name: "\(nameKey) gives it another name"
            case .likeness: "the kernel cannot have an interface like this port"
            }
        return "\(remedy); \(typeKey) off goes without"
    }
}
