// SPDX-License-Identifier: Apache-2.0
#include "CDPDK.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <stdio.h>

static void free_zone(struct rte_mempool_memhdr *header, void *zone) {
    (void)header;
    rte_memzone_free((const struct rte_memzone *)zone);
}

/// Fills a pool with memory in pages of 4 KiB whose I/O addresses are its virtual ones.
///
/// In a pool that must be contiguous for devices each buffer would get pages of its own, lest it
/// cross two that lie apart for the device; in one that need not be, rte_mempool_populate_default
/// gives buffers no I/O address at all. Where virtual addresses are I/O addresses no two pages lie
/// apart, so here the pool is one that need not be, and gets its addresses all the same.
static int populate_plain(struct rte_mempool *pool) {
    size_t smallest, alignment;
    ssize_t size =
        rte_mempool_op_calc_mem_size_default(pool, pool->size, 0, &smallest, &alignment);
    if (size < 0) return (int)size;
    char name[RTE_MEMZONE_NAMESIZE];
    if (snprintf(name, sizeof name, RTE_MEMPOOL_MZ_FORMAT "_p", pool->name) >= (int)sizeof name)
        return -ENAMETOOLONG;
    const struct rte_memzone *zone =
        rte_memzone_reserve_aligned(name, (size_t)size, pool->socket_id, 0, (unsigned)alignment);
    if (zone == NULL) return -rte_errno;
    int placed = rte_mempool_populate_iova(pool, zone->addr, (rte_iova_t)(uintptr_t)zone->addr,
                                           zone->len, free_zone, (void *)(uintptr_t)zone);
    if (placed < 0) {
        rte_memzone_free(zone);
        return placed;
    }
    return (unsigned)placed == pool->size ? 0 : -ENOMEM;
}

/// What rte_pktmbuf_pool_create does, with a choice of flags.
///
/// Without hugepages and with physical I/O addresses no device can be told where a buffer is, and
/// a start on one that would have to be told is refused; others read packets themselves, so there a
/// buffer may cross pages.
CDPDK_pool *CDPDK_make_pool(const char *name, unsigned count, unsigned cache, uint16_t room,
                            int socket, int *error) {
    uint16_t data_room = (uint16_t)(room + RTE_PKTMBUF_HEADROOM);
    struct rte_pktmbuf_pool_private private_data = {.mbuf_data_room_size = data_room};
    bool is_plain = !rte_eal_has_hugepages();
    bool is_virtual = rte_eal_iova_mode() == RTE_IOVA_VA;
    unsigned flags = is_plain ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0;
    struct rte_mempool *pool =
        rte_mempool_create_empty(name, count, (unsigned)(sizeof(struct rte_mbuf) + data_room), cache,
                                 sizeof private_data, socket, flags);
    if (pool == NULL) {
        *error = -rte_errno;
        return NULL;
    }
    *error = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL);
    if (*error == 0) {
        rte_pktmbuf_pool_init(pool, &private_data);
        *error = is_plain && is_virtual ? populate_plain(pool) : rte_mempool_populate_default(pool);
    }
    if (*error < 0) {
        rte_mempool_free(pool);
        return NULL;
    }
    rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
    *error = 0;
    return (CDPDK_pool *)pool;
}

void CDPDK_free_pool(CDPDK_pool *pool) { rte_mempool_free((struct rte_mempool *)pool); }

unsigned CDPDK_pool_available(const CDPDK_pool *pool) {
    return rte_mempool_avail_count((const struct rte_mempool *)pool);
}

unsigned CDPDK_pool_in_use(const CDPDK_pool *pool) {
    return rte_mempool_in_use_count((const struct rte_mempool *)pool);
}

CPacket_buffer *CDPDK_allocate(CDPDK_pool *pool) {
    return (CPacket_buffer *)rte_pktmbuf_alloc((struct rte_mempool *)pool);
}

void CDPDK_free(CPacket_buffer **buffers, unsigned count) {
    rte_pktmbuf_free_bulk((struct rte_mbuf **)buffers, count);
}
