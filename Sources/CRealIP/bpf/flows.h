// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// UDP flows: who is behind a local address of the balancer, and by which local address a client is
// answered.
//
// A socket that is bound to no address does not tell by which of the host's addresses a datagram came. So a flow
// is kept without the server's address, and where two addresses of the server share the rest, each has an entry with
// its address besides; a socket without an address is told nothing then, rather than the wrong client.
#ifndef REALIP_FLOWS_H
#define REALIP_FLOWS_H

#include "common.h"

/// Entries that are in use are marked as seen at most once in so many nanoseconds.
static const __u64 seen_interval = 1000 * 1000 * 1000;

static __always_inline int is_fresh(const flow_t *flow, __u64 now) {
    return now - flow->seen < settings.idle;
}

/// Stores `flow` under `key`, whose `local` is zero.
static __noinline void remember(void *map, flow_key_t *key, flow_t *flow) {
    flow_t *former = bpf_map_lookup_elem(map, key);
    if (former && is_fresh(former, flow->seen) &&
        (former->is_shared || !is_same(&former->local, &flow->local))) {
        flow_key_t own = *key;
        if (!former->is_shared) {
            flow_t copy = *former;
            copy.is_shared = 1;
            own.local = copy.local;
            bpf_map_update_elem(map, &own, &copy, BPF_ANY);
        }
        flow->is_shared = 1;
        own.local = flow->local;
        bpf_map_update_elem(map, &own, flow, BPF_ANY);
    }
    bpf_map_update_elem(map, key, flow, BPF_ANY);
}

/// The flow of a socket that has the address `local`, zero for any; NULL when it is not known. Where several share
/// the key a socket with any address gets the one stored last when `takes_any` is 1.
static __always_inline flow_t *recall(void *map, flow_key_t *key, const address_t *local, int takes_any) {
    flow_t *flow = bpf_map_lookup_elem(map, key);
    if (!flow) return NULL;
    __u64 now = bpf_ktime_get_ns();
    if (!is_zero(local) && !is_same(local, &flow->local)) {
        if (!flow->is_shared) return NULL;
        flow_key_t own = *key;
        own.local = *local;
        flow = bpf_map_lookup_elem(map, &own);
        if (!flow) return NULL;
    } else if (is_zero(local) && flow->is_shared && !takes_any && is_fresh(flow, now)) {
        count(CRealIP_flow_ambiguous);
        return NULL;
    }
    if (!is_fresh(flow, now)) return NULL;
    if (now - flow->seen > seen_interval) flow->seen = now;
    return flow;
}

/// A datagram told that `client` is behind the remote end of `key`, a local address of the balancer.
static __always_inline void learn(flow_key_t *key, const address_t *server, const endpoint_t *client) {
    flow_t in = {.other = *client, .local = *server, .seen = bpf_ktime_get_ns()};
    flow_t out = {.other = key->remote, .local = *server, .seen = in.seen};
    flow_key_t back = {.remote = *client, .local_port = key->local_port};
    remember(&flows_in, key, &in);
    remember(&flows_out, &back, &out);
}

/// One client by two services is two flows: it is answered by the one that the server last received from.
static __always_inline void answer_by(const flow_key_t *key, const flow_t *in) {
    flow_key_t back = {.remote = in->other, .local_port = key->local_port};
    flow_t *out = bpf_map_lookup_elem(&flows_out, &back);
    if (out && out->other.port == key->remote.port &&
        is_same(&out->other.address, &key->remote.address) && is_same(&out->local, &in->local)) {
        if (in->seen - out->seen > seen_interval) out->seen = in->seen;
        return;
    }
    flow_t new = {.other = key->remote, .local = in->local, .seen = in->seen};
    remember(&flows_out, &back, &new);
}

#endif
