// SPDX-License-Identifier: Apache-2.0
import CDPDK

extension Device {
    /// Lets frames with the tag `vlan` in, or no longer; on a started device.
    ///
    /// The device keeps frames of other VLANs out from the first call on. Says nothing about frames
    /// without a tag, which come in always.
    public func filter(vlan: Int, isWanted: Bool) throws(DPDKError) {
        try check(
            CDPDK_port_filter_vlan(port, UInt16(vlan), isWanted),
            "rte_eth_dev_vlan_filter",
            on: "\(facts.device), VLAN \(vlan)"
        )
    }
}
