// SPDX-License-Identifier: Apache-2.0
#include "CDPDK.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

// MARK: - Pools

CDPDK_pool *CDPDK_make_pool(const char *name, unsigned count, unsigned cache, uint16_t room,
                            int socket, int *error) {
    struct rte_mempool *pool = rte_pktmbuf_pool_create(
        name, count, cache, 0, (uint16_t)(room + RTE_PKTMBUF_HEADROOM), socket);
    *error = pool ? 0 : -rte_errno;
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
