// SPDX-License-Identifier: Apache-2.0
import Addressing
import LinuxMirror
import Logging
import Model

/// Puts the addresses of services on a kernel interface while they are balanced here, so that BIRD
/// or FRR announces them, and takes them away before the process ends, so that it withdraws them.
actor Announcer {
    private let logger: Logger
    private var interface = ""
    private var announced: Set<IPAddress> = []
    /// What runs, as far as it was heard.
    private var running: DesiredState?
    /// Backends that get no connections by their health checks.
    private var failed: [Service.Key: Set<Endpoint>] = [:]
    private var hasBegun = false
    private var hasEnded = false
    /// What was said already.
    private var complaint = ""

    init(_ logger: Logger) { self.logger = logger }

    /// Follows what runs, and tries again what the kernel refused, until the task is cancelled.
    func run(_ states: AsyncStream<DesiredState>) async {
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                while (try? await Task.sleep(for: Self.retryInterval)) != nil {
                    await self.update()
                }
            }
            for await state in states { follow(state) }
            tasks.cancelAll()
        }
    }

    private static let retryInterval = Duration.seconds(1)

    /// Packets are taken from now on.
    func begin() {
        hasBegun = true
        update()
    }

    private func follow(_ state: DesiredState) {
        running = state
        update()
    }

    /// Backends that get no connections by their health checks, by service, are these now.
    func heed(_ failed: [Service.Key: Set<Endpoint>]) {
        self.failed = failed
        update()
    }

    /// Brings the interface to what runs.
    private func update() {
        guard hasBegun, !hasEnded, let state = running else { return }
        let wanted = state.settings.text("global_defs.announce_on") ?? ""
        if wanted != interface { move(to: []) }
        interface = wanted
        guard !wanted.isEmpty else { return }
        move(to: Self.addresses(of: state.services, without: failed))
    }

    /// Takes everything away, for good; returns whether there was something.
    func withdraw() -> Bool {
        hasEnded = true
        let wasAnnouncing = !announced.isEmpty
        move(to: [])
        return wasAnnouncing
    }

    /// `10.0.0.100 2001:db8::100 on lo`; empty: none.
    var summary: String {
        guard !announced.isEmpty else { return "" }
        return announced.sorted().map(\.description).joined(separator: " ") + " on \(interface)"
    }

    /// Host addresses of services that some backend may answer for.
    ///
    /// `failed` are backends that get no connections by their health checks.
    static func addresses(
        of services: [Service],
        without failed: [Service.Key: Set<Endpoint>] = [:]
    ) -> Set<IPAddress> {
        Set(
            services.compactMap { service in
                let out = failed[service.key] ?? []
                let isServed = service.targets.contains {
                    $0.weight > 0 && !out.contains($0.endpoint)
                }
                guard isServed, let prefix = service.key.prefix, prefix.isHost
                else { return nil }
                return prefix.address
            }
        )
    }

    private func move(to wanted: Set<IPAddress>) {
        guard wanted != announced else { return }
        do throws(NetlinkError) {
            let addresses = try InterfaceAddresses(of: interface)
            for address in announced.subtracting(wanted).sorted() {
                try addresses.remove(address)
                announced.remove(address)
            }
            for address in wanted.subtracting(announced).sorted() {
                try addresses.add(address)
                announced.insert(address)
            }
            complaint = ""
        } catch {
            let text = "service addresses are not all on \(interface): \(error)"
            if text != complaint { logger.error("\(text)") }
            complaint = text
        }
    }
}
