// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What system calls of programs see: accept(2), getpeername(2), recvmsg(2) and their kin are told the client;
// sendmsg(2) and connect(2) to a client go to the balancer. Each hook may change the address of the call and
// nothing else, and returning 1 lets the call go on.
#ifndef REALIP_CALLS_H
#define REALIP_CALLS_H

#include "connections.h"
#include "flows.h"

static __always_inline endpoint_t called_ipv4(struct bpf_sock_addr *context) {
    return (endpoint_t){.address = mapped(CONTEXT_READ(context, user_ip4)),
                        .port = (__be16)CONTEXT_READ(context, user_port)};
}

static __always_inline endpoint_t called_ipv6(struct bpf_sock_addr *context) {
    endpoint_t called = {.port = (__be16)CONTEXT_READ(context, user_port)};
    called.address.words[0] = CONTEXT_READ(context, user_ip6[0]);
    called.address.words[1] = CONTEXT_READ(context, user_ip6[1]);
    called.address.words[2] = CONTEXT_READ(context, user_ip6[2]);
    called.address.words[3] = CONTEXT_READ(context, user_ip6[3]);
    return called;
}

static __always_inline void tell_ipv4(struct bpf_sock_addr *context, const endpoint_t *told) {
    CONTEXT_WRITE(context, user_ip4, told->address.words[3]);
    CONTEXT_WRITE(context, user_port, told->port);
}

static __always_inline void tell_ipv6(struct bpf_sock_addr *context, const endpoint_t *told) {
    CONTEXT_WRITE(context, user_ip6[0], told->address.words[0]);
    CONTEXT_WRITE(context, user_ip6[1], told->address.words[1]);
    CONTEXT_WRITE(context, user_ip6[2], told->address.words[2]);
    CONTEXT_WRITE(context, user_ip6[3], told->address.words[3]);
    CONTEXT_WRITE(context, user_port, told->port);
}

/// The address that a socket is bound to for datagrams of the family of `remote`; zero for any.
static __always_inline address_t bound_address(struct bpf_sock *socket, const address_t *remote) {
    if (is_ipv4(remote)) {
        __u32 address = socket->src_ip4;
        return address ? mapped(address) : (address_t){};
    }
    return (address_t){
        .words = {socket->src_ip6[0], socket->src_ip6[1], socket->src_ip6[2], socket->src_ip6[3]}};
}

static __always_inline flow_key_t key_of(struct bpf_sock *socket, const endpoint_t *remote) {
    return (flow_key_t){.remote = *remote, .local_port = bpf_htons((__u16)socket->src_port)};
}

/// The client behind `remote` of a UDP socket, into `told`; 0 when the address stays as it is.
///
/// It stays, too, where the client is of the other family (NAT64): what the program would send to it
/// could not be brought back. getsockopt tells.
static __always_inline int client_of_flow(struct bpf_sock *socket, const endpoint_t *remote, int is_receiving,
                                          endpoint_t *told) {
    flow_key_t key = key_of(socket, remote);
    address_t local = bound_address(socket, &remote->address);
    flow_t *flow = recall(&flows_in, &key, &local, 0);
    if (!flow) {
        // Whoever sends without the balancer's help is answered directly.
        if (is_receiving && settings.rewrites_datagrams) bpf_map_delete_elem(&flows_out, &key);
        return 0;
    }
    if (is_receiving && settings.keeps_last_flow) {
        flow_key_t *last = bpf_sk_storage_get(&last_flows, socket, NULL, BPF_SK_STORAGE_GET_F_CREATE);
        if (last) {
            *last = key;
            last->local = flow->local;
        }
    }
    if (!settings.rewrites_datagrams || is_ipv4(&flow->other.address) != is_ipv4(&remote->address)) return 0;
    if (is_receiving) answer_by(&key, flow);
    *told = flow->other;
    return 1;
}

