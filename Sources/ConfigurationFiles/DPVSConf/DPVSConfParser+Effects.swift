// SPDX-License-Identifier: Apache-2.0
import Model

/// Items that have no effect beside what else the file says.
extension DPVSConfParser {
    mutating func checkEffects() {
        noteCompanions()
        noteIPv6()
        noteQueues()
        let settings = result.settings
        if settings.text("global_defs.announce_on") == nil {
            noteEffect("global_defs.withdraw_delay", "announce_on is not set")
        }
        if !settings.devices.contains(where: { $0.text("network") != nil }) {
            noteEffect("global_defs.network_status", "no device has a network")
        }
        if !settings.isOn("global_defs.lldp") {
            for block in settings.devices + settings.bonds where block.isOn("lldp") {
                noteEffect(block, "lldp", "global_defs.lldp is off")
            }
        }
        if settings.integer("ipvs_defs.udp.uoa_max_trail") > 255 {
            noteEffect("ipvs_defs.udp.uoa_max_trail", "255 counts: no more are looked at")
        }
        for bond in settings.bonds where ![2, 4].contains(bond.integer("mode")) {
            noteEffect(bond, "xmit_policy", "it counts in the modes 2 and 4")
        }
    }

    private mutating func noteCompanions() {
        let settings = result.settings
        if !settings.isOn("global_defs.kni") {
            for block in settings.devices + settings.bonds {
                for item in ["kni_name", "kni_type"] {
                    noteEffect(block, item, "global_defs.kni is off")
                }
            }
            for path in settings.items.keys.sorted() where path.hasPrefix("exception_defs.") {
                noteEffect(path, "global_defs.kni is off, so nothing goes to the kernel")
            }
        }
        for block in settings.devices + settings.bonds where block.text("kni_type") == "off" {
            noteEffect(block, "kni_name", "kni_type is off")
        }
    }

    private mutating func noteIPv6() {
        let settings = result.settings
        if settings.isOn("ipv6_defs.disable") {
            for item in ["accept_ra", "addr_gen_mode", "stable_secret"] {
                noteEffect("ipv6_defs.\(item)", "ipv6_defs.disable is on")
            }
        } else if settings.text("ipv6_defs.addr_gen_mode") != "stable-privacy" {
            noteEffect("ipv6_defs.stable_secret", "addr_gen_mode is not stable-privacy")
        }
    }

    /// As many queues are opened as workers use, whatever `queue_number` says.
    private mutating func noteQueues() {
        for worker in result.settings.workers {
            switch worker.text("type") {
            case "kni":
                let instead = "instead: a thread of its own serves the companions"
                let message = "has no effect as type kni; \(instead)"
                report(.notInEffect, place(worker), worker.path, message, worker.name)
            case "master":
                for port in worker.blocks {
                    let message = "has no effect: the master polls no queues"
                    report(.notInEffect, place(worker, port.name), port.path, message, port.name)
                }
            default:
                for port in worker.blocks where port.integers("tx_queue_ids").count > 1 {
                    let value = port.items["tx_queue_ids"]?.description
                    let message = "has no effect beyond the first: a worker fills one queue"
                    let location = place(port, "tx_queue_ids", in: worker)
                    report(.notInEffect, location, port.path + ".tx_queue_ids", message, value)
                }
            }
        }
        for block in result.settings.devices + result.settings.bonds {
            guard let queues = queues(of: block.name) else { continue }
            for (item, count) in [("rx", queues.receive), ("tx", queues.transmit)] {
                let item = "\(item).queue_number"
                guard let number = block.integer(item), number != count else { continue }
                let opened = "\(counted(count, "queue")) of \(block.name)"
                noteEffect(block, item, "workers use \(opened), and so many are opened")
            }
        }
    }

    /// How many queues of a port are used, as far as the file alone tells.
    private func queues(of port: String) -> (receive: Int, transmit: Int)? {
        let settings = result.settings
        guard settings.bondOfSlave[port] == nil else { return nil }
        let workers = settings.workers.filter { $0.text("type") == "slave" }
        guard settings.workers.isEmpty else {
            let polled = workers.flatMap(\.blocks).filter { $0.name == port }
                .flatMap { $0.integers("rx_queue_ids") }
            return polled.isEmpty ? nil : (Set(polled).count, workers.count)
        }
        guard case .integer(let count) = settings.value("worker_defs.workers") else { return nil }
        return (count, count)
    }

    private mutating func noteEffect(_ path: String, _ reason: String) {
        guard let place = places[path], let value = result.settings.items[path] else { return }
        report(.notInEffect, place, path, "has no effect: \(reason)", value.description)
    }

    mutating func noteEffect(_ block: NamedBlock, _ item: String, _ reason: String) {
        // What another item leaves without effect is noted once.
        guard let value = block.items[item]?.description,
            noted.insert("\(block.name) \(item)").inserted
        else { return }
        let message = "has no effect: \(reason)"
        report(.notInEffect, place(block, item), "\(block.path).\(item)", message, value)
    }
}
