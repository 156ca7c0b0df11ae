// SPDX-License-Identifier: Apache-2.0
//
// The memory layouts and single instructions of the packet path: what Swift cannot express or
// import. No function here calls another library and none includes a DPDK header.
#ifndef CPACKET_H
#define CPACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

// MARK: - Packet buffer

/// The mirror of `struct rte_mbuf` (DPDK 22.11 to 24.11).
///
/// The original does not import into Swift ("over aligned"), so this plain struct has the same
/// fields at the same offsets; `CDPDK/mirror.c` asserts every one of them. Memory ports lay out
/// their own buffers the same way, so that the dataplane sees one kind of packet.
typedef struct CPacket_buffer {
    /// First byte of the data room; the frame starts at `buf_addr + data_off`.
    void *buf_addr;
    uint64_t buf_iova;
    uint16_t data_off;
    uint16_t refcnt;
    uint16_t nb_segs;
    /// Port that received the frame.
    uint16_t port;
    uint64_t ol_flags;
    uint32_t packet_type;
    /// Octets in all segments.
    uint32_t pkt_len;
    /// Octets in this segment.
    uint16_t data_len;
    uint16_t vlan_tci;
    uint32_t rss_hash;
    uint32_t hash_high;
    uint16_t vlan_tci_outer;
    uint16_t buf_len;
    void *pool;
    // Second cache line: touched on transmit with offloads only.
    struct CPacket_buffer *next;
    /// l2_len : 7, l3_len : 9, l4_len : 8, ... (RTE_MBUF_L2_LEN_BITS and so on).
    uint64_t tx_offload;
    void *shinfo;
    uint16_t priv_size;
    uint16_t timesync;
    uint32_t dynfield1[9];
} CPacket_buffer;

/// `ol_flags` bits, asserted equal to DPDK's in `CDPDK/mirror.c`. "Bad" and "good" of one checksum
/// together say that the data are whole and the checksum is unfinished.
enum {
    CPacket_rx_vlan_bit = 0,
    CPacket_rx_rss_hash_bit = 1,
    CPacket_rx_l4_checksum_bad_bit = 3,
    CPacket_rx_ip_checksum_bad_bit = 4,
    CPacket_rx_vlan_stripped_bit = 6,
    CPacket_rx_ip_checksum_good_bit = 7,
    CPacket_rx_l4_checksum_good_bit = 8,
};

// MARK: - Single instructions

/// Asks for the cache line at `address`; reading it later does not wait so long.
static inline void CPacket_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

/// Asks for the cache line at `address` in a state that can be written.
static inline void CPacket_prefetch_write(const void *address) {
    __builtin_prefetch(address, 1, 3);
}

/// The processor's time-stamp counter: constant rate, not serialising.
static inline uint64_t CPacket_cycles(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t value;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
    return value;
#else
#error "no cycle counter known for this architecture"
#endif
}

/// Tells the processor that this thread spins.
static inline void CPacket_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// Compares the eight 16-bit tags at `tags` (16-byte aligned) with `tag`.
///
/// Returns a mask with bit `2 * i` set for each equal tag `i`.
static inline uint32_t CPacket_match_tags(const void *tags, uint16_t tag) {
#if defined(__x86_64__)
    __m128i row = _mm_load_si128((const __m128i *)tags);
    __m128i equal = _mm_cmpeq_epi16(row, _mm_set1_epi16((short)tag));
    return (uint32_t)_mm_movemask_epi8(equal) & 0x5555u;
#else
    const uint16_t *row = (const uint16_t *)tags;
    uint32_t mask = 0;
    for (int i = 0; i < 8; i++) mask |= (uint32_t)(row[i] == tag) << (2 * i);
    return mask;
#endif
}

// MARK: - CRC32c

/// Advances the register `crc` of a CRC with the polynomial of RFC 9260 Appendix A over `length`
/// octets at `data`; begins at and ends with what the caller makes of it.
uint32_t CPacket_crc32c(uint32_t crc, const void *data, size_t length);

/// The same on any processor: what `CPacket_crc32c` is where there is no instruction for it.
uint32_t CPacket_crc32c_portable(uint32_t crc, const void *data, size_t length);

// MARK: - Words shared between threads

// One thread writes a counter, others read it: relaxed atomics make the reads whole and cost the
// writer a plain load, add and store.

static inline void CPacket_counter_add(uint64_t *counter, uint64_t amount) {
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + amount,
                     __ATOMIC_RELAXED);
}
static inline uint64_t CPacket_load_relaxed(const uint64_t *word) {
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}
static inline uint64_t CPacket_load_acquire(const uint64_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
static inline void CPacket_store_relaxed(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}
static inline void CPacket_store_release(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
/// These return the value before, for the few words that several threads write.
static inline uint64_t CPacket_fetch_or(uint64_t *word, uint64_t bits) {
    return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}
static inline uint64_t CPacket_fetch_and(uint64_t *word, uint64_t bits) {
    return __atomic_fetch_and(word, bits, __ATOMIC_SEQ_CST);
}
static inline uint64_t CPacket_fetch_add(uint64_t *word, uint64_t amount) {
    return __atomic_fetch_add(word, amount, __ATOMIC_SEQ_CST);
}
/// Whether the word was `expected`; then it is `value` now.
static inline bool CPacket_exchange(uint64_t *word, uint64_t expected, uint64_t value) {
    return __atomic_compare_exchange_n(word, &expected, value, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}
/// Orders every earlier store before every later load, for the sleep and wake-up handshake.
static inline void CPacket_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/// Puts `wanted` in the place of `expected`; false, and nothing done, when another value is there.
static inline bool CPacket_exchange_if_equal(uint64_t *word, uint64_t expected, uint64_t wanted) {
    return __atomic_compare_exchange_n(word, &expected, wanted, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

static inline uint32_t CPacket_load32_acquire(const uint32_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
static inline uint32_t CPacket_load32_relaxed(const uint32_t *word) {
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}
static inline void CPacket_store32_release(uint32_t *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
static inline void CPacket_store32_relaxed(uint32_t *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

#ifdef __cplusplus
}
#endif
#endif
