// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Maps, counters and addresses of the programs.
#ifndef REALIP_COMMON_H
#define REALIP_COMMON_H

#include <linux/bpf.h>
#include <linux/in.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "../include/CRealIPLayouts.h"

// UAPI headers have these only in headers of the C library.
#define AF_INET 2
#define AF_INET6 10
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

typedef struct CRealIP_address address_t;
typedef struct CRealIP_endpoint endpoint_t;
typedef struct CRealIP_flow_key flow_key_t;
typedef struct CRealIP_flow flow_t;

/// Set before the programs are loaded.
const volatile struct CRealIP_settings settings = {
    .idle = 360ULL * 1000 * 1000 * 1000,
    .rewrites_datagrams = 1,
};

/// Source addresses that are a balancer's: only what comes from them is believed.
struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 4096);
    __type(key, struct CRealIP_prefix);
    __type(value, __u8);
} believed SEC(".maps");

/// The client of a TCP connection; the kernel frees it with the socket.
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, endpoint_t);
} clients SEC(".maps");

/// The same by the balancer's local address: a socket of Multipath TCP is not the one that the segments
/// belong to.
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1);
    __type(key, flow_key_t);
    __type(value, endpoint_t);
} multipath_clients SEC(".maps");

/// UDP: the client by the balancer's local address.
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1);
    __type(key, flow_key_t);
    __type(value, flow_t);
} flows_in SEC(".maps");

/// UDP: the balancer's local address by the client.
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1);
    __type(key, flow_key_t);
    __type(value, flow_t);
} flows_out SEC(".maps");

/// The flow that a UDP socket last received from.
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, flow_key_t);
} last_flows SEC(".maps");

/// See enum CRealIP_counter; one number for each CPU, so that nothing is shared.
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, CRealIP_counter_count);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(enum CRealIP_counter which) {
    __u32 index = which;
    __u64 *value = bpf_map_lookup_elem(&counters, &index);
    if (value) (*value)++;
}

// The kernel accepts reads and writes of a context at constant offsets of whole fields only. Compilers merge
// neighbours into one of eight octets, and reads of two branches into one through a pointer; assembly stays as
// it is.
#define CONTEXT_READ(context, field)                                                                       \
    ({                                                                                                     \
        __u32 _value;                                                                                      \
        asm volatile("%0 = *(u32 *)(%1 + %2)"                                                              \
                     : "=r"(_value)                                                                        \
                     : "r"(context), "i"(offsetof(__typeof__(*(context)), field)));                        \
        _value;                                                                                            \
    })
#define CONTEXT_WRITE(context, field, value)                                                               \
    ({                                                                                                     \
        __u32 _value = (value);                                                                            \
        asm volatile("*(u32 *)(%0 + %2) = %1" ::"r"(context), "r"(_value),                                 \
                     "i"(offsetof(__typeof__(*(context)), field))                                          \
                     : "memory");                                                                          \
    })

static __always_inline address_t mapped(__be32 ipv4) {
    return (address_t){.words = {0, 0, bpf_htonl(0xffff), ipv4}};
}

static __always_inline int is_ipv4(const address_t *address) {
    return address->words[0] == 0 && address->words[1] == 0 && address->words[2] == bpf_htonl(0xffff);
}

static __always_inline int is_zero(const address_t *address) {
    return (address->words[0] | address->words[1] | address->words[2] | address->words[3]) == 0;
}

static __always_inline int is_same(const address_t *one, const address_t *other) {
    return one->words[0] == other->words[0] && one->words[1] == other->words[1] &&
           one->words[2] == other->words[2] && one->words[3] == other->words[3];
}

/// Whether `source` is an address of a balancer.
static __always_inline int is_believed(const address_t *source) {
    struct CRealIP_prefix key = {.length = 128, .address = *source};
    return bpf_map_lookup_elem(&believed, &key) != NULL;
}

#endif
