// SPDX-License-Identifier: Apache-2.0
//
// DPDK's bonding under one set of names: DPDK 23.11 renamed slaves to members, functions and types
// alike, and marked the new functions as experimental at first. Include this before any other
// header of DPDK: rte_compat.h looks at ALLOW_EXPERIMENTAL_API once.
#ifndef CDPDK_BONDING_H
#define CDPDK_BONDING_H

#include <rte_config.h>

#if RTE_VER_YEAR * 100 + RTE_VER_MONTH >= 2311
#ifndef ALLOW_EXPERIMENTAL_API
#define ALLOW_EXPERIMENTAL_API
#endif
#include <rte_eth_bond.h>
#include <rte_eth_bond_8023ad.h>
typedef struct rte_eth_bond_8023ad_member_info bond_member_info;
#define bond_member_add rte_eth_bond_member_add
#define bond_member_remove rte_eth_bond_member_remove
#define bond_members_get rte_eth_bond_members_get
#define bond_active_members_get rte_eth_bond_active_members_get
#define bond_8023ad_member_info rte_eth_bond_8023ad_member_info
#define BOND_MEMBER_ADD "rte_eth_bond_member_add"
#else
#include <rte_eth_bond.h>
#include <rte_eth_bond_8023ad.h>
typedef struct rte_eth_bond_8023ad_slave_info bond_member_info;
#define bond_member_add rte_eth_bond_slave_add
#define bond_member_remove rte_eth_bond_slave_remove
#define bond_members_get rte_eth_bond_slaves_get
#define bond_active_members_get rte_eth_bond_active_slaves_get
#define bond_8023ad_member_info rte_eth_bond_8023ad_slave_info
#define BOND_MEMBER_ADD "rte_eth_bond_slave_add"
#endif

#endif
