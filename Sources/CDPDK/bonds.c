// SPDX-License-Identifier: Apache-2.0
#include "CDPDK.h"
#include "bonding.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <string.h>

_Static_assert(CDPDK_bond_capacity <= RTE_MAX_ETHPORTS, "ports are numbered below this");

/// The slaves' own addresses, by the port of a bond that lets clients have them (mode 6).
static struct {
    unsigned count;
    struct rte_ether_addr addresses[CDPDK_bond_capacity];
} own_addresses[RTE_MAX_ETHPORTS];

// MARK: - Setup

/// Calls of bonding return -1 for everything and say more in DPDK's log.
#define TRY(call, name)                                                                            \
    do {                                                                                           \
        if ((call) < 0) {                                                                          \
            *failed = name;                                                                        \
            return -EINVAL;                                                                        \
        }                                                                                          \
    } while (0)

static int set_up(uint16_t bond, const CDPDK_bond_setup *setup, const char **failed) {
    own_addresses[bond].count = 0;
    for (unsigned i = 0; i < setup->slave_count; i++) {
        struct rte_ether_addr address;
        if (setup->mode == BONDING_MODE_ALB && rte_eth_macaddr_get(setup->slaves[i], &address) == 0)
            own_addresses[bond].addresses[own_addresses[bond].count++] = address;
        TRY(bond_member_add(bond, setup->slaves[i]), BOND_MEMBER_ADD);
    }
    return 0;
}

int CDPDK_bond_create(const CDPDK_bond_setup *setup, const char **failed) {
    if (setup->slave_count == 0 || setup->slave_count > CDPDK_bond_capacity) return -EINVAL;
    int bond = rte_eth_bond_create(setup->name, setup->mode, setup->socket);
    TRY(bond, "rte_eth_bond_create");
    int result = set_up((uint16_t)bond, setup, failed);
    if (result < 0) {
        rte_eth_bond_free(setup->name);
        return result;
    }
    return bond;
}

int CDPDK_bond_remove(uint16_t bond, uint16_t slave) {
    return bond_member_remove(bond, slave) < 0 ? -EINVAL : 0;
}

int CDPDK_bond_use_dedicated_queues(uint16_t bond, bool dedicated) {
    int result = dedicated ? rte_eth_bond_8023ad_dedicated_queues_enable(bond)
                           : rte_eth_bond_8023ad_dedicated_queues_disable(bond);
    return result < 0 ? -ENOTSUP : 0;
}

/// Lets a slave receive what comes for the bond: every one, because any may become the active one,
/// which DPDK tells the first alone.
static void open_slave(uint16_t slave, const struct rte_ether_addr *address, int mode,
                       bool promiscuous, bool all_multicast) {
    if (all_multicast) rte_eth_allmulticast_enable(slave);
    if (promiscuous) rte_eth_promiscuous_enable(slave);
    // Slaves of mode 4 keep their own address.
    struct rte_ether_addr own;
    if (mode != BONDING_MODE_8023AD || rte_eth_macaddr_get(slave, &own) < 0 ||
        rte_is_same_ether_addr(&own, address))
        return;
    struct rte_ether_addr added = *address;
    if (rte_eth_dev_mac_addr_add(slave, &added, 0) < 0) rte_eth_promiscuous_enable(slave);
}

/// Gives slaves the bond's key once more: some take it only when they run.
static void spread_key(uint16_t bond) {
    uint8_t key[CDPDK_rss_key_capacity];
    struct rte_eth_dev_info info;
    if (rte_eth_dev_info_get(bond, &info) < 0 || info.hash_key_size > sizeof key) return;
    struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = info.hash_key_size};
    if (rte_eth_dev_rss_hash_conf_get(bond, &conf) < 0 || conf.rss_hf == 0) return;
    rte_eth_dev_rss_hash_update(bond, &conf);
}

