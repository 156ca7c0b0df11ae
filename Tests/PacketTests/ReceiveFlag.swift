// SPDX-License-Identifier: Apache-2.0
import CPacket

/// What ports say in `ol_flags` of received frames.
enum ReceiveFlag {
    static let vlanStripped = UInt64(1) << UInt64(CPacket_rx_vlan_stripped_bit)
    static let badIPChecksum = UInt64(1) << UInt64(CPacket_rx_ip_checksum_bad_bit)
}
