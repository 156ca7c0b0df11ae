// SPDX-License-Identifier: Apache-2.0
#include "CDPDK.h"
#include "removal.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

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
    if (__builtin_expect(is_absent(port), 0)) return 0;
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
    if (__builtin_expect(is_absent(port), 0)) return 0;
    return rte_eth_tx_burst(port, queue, (struct rte_mbuf **)buffers, count);
}
