// SPDX-License-Identifier: Apache-2.0
import CPacket

/// What ports say in `ol_flags` of received frames.
public enum ReceiveFlag {
    public static let vlanStripped = UInt64(1) << UInt64(CPacket_rx_vlan_stripped_bit)
    public static let badHeader = UInt64(1) << UInt64(CPacket_rx_ip_checksum_bad_bit)
    public static let goodHeader = UInt64(1) << UInt64(CPacket_rx_ip_checksum_good_bit)
    public static let unfinishedHeader = badHeader | goodHeader
    public static let badTransport = UInt64(1) << UInt64(CPacket_rx_l4_checksum_bad_bit)
    public static let goodTransport = UInt64(1) << UInt64(CPacket_rx_l4_checksum_good_bit)
    public static let unfinishedTransport = badTransport | goodTransport
}
