// SPDX-License-Identifier: Apache-2.0
//
// `CPacket_buffer` is `struct rte_mbuf` under a name that Swift can import: every field is held to
// the original here, at compile time.
#include "CDPDK.h"

#include <rte_mbuf.h>

#define SAME(ours, theirs)                                                                         \
    _Static_assert(offsetof(CPacket_buffer, ours) == offsetof(struct rte_mbuf, theirs) &&          \
                       sizeof(((CPacket_buffer *)0)->ours) ==                                      \
                           sizeof(((struct rte_mbuf *)0)->theirs),                                 \
                   #ours " is not where DPDK has " #theirs)

_Static_assert(sizeof(CPacket_buffer) == sizeof(struct rte_mbuf), "sizes differ");
SAME(buf_addr, buf_addr);
SAME(buf_iova, buf_iova);
SAME(data_off, data_off);
SAME(refcnt, refcnt);
SAME(nb_segs, nb_segs);
SAME(port, port);
SAME(ol_flags, ol_flags);
SAME(packet_type, packet_type);
SAME(pkt_len, pkt_len);
SAME(data_len, data_len);
SAME(vlan_tci, vlan_tci);
SAME(rss_hash, hash.rss);
SAME(vlan_tci_outer, vlan_tci_outer);
SAME(buf_len, buf_len);
SAME(pool, pool);
SAME(next, next);
SAME(tx_offload, tx_offload);
SAME(shinfo, shinfo);
SAME(priv_size, priv_size);
SAME(timesync, timesync);
SAME(dynfield1, dynfield1);

#define BIT(ours, theirs) _Static_assert((1ULL << (ours)) == (theirs), #theirs " is another bit")

BIT(CPacket_rx_vlan_bit, RTE_MBUF_F_RX_VLAN);
BIT(CPacket_rx_rss_hash_bit, RTE_MBUF_F_RX_RSS_HASH);
BIT(CPacket_rx_l4_checksum_bad_bit, RTE_MBUF_F_RX_L4_CKSUM_BAD);
BIT(CPacket_rx_ip_checksum_bad_bit, RTE_MBUF_F_RX_IP_CKSUM_BAD);
BIT(CPacket_rx_vlan_stripped_bit, RTE_MBUF_F_RX_VLAN_STRIPPED);
BIT(CPacket_rx_ip_checksum_good_bit, RTE_MBUF_F_RX_IP_CKSUM_GOOD);
BIT(CPacket_rx_l4_checksum_good_bit, RTE_MBUF_F_RX_L4_CKSUM_GOOD);

_Static_assert(RTE_MBUF_F_RX_L4_CKSUM_NONE ==
                   (RTE_MBUF_F_RX_L4_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_GOOD),
               "an unfinished checksum of TCP or UDP is said otherwise");
_Static_assert(RTE_MBUF_F_RX_IP_CKSUM_NONE ==
                   (RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_IP_CKSUM_GOOD),
               "an unfinished checksum of an IPv4 header is said otherwise");
