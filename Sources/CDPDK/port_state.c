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