/// The balancer's local address by which `remote`, a client, is answered; 0 when it is none.
static __always_inline int balancer_of_flow(struct bpf_sock *socket, const endpoint_t *remote,
                                            endpoint_t *told) {
    if (socket->protocol != IPPROTO_UDP) return 0;
    flow_key_t key = key_of(socket, remote);
    address_t local = bound_address(socket, &remote->address);
    flow_t *flow = recall(&flows_out, &key, &local, 1);
    if (!flow || is_ipv4(&flow->other.address) != is_ipv4(&remote->address)) return 0;
    *told = flow->other;
    return 1;
}

// MARK: - IPv4

SEC("cgroup/getpeername4")
int realip_peer4(struct bpf_sock_addr *context) {
    struct bpf_sock *socket = context->sk;
    if (!socket) return 1;
    endpoint_t remote = called_ipv4(context), told = {};
    if (socket->protocol == IPPROTO_UDP) {
        if (!client_of_flow(socket, &remote, 0, &told)) return 1;
    } else {
        endpoint_t *client = client_of(socket, &remote);
        // A socket of IPv4 cannot be told an IPv6 client (NAT64); getsockopt does.
        if (!client || !is_ipv4(&client->address)) return 1;
        told = *client;
    }
    tell_ipv4(context, &told);
    count(CRealIP_peer_told);
    return 1;
}

SEC("cgroup/recvmsg4")
int realip_receive4(struct bpf_sock_addr *context) {
    struct bpf_sock *socket = context->sk;
    if (!socket) return 1;
    endpoint_t remote = called_ipv4(context), told = {};
    if (!client_of_flow(socket, &remote, 1, &told)) return 1;
    tell_ipv4(context, &told);
    count(CRealIP_receive_told);
    return 1;
}

static __always_inline int translate4(struct bpf_sock_addr *context, enum CRealIP_counter counter) {
    struct bpf_sock *socket = context->sk;
    if (!socket) return 1;
    endpoint_t remote = called_ipv4(context), told = {};
    if (!balancer_of_flow(socket, &remote, &told)) return 1;
    tell_ipv4(context, &told);
    count(counter);
    return 1;
}

SEC("cgroup/sendmsg4")
int realip_send4(struct bpf_sock_addr *context) { return translate4(context, CRealIP_send_translated); }

SEC("cgroup/connect4")
int realip_connect4(struct bpf_sock_addr *context) {
    return translate4(context, CRealIP_connect_translated);
}

// MARK: - IPv6, and IPv4 on sockets of both families

SEC("cgroup/getpeername6")
int realip_peer6(struct bpf_sock_addr *context) {
    struct bpf_sock *socket = context->sk;
    if (!socket) return 1;
    endpoint_t remote = called_ipv6(context), told = {};
    if (socket->protocol == IPPROTO_UDP) {
        if (!client_of_flow(socket, &remote, 0, &told)) return 1;
    } else {
        endpoint_t *client = client_of(socket, &remote);
        if (!client) return 1;
        told = *client;
    }
    tell_ipv6(context, &told);
    count(CRealIP_peer_told);
    return 1;
}

SEC("cgroup/recvmsg6")
int realip_receive6(struct bpf_sock_addr *context) {
    struct bpf_sock *socket = context->sk;
    if (!socket) return 1;
    endpoint_t remote = called_ipv6(context), told = {};
    if (!client_of_flow(socket, &remote, 1, &told)) return 1;
    tell_ipv6(context, &told);
    count(CRealIP_receive_told);
    return 1;
}

static __always_inline int translate6(struct bpf_sock_addr *context, enum CRealIP_counter counter) {
    struct bpf_sock *socket = context->sk;
    if (!socket) return 1;
    endpoint_t remote = called_ipv6(context), told = {};
    if (!balancer_of_flow(socket, &remote, &told)) return 1;
    tell_ipv6(context, &told);
    count(counter);
    return 1;
}

SEC("cgroup/sendmsg6")
int realip_send6(struct bpf_sock_addr *context) { return translate6(context, CRealIP_send_translated); }

/// Mapped IPv4 comes here, too; sendto(2) with it goes to sendmsg4.
SEC("cgroup/connect6")
int realip_connect6(struct bpf_sock_addr *context) {
    return translate6(context, CRealIP_connect_translated);
}

#endif
