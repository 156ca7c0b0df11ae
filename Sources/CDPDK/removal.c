// SPDX-License-Identifier: Apache-2.0
//
// Devices that are taken away while they run.
//
// The kernel asks whoever has a device under vfio to let go of it, and waits until that is done; a
// driver that shares its device with the kernel tells when it has gone.
#define ALLOW_EXPERIMENTAL_API
#include "CDPDK.h"
#include "removal.h"

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <string.h>

bool CDPDK_absent[RTE_MAX_ETHPORTS];

/// Ports whose devices are to go, by DPDK's thread for interrupts, and those that have gone.
static bool is_wanted_back[RTE_MAX_ETHPORTS], has_gone[RTE_MAX_ETHPORTS];

/// Whether `port` is, or is a part of, the device that a bus calls `name`.
static bool belongs_to(uint16_t port, const char *name) {
    struct rte_eth_dev_info info;
    return rte_eth_dev_info_get(port, &info) == 0 && info.device != NULL &&
           strcmp(rte_dev_name(info.device), name) == 0;
}

static void note_request(const char *name, enum rte_dev_event_type type, void *context) {
    (void)context;
    uint16_t port;
    if (type != RTE_DEV_EVENT_REMOVE || name == NULL) return;
    RTE_ETH_FOREACH_DEV(port)
    if (belongs_to(port, name)) __atomic_store_n(&is_wanted_back[port], true, __ATOMIC_RELEASE);
}

static int note_removal(uint16_t port, enum rte_eth_event_type type, void *context, void *more) {
    (void)type, (void)context, (void)more;
    __atomic_store_n(&is_wanted_back[port], true, __ATOMIC_RELEASE);
    return 0;
}

int CDPDK_watch_removals(void) {
    int result = rte_dev_event_callback_register(NULL, note_request, NULL);
    if (result < 0) return result;
    return rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_INTR_RMV, note_removal, NULL);
}

bool CDPDK_port_is_wanted_back(uint16_t port) {
    return __atomic_load_n(&is_wanted_back[port], __ATOMIC_ACQUIRE);
}

void CDPDK_port_leave(uint16_t port) {
    __atomic_store_n(&CDPDK_absent[port], true, __ATOMIC_RELEASE);
}

int CDPDK_port_let_go(uint16_t port) {
    struct rte_eth_dev_info info;
    int result = rte_eth_dev_info_get(port, &info);
    if (result < 0) return result;
    __atomic_store_n(&has_gone[port], true, __ATOMIC_RELEASE);
    rte_eth_dev_stop(port);
    // The device of a bus may have more ports, which go with it.
    return rte_dev_remove((struct rte_device *)(uintptr_t)info.device);
}

bool CDPDK_port_is_removed(uint16_t port) {
    return __atomic_load_n(&has_gone[port], __ATOMIC_ACQUIRE) || rte_eth_dev_is_removed(port) == 1;
}
