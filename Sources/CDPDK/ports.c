// SPDX-License-Identifier: Apache-2.0
#include "CDPDK.h"

#include <errno.h>
#include <net/if.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_thash.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int CDPDK_attach(const char *arguments) { return rte_dev_probe(arguments); }

int CDPDK_find_port(const char *device) {
    uint16_t port;
    int result = rte_eth_dev_get_port_by_name(device, &port);
    return result < 0 ? result : port;
}

unsigned CDPDK_ports(uint16_t *ports, unsigned capacity) {
    uint16_t port;
    unsigned count = 0;
    RTE_ETH_FOREACH_DEV(port) {
        if (count < capacity) ports[count] = port;
        count++;
    }
    return count;
}

// MARK: - Facts

typedef struct {
    uint32_t ours;
    uint64_t theirs;
} bit_pair;

static const bit_pair rx_offloads[] = {
    {CDPDK_rx_l4_checksum, RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM},
    {CDPDK_rx_vlan_strip, RTE_ETH_RX_OFFLOAD_VLAN_STRIP},
};
static const bit_pair tx_offloads[] = {
    {CDPDK_tx_vlan_insert, RTE_ETH_TX_OFFLOAD_VLAN_INSERT},
    {CDPDK_tx_fast_free, RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE},
};
static const bit_pair rss_types[] = {
    {CDPDK_rss_ip, RTE_ETH_RSS_IP},
    {CDPDK_rss_tcp, RTE_ETH_RSS_TCP},
    {CDPDK_rss_udp, RTE_ETH_RSS_UDP},
    {CDPDK_rss_sctp, RTE_ETH_RSS_SCTP},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/// Our bits whose counterparts are all (or, with `any`, partly) in `theirs`.
static uint32_t to_ours(const bit_pair *pairs, size_t count, uint64_t theirs, bool any) {
    uint32_t ours = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t common = theirs & pairs[i].theirs;
        if (any ? common != 0 : common == pairs[i].theirs) ours |= pairs[i].ours;
    }
    return ours;
}

static uint64_t to_theirs(const bit_pair *pairs, size_t count, uint32_t ours) {
    uint64_t theirs = 0;
    for (size_t i = 0; i < count; i++)
        if (ours & pairs[i].ours) theirs |= pairs[i].theirs;
    return theirs;
}

/// Drivers that do not say how long their key is take the 40 octets of the specification.
static uint8_t key_size(const struct rte_eth_dev_info *info) {
    return info->hash_key_size ? info->hash_key_size : 40;
}

int CDPDK_port_get_facts(uint16_t port, CDPDK_port_facts *facts) {
    struct rte_eth_dev_info info;
    int result = rte_eth_dev_info_get(port, &info);
    if (result < 0) return result;
    memset(facts, 0, sizeof *facts);
    struct rte_ether_addr mac;
    if ((result = rte_eth_macaddr_get(port, &mac)) < 0) return result;
    memcpy(facts->mac, mac.addr_bytes, sizeof facts->mac);
    char name[RTE_ETH_NAME_MAX_LEN] = "";
    rte_eth_dev_get_name_by_port(port, name);
    snprintf(facts->device, sizeof facts->device, "%s", name);
    snprintf(facts->driver, sizeof facts->driver, "%s", info.driver_name);
    if ((result = rte_eth_dev_get_mtu(port, &facts->mtu)) < 0) return result;
    facts->min_mtu = info.min_mtu;
    facts->max_mtu = info.max_mtu;
    facts->max_rx_queues = info.max_rx_queues;
    facts->max_tx_queues = info.max_tx_queues;
    facts->max_rx_descriptors = info.rx_desc_lim.nb_max;
    facts->min_rx_descriptors = info.rx_desc_lim.nb_min;
    facts->max_tx_descriptors = info.tx_desc_lim.nb_max;
    facts->min_tx_descriptors = info.tx_desc_lim.nb_min;
    facts->offloads = to_ours(rx_offloads, COUNT(rx_offloads), info.rx_offload_capa, false) |
                      to_ours(tx_offloads, COUNT(tx_offloads), info.tx_offload_capa, false);
    facts->rss = to_ours(rss_types, COUNT(rss_types), info.flow_type_rss_offloads, true);
    facts->reta_size = info.reta_size;
    facts->rss_key_size = key_size(&info);
    facts->socket = (int16_t)rte_eth_dev_socket_id(port);
    // Drivers without a bus are named net_<something>, and so are PCI drivers; only the latter's
    // devices carry an address with colons.
    facts->is_virtual = strchr(name, ':') == NULL;
    facts->can_filter_vlans = (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_VLAN_FILTER) != 0;
    return 0;
}

// MARK: - Setup

#define TRY(call, name)                                                                            \
    do {                                                                                           \
        int result = (call);                                                                       \
        if (result < 0) {                                                                          \
            *failed = name;                                                                        \
            return result;                                                                         \
        }                                                                                          \
    } while (0)

