// SPDX-License-Identifier: Apache-2.0
import CDPDK

/// A device that is taken away while it runs is left in steps, because workers are in the middle of
/// something: `leave`, wait until each worker has turned, `letGo`.
extension Device {
    /// Notes from now on which devices are to go; after EAL's start.
    public static func watchRemovals() throws(DPDKError) {
        try check(CDPDK_watch_removals(), "rte_dev_event_callback_register")
    }

    /// Whether the kernel wants the device back, or it has gone already without a word before.
    public var isWantedBack: Bool { CDPDK_port_is_wanted_back(port) }

    /// Lets bursts find nothing here from now on, and takes the device out of the bond whose slave it
    /// is.
    public func leave(_ bond: Device?) throws(DPDKError) {
        CDPDK_port_leave(port)
        guard let bond else { return }
        try check(
            CDPDK_bond_remove(bond.port, port),
            "rte_eth_bond_slave_remove",
            on: facts.device
        )
    }

    /// Gives the device up; no worker is in the middle of a burst of it.
    public func letGo() throws(DPDKError) {
        try check(CDPDK_port_let_go(port), "rte_dev_remove", on: facts.device)
    }

    /// Whether the device is gone: given up, unplugged, or its driver says so.
    public var isRemoved: Bool { CDPDK_port_is_removed(port) }
}
