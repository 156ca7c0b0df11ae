// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// TCP: the option that tells the client's address (TOA), read once when a connection is accepted.
#ifndef REALIP_CONNECTIONS_H
#define REALIP_CONNECTIONS_H

#include "common.h"

enum { TCP_HEADER = 20, TOA_KIND = 254, TOA_IPV4 = 8, TOA_IPV6 = 20 };

static __always_inline __u32 word_at(const __u8 *octets) {
    __u32 word;
    __builtin_memcpy(&word, octets, sizeof word);
    return word;
}

/// Reads the option directly behind the fixed header, where the balancer puts it, of the segment from `data` to
/// `end`; 0 when there is none. What a client sends further back is not looked at.
static __always_inline int read_option(void *data, void *end, endpoint_t *client) {
    __u8 *option = data + TCP_HEADER;
    // One pointer with a constant offset: variable ones are refused without CAP_PERFMON.
    asm volatile("" : "+r"(option));
    if ((void *)(option + TOA_IPV4) > end || option[0] != TOA_KIND) return 0;
    client->port = *(__be16 *)(option + 2);
    if (option[1] == TOA_IPV4) {
        client->address = mapped(word_at(option + 4));
        return 1;
    }
    if (option[1] != TOA_IPV6 || (void *)(option + TOA_IPV6) > end) return 0;
    client->address.words[0] = word_at(option + 4);
    client->address.words[1] = word_at(option + 8);
    client->address.words[2] = word_at(option + 12);
    client->address.words[3] = word_at(option + 16);
    return 1;
}

/// Runs when the kernel calls a connection established that somebody else began: `skb_data` is the segment that
/// ended the handshake, and accept(2) has not returned yet.
SEC("sockops")
int realip_established(struct bpf_sock_ops *context) {
    if (context->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) return 1;
    struct bpf_sock *socket = context->sk;
    if (!socket) return 1;
    flow_key_t key = {};
    if (context->family == AF_INET) {
        key.remote.address = mapped(CONTEXT_READ(context, remote_ip4));
    } else {
        key.remote.address.words[0] = CONTEXT_READ(context, remote_ip6[0]);
        key.remote.address.words[1] = CONTEXT_READ(context, remote_ip6[1]);
        key.remote.address.words[2] = CONTEXT_READ(context, remote_ip6[2]);
        key.remote.address.words[3] = CONTEXT_READ(context, remote_ip6[3]);
    }
    // Network order in the upper half; the local port is in host order.
    key.remote.port = (__be16)(context->remote_port >> 16);
    key.local_port = bpf_htons((__u16)context->local_port);

    endpoint_t client = {};
    if (!read_option(context->skb_data, context->skb_data_end, &client)) {
        count(CRealIP_connection_without);
        if (settings.serves_multipath) bpf_map_delete_elem(&multipath_clients, &key);
        return 1;
    }
    if (!is_believed(&key.remote.address)) {
        count(CRealIP_connection_forged);
        return 1;
    }
    endpoint_t *stored = bpf_sk_storage_get(&clients, socket, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    if (stored) *stored = client;
    if (settings.serves_multipath) bpf_map_update_elem(&multipath_clients, &key, &client, BPF_ANY);
    count(is_ipv4(&client.address) ? CRealIP_connection_ipv4 : CRealIP_connection_ipv6);
    return 1;
}

/// The client of a connected TCP socket, NULL when none was told. `peer` is what the kernel calls it.
static __always_inline endpoint_t *client_of(struct bpf_sock *socket, const endpoint_t *peer) {
    if (socket->protocol == IPPROTO_TCP) return bpf_sk_storage_get(&clients, socket, NULL, 0);
    if (!settings.serves_multipath || socket->protocol != IPPROTO_MPTCP) return NULL;
    flow_key_t key = {.remote = *peer, .local_port = bpf_htons((__u16)socket->src_port)};
    return bpf_map_lookup_elem(&multipath_clients, &key);
}

#endif
