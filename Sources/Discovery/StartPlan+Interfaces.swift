// SPDX-License-Identifier: Apache-2.0
import Linux
import Model

extension StartPlan {
    /// Decides how the devices are driven that are interfaces of the kernel, and gives queues that
    /// nobody polls to workers.
    mutating func chooseDrivers(_ surroundings: Surroundings) {
        let slaves = settings.bondOfSlave
        let links = devices.compactMap { choice in
            choice.wantedInterface.flatMap(surroundings.kernelLink)
        }
        let queues = links.map(\.queues).reduce(0, +)
        for index in devices.indices {
            guard let name = devices[index].wantedInterface else { continue }
            guard let link = surroundings.kernelLink(name) else {
                devices[index].problem = "there is no interface \(name)"
                continue
            }
            var conditions = KernelInterface.Conditions()
            conditions.workers = workers.queues(of: devices[index].name).transmit
            conditions.frameSize = settings.frameSize
            // Each queue's socket locks all of it, by the kernel's account.
            conditions.mayLock = findings.mayLock(max(1, queues) * memory.needed << 20)
            conditions.isSlave = slaves[devices[index].name] != nil
            let interface = KernelInterface(link, conditions, trial: surroundings.tryXDP)
            devices[index].interface = interface
            devices[index].driver = interface.driver
            if interface.way.isXDP {
                workers.poll(queues: interface.queues, of: devices[index].name)
            }
        }
    }

    /// What there is to say of a device that is an interface of the kernel.
    func interfaceChecks(
        _ subject: String,
        _ interface: KernelInterface,
        _ needs: [Check]
    ) -> [Check] {
        let description = interface.description
        var checks: [Check] = [
            interface.way == .packet ? .note(subject, description) : .ok(subject, description)
        ]
        if let program = interface.leftover {
            checks.append(
                .note(
                    subject,
                    "\(interface.name) still has the XDP program \(program.name) of a process that was "
                        + "killed: the start takes it off",
                    node: "ip link set dev \(interface.name) xdp off"
                )
            )
        }
        // Its frames have their tags unless their sender, the kernel behind the peer, keeps them apart.
        if interface.way.isXDP, interface.link.stripsTags, interface.link.driver != "veth" {
            checks.append(
                .note(
                    subject,
                    "\(interface.name) takes VLAN tags out of frames, and AF_XDP does not bring them",
                    node: "ethtool -K \(interface.name) rxvlan off, where VLANs are used"
                )
            )
        }
        if !interface.link.isUp {
            checks.append(
                .note(
                    subject,
                    "\(interface.name) is down: the start switches it on",
                    node: "ip link set \(interface.name) up"
                )
            )
        } else if !interface.link.hasCarrier {
            checks.append(.note(subject, "\(interface.name) has no link"))
        }
        return checks + needs.filter { $0.state == .missing }
    }
}
