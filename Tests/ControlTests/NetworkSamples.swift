// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control

extension [LinkStatus] {
    static func sample(hasDetails: Bool = false) -> [LinkStatus] {
        var link = LinkStatus(name: "dpdk0", kind: .port, mtu: 1500)
        link.counters.receivedPackets = 7
        if hasDetails { link.facts = [.init("driver_name", "net_ixgbe")] }
        return [link]
    }
}

extension LcoreStatus {
    static var sample: LcoreStatus {
        var lcore = LcoreStatus(lcore: 1, cpu: 3, socket: 0, role: .worker)
        lcore.receiveQueues = [.init(port: "dpdk0", number: 0)]
        return lcore
    }
}

extension AddressStatus {
    static var sample: AddressStatus? {
        IPPrefix("10.0.0.1/24")
            .map { .init(interface: "dpdk0", prefix: $0, scope: .global, owner: "runtime") }
    }
}

extension RouteStatus {
    static var sample: RouteStatus? {
        IPPrefix("10.0.0.0/24")
            .map {
                .init(
                    destination: $0,
                    interface: "dpdk0",
                    mtu: 1500,
                    scope: .link,
                    owner: "runtime"
                )
            }
    }
}

extension NeighbourStatus {
    static var sample: NeighbourStatus? {
        IPAddress("10.0.0.9")
            .map { .init(address: $0, interface: "dpdk0", macAddress: nil, state: "incomplete") }
    }
}

extension GroupStatus {
    static var sample: GroupStatus {
        var status = GroupStatus(interface: "dpdk0")
        status.addresses = [.init("ff02::1", users: 1)]
        return status
    }
}

extension MemoryStatus {
    static var sample: MemoryStatus {
        var memory = MemoryStatus()
        memory.rings = [.init(name: "MP_packets", flags: 0, size: 8, used: 1, available: 6)]
        return memory
    }
}