static int setup_queues(uint16_t port, CDPDK_port_setup *setup, const struct rte_eth_conf *conf,
                        const struct rte_eth_dev_info *info, const char **failed) {
    unsigned socket = (unsigned)rte_eth_dev_socket_id(port);
    for (uint16_t queue = 0; queue < setup->rx_queues; queue++) {
        struct rte_eth_rxconf rx = info->default_rxconf;
        rx.offloads = conf->rxmode.offloads & info->rx_queue_offload_capa;
        TRY(rte_eth_rx_queue_setup(port, queue, setup->rx_descriptors, socket, &rx,
                                   (struct rte_mempool *)setup->pool),
            "rte_eth_rx_queue_setup");
    }
    for (uint16_t queue = 0; queue < setup->tx_queues; queue++) {
        struct rte_eth_txconf tx = info->default_txconf;
        tx.offloads = conf->txmode.offloads & info->tx_queue_offload_capa;
        TRY(rte_eth_tx_queue_setup(port, queue, setup->tx_descriptors, socket, &tx),
            "rte_eth_tx_queue_setup");
    }
    return 0;
}

/// Sets the MTU of the kernel's interface below a port, which may be there already.
static int set_kernel_mtu(unsigned index, uint16_t mtu) {
    struct ifreq request = {0};
    if (if_indextoname(index, request.ifr_name) == NULL) return -errno;
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control < 0) return -errno;
    int result = ioctl(control, SIOCGIFMTU, &request) < 0 ? -errno : 0;
    if (result == 0 && request.ifr_mtu != mtu) {
        request.ifr_mtu = mtu;
        result = ioctl(control, SIOCSIFMTU, &request) < 0 ? -errno : 0;
    }
    close(control);
    return result;
}

/// DPDK's AF_PACKET says that its frames have 1518 octets at most, whatever its ring has room for,
/// and would only tell the kernel.
static int set_mtu(uint16_t port, const struct rte_eth_dev_info *info, uint16_t mtu) {
    bool is_bounded = mtu > RTE_ETHER_MTU && info->if_index != 0 &&
                      strcmp(info->driver_name, "net_af_packet") == 0;
    return is_bounded ? set_kernel_mtu(info->if_index, mtu) : rte_eth_dev_set_mtu(port, mtu);
}

int CDPDK_port_set_mtu(uint16_t port, uint16_t mtu) {
    struct rte_eth_dev_info info;
    int result = rte_eth_dev_info_get(port, &info);
    return result < 0 ? result : set_mtu(port, &info, mtu);
}

int CDPDK_port_start(uint16_t port, CDPDK_port_setup *setup, const char **failed) {
    struct rte_eth_dev_info info;
    TRY(rte_eth_dev_info_get(port, &info), "rte_eth_dev_info_get");
    struct rte_eth_conf conf = {0};
    conf.rxmode.offloads = to_theirs(rx_offloads, COUNT(rx_offloads), setup->offloads) &
                           info.rx_offload_capa;
    conf.txmode.offloads = to_theirs(tx_offloads, COUNT(tx_offloads), setup->offloads) &
                           info.tx_offload_capa;
    // A device checks this MTU against its buffers; the wanted one is set below. A bond gives this
    // one to its slaves, of which none can be asked before it is configured.
    conf.rxmode.mtu = setup->is_bond && setup->mtu ? setup->mtu : RTE_ETHER_MTU;
    if (info.max_mtu && conf.rxmode.mtu > info.max_mtu) conf.rxmode.mtu = info.max_mtu;
    uint64_t rss = to_theirs(rss_types, COUNT(rss_types), setup->rss) & info.flow_type_rss_offloads;
    if (setup->rx_queues > 1 && rss) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf = rss;
        if (setup->rss_key) {
            conf.rx_adv_conf.rss_conf.rss_key = (uint8_t *)(uintptr_t)setup->rss_key;
            conf.rx_adv_conf.rss_conf.rss_key_len = key_size(&info);
        }
    }
    conf.intr_conf.rxq = setup->interrupts;
    conf.intr_conf.rmv = (*info.dev_flags & RTE_ETH_DEV_INTR_RMV) != 0;
    TRY(rte_eth_dev_configure(port, setup->rx_queues, setup->tx_queues, &conf),
        "rte_eth_dev_configure");
    TRY(rte_eth_dev_adjust_nb_rx_tx_desc(port, &setup->rx_descriptors, &setup->tx_descriptors),
        "rte_eth_dev_adjust_nb_rx_tx_desc");
    uint16_t mtu;
    if (setup->mtu && !setup->is_bond && rte_eth_dev_get_mtu(port, &mtu) == 0 &&
        mtu != setup->mtu) {
        int result = set_mtu(port, &info, setup->mtu);
        if (result < 0 && result != -ENOTSUP) {
            *failed = "rte_eth_dev_set_mtu";
            return result;
        }
    }
    int result = setup_queues(port, setup, &conf, &info, failed);
    if (result < 0) return result;
    TRY(rte_eth_dev_start(port), "rte_eth_dev_start");
    if (setup->promiscuous) {
        result = rte_eth_promiscuous_enable(port);
        if (result < 0 && result != -ENOTSUP) {
            *failed = "rte_eth_promiscuous_enable";
            return result;
        }
    }
    if (setup->all_multicast) {
        result = rte_eth_allmulticast_enable(port);
        if (result < 0 && result != -ENOTSUP) {
            *failed = "rte_eth_allmulticast_enable";
            return result;
        }
    }
    return 0;
}

