// SPDX-License-Identifier: Apache-2.0
import DPDK
import Logging
import Model
import Synchronization

/// Brings what may change of bonds into the running ones, and keeps their primaries.
final class BondTuner: Sendable {
    private let ports: [BondedPort]
    private let applied: Mutex<[String: Bond.Tuning]>
    /// The slave that carried the packets of a bond when it was looked at.
    private let lastPrimaries = Mutex<[String: String]>([:])
    private let logger: Logger

    init(_ ports: [BondedPort], logger: Logger) {
        self.ports = ports
        let tunings = ports.map { ($0.bond.name, $0.bond.tuning) }
        applied = Mutex(Dictionary(tunings) { first, _ in first })
        self.logger = logger
    }

    func tune(_ settings: Settings) {
        for block in settings.bonds {
            let wanted = Bond(block).tuning
            guard let port = ports.first(where: { $0.bond.name == block.name }) else { continue }
            let old = applied.withLock { $0.updateValue(wanted, forKey: block.name) }
            guard old != wanted else { continue }
            do {
                try port.device.tune(wanted.forDPDK)
                let primary = port.slaves.first { $0.name == wanted.primary }
                if let primary, old?.primary != wanted.primary {
                    try port.device.setPrimary(primary.device)
                }
            } catch {
                logger.error("\(block.name) keeps what it had: \(error)")
            }
        }
    }

    /// Lets a slave carry the packets of mode 1 whose link is up, and tells which bonds use another
    /// one than the last time; call about once a second.
    ///
    /// DPDK changes over when a device reports its link. Some, its tap is one, tell only who asks.
    func watch() -> Set<String> {
        var moved: Set<String> = []
        for port in ports where port.bond.mode == .activeBackup {
            let name = port.bond.name
            changeOver(port)
            guard let now = port.primary else { continue }
            let before = lastPrimaries.withLock { $0.updateValue(now, forKey: name) }
            guard let before, before != now else { continue }
            logger.notice("\(name): \(now) carries the packets instead of \(before)")
            moved.insert(name)
        }
        return moved
    }

    private func changeOver(_ port: BondedPort) {
        let up = port.slaves.filter { $0.link.isUp }
        let preferred = applied.withLock { $0[port.bond.name]?.primary }
        let (current, now) = (port.primary, up.first { $0.name == port.primary })
        guard let best = up.first(where: { $0.name == preferred }) ?? now ?? up.first,
            best.name != current
        else { return }
        do {
            try port.device.setPrimary(best.device)
        } catch {
            logger.error("\(port.bond.name): \(best.name) cannot carry packets: \(error)")
        }
    }
}
