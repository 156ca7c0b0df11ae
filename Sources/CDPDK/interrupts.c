// SPDX-License-Identifier: Apache-2.0
#include "CDPDK.h"
#include "removal.h"

#include <errno.h>
#include <fcntl.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

bool CDPDK_pool_is_one_piece(const CDPDK_pool *pool) {
    return ((const struct rte_mempool *)pool)->nb_mem_chunks == 1;
}

int CDPDK_queue_descriptor(uint16_t port, uint16_t queue, bool duplicate) {
    int descriptor = rte_eth_dev_rx_intr_ctl_q_get_fd(port, queue);
    if (descriptor < 0 || !duplicate) return descriptor;
    int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    return copy < 0 ? -errno : copy;
}

// Drivers whose descriptors tell of frames in any case, net_tap for one, do not know these calls.

void CDPDK_enable_interrupt(uint16_t port, uint16_t queue) {
    if (!is_absent(port)) (void)rte_eth_dev_rx_intr_enable(port, queue);
}

void CDPDK_disable_interrupt(uint16_t port, uint16_t queue) {
    if (!is_absent(port)) (void)rte_eth_dev_rx_intr_disable(port, queue);
}
