// SPDX-License-Identifier: Apache-2.0
#include "CDPDK.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

// MARK: - Pools

/// What rte_pktmbuf_pool_create does, with a choice of flags.
///
/// Without hugepages no device reads packets by I/O address, and a buffer that need not be
/// contiguous there may cross pages of 4 KiB: otherwise each would take one of its own.
CDPDK_pool *CDPDK_make_pool(const char *name, unsigned count, unsigned cache, uint16_t room,
                            int socket, int *error) {
    uint16_t data_room = (uint16_t)(room + RTE_PKTMBUF_HEADROOM);
    struct rte_pktmbuf_pool_private private_data = {.mbuf_data_room_size = data_room};
    unsigned flags = rte_eal_has_hugepages() ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG;
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
        *error = rte_mempool_populate_default(pool);
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

// MARK: - Bursts

enum { shortest_frame = 14 };

static uint64_t unusable_frames;

uint64_t CDPDK_unusable_frames(void) {
    return __atomic_load_n(&unusable_frames, __ATOMIC_RELAXED);
}

/// Makes a frame one segment; false when it cannot be used.
static bool make_usable(struct rte_mbuf *frame) {
    return frame->pkt_len >= shortest_frame &&
           (frame->nb_segs == 1 || rte_pktmbuf_linearize(frame) == 0);
}

uint16_t CDPDK_receive(uint16_t port, uint16_t queue, CPacket_buffer **buffers, uint16_t count) {
    struct rte_mbuf **frames = (struct rte_mbuf **)buffers;
    uint16_t received = rte_eth_rx_burst(port, queue, frames, count);
    uint16_t usable = 0;
    for (uint16_t i = 0; i < received; i++) {
        struct rte_mbuf *frame = frames[i];
        if (__builtin_expect(frame->nb_segs == 1 && frame->pkt_len >= shortest_frame, 1) ||
            make_usable(frame)) {
            frames[usable++] = frame;
        } else {
            rte_pktmbuf_free(frame);
            __atomic_fetch_add(&unusable_frames, 1, __ATOMIC_RELAXED);
        }
    }
    return usable;
}

uint16_t CDPDK_transmit(uint16_t port, uint16_t queue, CPacket_buffer **buffers, uint16_t count) {
    return rte_eth_tx_burst(port, queue, (struct rte_mbuf **)buffers, count);
}
