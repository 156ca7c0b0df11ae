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
            conditions.bufferLack = bufferLack(ofQueues: queues + Self.queuesByHand(devices))
            let interface = KernelInterface(link, conditions, trial: surroundings.tryXDP)
            devices[index].interface = interface
            devices[index].driver = interface.driver
            if interface.way.isXDP {
                workers.poll(queues: interface.queues, of: devices[index].name)
            }
        }
    }

    /// Packet buffers that DPDK's AF_XDP gives to each queue at its start, and keeps there.
    private static let buffersOfQueue = 2048

    /// Queues of AF_XDP that `driver` asks for.
    private static func queuesByHand(_ devices: [DeviceChoice]) -> Int {
        devices.compactMap { choice in
            guard choice.wantedInterface == nil, let driver = choice.driver,
                driver.hasPrefix("net_af_xdp")
            else { return nil }
            return boundQueues(driver)
        }
        .reduce(0, +)
    }

    private static func boundQueues(_ driver: String) -> Int {
        driver.deviceOption("queue_count").flatMap { Int($0) } ?? 1
    }

    /// Why so many queues of AF_XDP would not leave any packet buffers; nil: they do.
    private func bufferLack(ofQueues queues: Int) -> String? {
        let there = settings.integer("netif_defs.pktpool_size")
        let needed = (queues + 1) * Self.buffersOfQueue
        guard there < needed else { return nil }
        var size = 1
        while size - 1 < needed { size *= 2 }
        return
            "AF_XDP keeps \(Self.buffersOfQueue) packet buffers in each of \(queues) queues, and there "
            + "are \(there): netif_defs { pktpool_size \(size - 1) }"
    }

    /// What the log says of devices that `driver` asks for by hand, before they start.
    package func driverNotes(_ surroundings: Surroundings) -> [String] {
        devices.filter { $0.wantedInterface == nil }
            .flatMap { choice -> [Check] in
                let driver = choice.driver ?? ""
                return virtualChecks(choice.name, driver, surroundings).filter { $0.state == .note }
            }
            .map { check in
                "\(check.subject): \(check.finding)" + (check.node.map { ": \($0)" } ?? "")
            }
    }

    /// What is wrong with AF_XDP that `driver` asks for by hand; nil: nothing.
    func xdpCheck(_ subject: String, _ driver: String, _ link: KernelLink) -> Check? {
        let remedy = "dpvs.conf: device \(subject.split(separator: " ").last ?? "") { interface "
        if link.features?.isNative == false {
            let name = link.driver.isEmpty ? "the driver" : "driver \(link.driver)"
            return .missing(
                subject,
                "\(name) of \(link.name) runs no XDP programs, and DPDK's AF_XDP starts on no other",
                node: "\(remedy)\(link.name) }, which then is AF_PACKET"
            )
        }
        if let lack = bufferLack(ofQueues: Self.queuesByHand(devices)) {
            return .missing(subject, lack, node: "dpvs.conf")
        }
        let bound = Self.boundQueues(driver)
        guard bound < link.queues else { return nil }
        return .note(
            subject,
            "AF_XDP gets \(bound) of the \(link.queues) receive queues of \(link.name): frames in the "
                + "others go to the kernel, and nobody answers them",
            node:
                "\(remedy)\(link.name) }, which takes all; or ethtool -L \(link.name) combined \(bound)"
        )
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
