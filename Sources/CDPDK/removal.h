// SPDX-License-Identifier: Apache-2.0
#ifndef CDPDK_REMOVAL_H
#define CDPDK_REMOVAL_H

#include <rte_config.h>
#include <stdbool.h>
#include <stdint.h>

/// Ports whose queues nobody may touch any more: written by the control side, read for each burst.
extern bool CDPDK_absent[RTE_MAX_ETHPORTS];

static inline bool is_absent(uint16_t port) {
    return __atomic_load_n(&CDPDK_absent[port], __ATOMIC_RELAXED);
}

#endif
