// SPDX-License-Identifier: Apache-2.0
import CDPDK

extension Device {
    /// Makes the device that `arguments` describe, "net_virtio_user0,path=/dev/vhost-net", after
    /// the start of DPDK.
    public static func make(_ arguments: String) throws(DPDKError) -> Device {
        let result = unsafe arguments.withCString { unsafe CDPDK_attach($0) }
        try check(result, "rte_dev_probe", on: arguments)
        return try named(String(arguments.prefix { $0 != "," }))
    }

    /// Lets the device receive the link-layer `groups` beside its own address; where it has no room
    /// for them or cannot filter, every multicast frame.
    public func receive(groups: [UInt64]) throws(DPDKError) {
        let result = unsafe groups.withUnsafeBufferPointer { groups in
            unsafe CDPDK_port_set_groups(port, groups.baseAddress, UInt32(groups.count))
        }
        guard result < 0 else { return }
        try check(
            CDPDK_port_receive_all_groups(port),
            "rte_eth_allmulticast_enable",
            on: facts.device
        )
    }
}
