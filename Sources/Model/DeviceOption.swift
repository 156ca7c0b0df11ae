// SPDX-License-Identifier: Apache-2.0

extension String {
    /// What the last `name=value` says in a device as DPDK is asked for it:
    /// `net_af_packet,iface=eth1,qpairs=2`.
    package func deviceOption(_ name: String) -> Substring? {
        split(separator: ",").last { $0.hasPrefix(name + "=") }?.dropFirst(name.count + 1)
    }
}