void CDPDK_port_close(uint16_t port) {
    if (!rte_eth_dev_is_valid_port(port)) return;
    rte_eth_dev_stop(port);
    rte_eth_dev_close(port);
}

// MARK: - Receive-side scaling

/// Counts which of our kinds a device hashes by all that they have: for TCP and UDP the ports too.
static uint32_t hashed_types(uint64_t theirs) {
    uint32_t ours = 0;
    if (theirs & RTE_ETH_RSS_IPV4) ours |= CDPDK_rss_ip;
    if (theirs & RTE_ETH_RSS_NONFRAG_IPV4_TCP) ours |= CDPDK_rss_tcp;
    if (theirs & RTE_ETH_RSS_NONFRAG_IPV4_UDP) ours |= CDPDK_rss_udp;
    if (theirs & RTE_ETH_RSS_NONFRAG_IPV6_TCP) ours |= CDPDK_rss_tcp_over_ipv6;
    if (theirs & RTE_ETH_RSS_NONFRAG_IPV6_UDP) ours |= CDPDK_rss_udp_over_ipv6;
    return ours;
}

int CDPDK_port_get_rss(uint16_t port, CDPDK_rss_state *state) {
    struct rte_eth_dev_info info;
    int result = rte_eth_dev_info_get(port, &info);
    if (result < 0) return result;
    memset(state, 0, sizeof *state);
    state->key_size = key_size(&info);
    if (state->key_size > sizeof state->key || info.reta_size > CDPDK_reta_capacity) return -E2BIG;
    struct rte_eth_rss_conf conf = {.rss_key = state->key, .rss_key_len = state->key_size};
    if ((result = rte_eth_dev_rss_hash_conf_get(port, &conf)) < 0) return result;
    state->types = hashed_types(conf.rss_hf);
    struct rte_eth_rss_reta_entry64 groups[CDPDK_reta_capacity / RTE_ETH_RETA_GROUP_SIZE];
    memset(groups, 0, sizeof groups);
    for (uint16_t i = 0; i < info.reta_size; i++)
        groups[i / RTE_ETH_RETA_GROUP_SIZE].mask |= 1ull << (i % RTE_ETH_RETA_GROUP_SIZE);
    if ((result = rte_eth_dev_rss_reta_query(port, groups, info.reta_size)) < 0) return result;
    state->reta_size = info.reta_size;
    for (uint16_t i = 0; i < info.reta_size; i++)
        state->reta[i] = groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
    return 0;
}

int CDPDK_port_set_reta(uint16_t port, const uint16_t *queues, uint16_t size) {
    struct rte_eth_rss_reta_entry64 groups[CDPDK_reta_capacity / RTE_ETH_RETA_GROUP_SIZE];
    if (size > CDPDK_reta_capacity) return -E2BIG;
    memset(groups, 0, sizeof groups);
    for (uint16_t i = 0; i < size; i++) {
        groups[i / RTE_ETH_RETA_GROUP_SIZE].mask |= 1ull << (i % RTE_ETH_RETA_GROUP_SIZE);
        groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] = queues[i];
    }
    return rte_eth_dev_rss_reta_update(port, groups, size);
}

uint32_t CDPDK_soft_rss(const uint32_t *input, uint32_t words, const uint8_t *key) {
    uint32_t copy[16];
    if (words > sizeof copy / sizeof copy[0]) return 0;
    memcpy(copy, input, words * sizeof *input);
    return rte_softrss(copy, words, key);
}

// MARK: - Multicast

int CDPDK_port_set_groups(uint16_t port, const uint64_t *groups, uint32_t count) {
    if (!rte_eth_dev_is_valid_port(port)) return -ENODEV;
    struct rte_ether_addr addresses[CDPDK_group_capacity];
    if (count > CDPDK_group_capacity) return -E2BIG;
    for (uint32_t i = 0; i < count; i++)
        for (int octet = 0; octet < 6; octet++)
            addresses[i].addr_bytes[octet] = (uint8_t)(groups[i] >> (40 - 8 * octet));
    return rte_eth_dev_set_mc_addr_list(port, addresses, count);
}

int CDPDK_port_receive_all_groups(uint16_t port) { return rte_eth_allmulticast_enable(port); }

// MARK: - VLANs

int CDPDK_port_filter_vlan(uint16_t port, uint16_t vlan, bool is_wanted) {
    int offloads = rte_eth_dev_get_vlan_offload(port);
    if (offloads < 0) return offloads;
    if (!(offloads & RTE_ETH_VLAN_FILTER_OFFLOAD)) {
        int result = rte_eth_dev_set_vlan_offload(port, offloads | RTE_ETH_VLAN_FILTER_OFFLOAD);
        if (result < 0) return result;
    }
    return rte_eth_dev_vlan_filter(port, vlan, is_wanted);
}