int CDPDK_bond_open(uint16_t bond, bool promiscuous, bool all_multicast) {
    uint16_t slaves[CDPDK_bond_capacity];
    int count = bond_members_get(bond, slaves, CDPDK_bond_capacity);
    struct rte_ether_addr address;
    int mode = rte_eth_bond_mode_get(bond);
    if (count < 0 || mode < 0 || rte_eth_macaddr_get(bond, &address) < 0) return -EINVAL;
    spread_key(bond);
    // Mode 4 looks at destinations itself, and counts broadcast among the groups.
    if (mode == BONDING_MODE_8023AD) {
        rte_eth_allmulticast_enable(bond);
        if (rte_eth_allmulticast_get(bond) != 1) rte_eth_promiscuous_enable(bond);
    }
    for (int i = 0; i < count; i++)
        open_slave(slaves[i], &address, mode, promiscuous, all_multicast);
    return 0;
}

// MARK: - Tuning

int CDPDK_bond_set_primary(uint16_t bond, uint16_t slave, const char **failed) {
    struct rte_ether_addr address;
    TRY(rte_eth_bond_primary_set(bond, slave), "rte_eth_bond_primary_set");
    int mode = rte_eth_bond_mode_get(bond);
    // Only the active slave of these modes has the bond's address, and DPDK moves it when a link
    // goes down, not when it is told another primary.
    bool moves = mode == BONDING_MODE_ACTIVE_BACKUP || mode == BONDING_MODE_TLB ||
                 mode == BONDING_MODE_ALB;
    struct rte_eth_link link;
    if (!moves || rte_eth_link_get_nowait(bond, &link) < 0 || !link.link_status) return 0;
    TRY(rte_eth_macaddr_get(bond, &address), "rte_eth_macaddr_get");
    TRY(rte_eth_bond_mac_address_set(bond, &address), "rte_eth_bond_mac_address_set");
    return 0;
}

int CDPDK_bond_tune(uint16_t bond, const CDPDK_bond_tuning *tuning, const char **failed) {
    TRY(rte_eth_bond_xmit_policy_set(bond, tuning->xmit_policy), "rte_eth_bond_xmit_policy_set");
    TRY(rte_eth_bond_link_monitoring_set(bond, tuning->monitor_interval),
        "rte_eth_bond_link_monitoring_set");
    return 0;
}

// MARK: - State

static void get_lacp(uint16_t bond, CDPDK_bond_slave *slave) {
    bond_member_info info;
    if (bond_8023ad_member_info(bond, slave->port, &info) != 0) return;
    uint8_t carries = STATE_COLLECTING | STATE_DISTRIBUTING;
    slave->is_distributing = (info.actor_state & carries) == carries;
    memcpy(slave->partner, info.partner.system.addr_bytes, sizeof slave->partner);
}

int CDPDK_bond_get_state(uint16_t bond, CDPDK_bond_state *state) {
    uint16_t slaves[CDPDK_bond_capacity], active[CDPDK_bond_capacity];
    int count = bond_members_get(bond, slaves, CDPDK_bond_capacity);
    int active_count = bond_active_members_get(bond, active, CDPDK_bond_capacity);
    int primary = rte_eth_bond_primary_get(bond), mode = rte_eth_bond_mode_get(bond);
    if (count < 0 || active_count < 0 || primary < 0 || mode < 0) return -EINVAL;
    memset(state, 0, sizeof *state);
    state->primary = (uint16_t)primary;
    state->slave_count = (uint16_t)count;
    state->xmit_policy = (uint8_t)rte_eth_bond_xmit_policy_get(bond);
    for (int i = 0; i < count; i++) {
        CDPDK_bond_slave *slave = &state->slaves[i];
        slave->port = slaves[i];
        for (int j = 0; j < active_count; j++)
            if (active[j] == slaves[i]) slave->is_active = true;
        if (mode == BONDING_MODE_8023AD && slave->is_active) get_lacp(bond, slave);
    }
    return 0;
}

// MARK: - Bursts

void CDPDK_bond_restore_address(uint16_t bond, CPacket_buffer **buffers, uint16_t count) {
    struct rte_ether_addr address;
    if (rte_eth_macaddr_get(bond, &address) < 0) return;
    for (uint16_t i = 0; i < count; i++) {
        struct rte_mbuf *frame = (struct rte_mbuf *)buffers[i];
        struct rte_ether_hdr *header = rte_pktmbuf_mtod(frame, struct rte_ether_hdr *);
        for (unsigned j = 0; j < own_addresses[bond].count; j++)
            if (rte_is_same_ether_addr(&header->dst_addr, &own_addresses[bond].addresses[j]))
                header->dst_addr = address;
    }
}
