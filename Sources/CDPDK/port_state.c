// SPDX-License-Identifier: Apache-2.0
//
// What is asked of ports again and again while they run. DPDK would log each time that a port is no
// more whose device was given up.
#include "CDPDK.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <stdio.h>

int CDPDK_port_get_link(uint16_t port, CDPDK_link *link) {
    if (!rte_eth_dev_is_valid_port(port)) return -ENODEV;
    struct rte_eth_link found;
    int result = rte_eth_link_get_nowait(port, &found);
    if (result < 0) return result;
    link->is_up = found.link_status == RTE_ETH_LINK_UP;
    link->is_full_duplex = found.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
    link->is_negotiated = found.link_autoneg == RTE_ETH_LINK_AUTONEG;
    link->megabits = found.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : found.link_speed;
    return 0;
}

int CDPDK_port_get_statistics(uint16_t port, CDPDK_port_statistics *statistics) {
    if (!rte_eth_dev_is_valid_port(port)) return -ENODEV;
    struct rte_eth_stats found;
    int result = rte_eth_stats_get(port, &found);
    if (result < 0) return result;
    *statistics = (CDPDK_port_statistics){
        .rx_packets = found.ipackets,
        .tx_packets = found.opackets,
        .rx_bytes = found.ibytes,
        .tx_bytes = found.obytes,
        .rx_missed = found.imissed,
        .rx_errors = found.ierrors,
        .tx_errors = found.oerrors,
        .rx_no_buffer = found.rx_nombuf,
    };
    return 0;
}

int CDPDK_port_get_counters(uint16_t port, CDPDK_counter *counters, unsigned capacity) {
    if (!rte_eth_dev_is_valid_port(port)) return -ENODEV;
    struct rte_eth_xstat values[CDPDK_counter_capacity];
    struct rte_eth_xstat_name names[CDPDK_counter_capacity];
    int named = rte_eth_xstats_get_names(port, names, CDPDK_counter_capacity);
    if (named < 0) return named;
    int read = rte_eth_xstats_get(port, values, CDPDK_counter_capacity);
    if (read < 0) return read;
    // Both say how many there are; with more than there is room for nothing is filled in.
    if (named > CDPDK_counter_capacity || read > CDPDK_counter_capacity) return -E2BIG;
    unsigned count = 0;
    for (int i = 0; i < read && count < capacity; i++) {
        if (values[i].id >= (uint64_t)named) continue;
        snprintf(counters[count].name, sizeof counters[count].name, "%s", names[values[i].id].name);
        counters[count++].value = values[i].value;
    }
    return (int)count;
}

int CDPDK_port_get_details(uint16_t port, CDPDK_fact *facts, unsigned capacity) {
    if (!rte_eth_dev_is_valid_port(port)) return -ENODEV;
    struct rte_eth_dev_info info;
    int result = rte_eth_dev_info_get(port, &info);
    if (result < 0) return result;
    const CDPDK_fact all[] = {
        {"if_index", info.if_index, false},
        {"min_rx_bufsize", info.min_rx_bufsize, false},
        {"max_rx_pktlen", info.max_rx_pktlen, false},
        {"max_mac_addrs", info.max_mac_addrs, false},
        {"max_rx_queues", info.max_rx_queues, false},
        {"max_tx_queues", info.max_tx_queues, false},
        {"nb_rx_queues", info.nb_rx_queues, false},
        {"nb_tx_queues", info.nb_tx_queues, false},
        {"max_hash_addrs", info.max_hash_mac_addrs, false},
        {"max_vfs", info.max_vfs, false},
        {"max_vmdq_pools", info.max_vmdq_pools, false},
        {"rx_offload_capa", info.rx_offload_capa, true},
        {"tx_offload_capa", info.tx_offload_capa, true},
        {"rx_queue_offload_capa", info.rx_queue_offload_capa, true},
        {"tx_queue_offload_capa", info.tx_queue_offload_capa, true},
        {"reta_size", info.reta_size, false},
        {"hash_key_size", info.hash_key_size, false},
        {"flowtype_rss_offload", info.flow_type_rss_offloads, true},
        {"vmdq_queue_base", info.vmdq_queue_base, false},
        {"vmdq_queue_num", info.vmdq_queue_num, false},
        {"vmdq_pool_base", info.vmdq_pool_base, false},
        {"rx_desc_lim_nb_max", info.rx_desc_lim.nb_max, false},
        {"rx_desc_lim_nb_min", info.rx_desc_lim.nb_min, false},
        {"rx_desc_lim_nb_align", info.rx_desc_lim.nb_align, false},
        {"tx_desc_lim_nb_max", info.tx_desc_lim.nb_max, false},
        {"tx_desc_lim_nb_min", info.tx_desc_lim.nb_min, false},
        {"tx_desc_lim_nb_align", info.tx_desc_lim.nb_align, false},
        {"speed_capa", info.speed_capa, true},
    };
    unsigned count = sizeof all / sizeof all[0];
    if (count > capacity) count = capacity;
    for (unsigned i = 0; i < count; i++) facts[i] = all[i];
    return (int)count;
}

int CDPDK_port_set_switch(uint16_t port, int which, bool is_on) {
    if (!rte_eth_dev_is_valid_port(port)) return -ENODEV;
    switch (which) {
    case CDPDK_switch_promiscuous:
        return is_on ? rte_eth_promiscuous_enable(port) : rte_eth_promiscuous_disable(port);
    case CDPDK_switch_all_multicast:
        return is_on ? rte_eth_allmulticast_enable(port) : rte_eth_allmulticast_disable(port);
    case CDPDK_switch_link:
        return is_on ? rte_eth_dev_set_link_up(port) : rte_eth_dev_set_link_down(port);
    default: return -EINVAL;
    }
}

int CDPDK_port_get_switch(uint16_t port, int which) {
    if (!rte_eth_dev_is_valid_port(port)) return -ENODEV;
    switch (which) {
    case CDPDK_switch_promiscuous: return rte_eth_promiscuous_get(port);
    case CDPDK_switch_all_multicast: return rte_eth_allmulticast_get(port);
    default: return -EINVAL;
    }
}
