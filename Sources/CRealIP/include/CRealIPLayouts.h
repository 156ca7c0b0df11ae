// SPDX-License-Identifier: Apache-2.0 OR (GPL-2.0-only OR BSD-2-Clause)
//
// What the eBPF programs of `dpvs-realip` and Swift share: keys and values of maps, settings, numbers of
// counters. Both sides are compiled from this file; no struct has holes, which the kernel's verifier would take for
// unread stack.
#ifndef CREALIP_LAYOUTS_H
#define CREALIP_LAYOUTS_H

#include <linux/types.h>

/// Grows when an entry of a map means something else than before: a receiver takes over what another
/// has left in the kernel only when they agree on this and on the sizes.
#define CRealIP_layout 1

/// An IPv6 address in network order; IPv4 is mapped (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2).
struct CRealIP_address {
    __u32 words[4];
};

/// Key of the map `believed`, which is a trie of prefixes.
struct CRealIP_prefix {
    /// Leading bits that count: 96 more than an IPv4 prefix says.
    __u32 length;
    struct CRealIP_address address;
};

/// An address and a port, both in network order.
struct CRealIP_endpoint {
    struct CRealIP_address address;
    __u16 port;
    __u16 zero;
};

/// Key of the flow maps: who is at the other end, and where on this host.
struct CRealIP_flow_key {
    struct CRealIP_endpoint remote;
    /// The server's address; zero for the first one that the rest of the key was seen with.
    struct CRealIP_address local;
    /// The server's port in network order.
    __u16 local_port;
    __u16 zero;
};

/// Value of the flow maps.
struct CRealIP_flow {
    /// What the remote end of the key is on the other side of the balancer.
    struct CRealIP_endpoint other;
    /// The server's address that the flow has.
    struct CRealIP_address local;
    /// 1 when several of the server's addresses share the rest of the key; each has an entry of its own then.
    __u32 is_shared;
    /// When the flow was last seen: nanoseconds of CLOCK_MONOTONIC.
    __u64 seen;
};

/// Fixed when the programs are loaded, so that the verifier leaves out what is switched off.
struct CRealIP_settings {
    /// A UDP flow that was not seen for so long is forgotten; nanoseconds.
    __u64 idle;
    /// 1: socket calls tell the client's address of UDP flows; 0: only getsockopt does.
    __u32 rewrites_datagrams;
    /// 1: the flow that a socket last received from is kept with it, for getsockopt.
    __u32 keeps_last_flow;
    /// 1: connections are kept by their addresses besides, for sockets of Multipath TCP.
    __u32 serves_multipath;
    /// Where a system call's number and its fourth argument stand in struct pt_regs; octets.
    __u32 call_offset;
    __u32 argument_offset;
    /// The number of getsockopt(2).
    __u32 call_number;
};

/// What is counted; `Counter` in Swift has the sentences.
enum CRealIP_counter {
    CRealIP_connection_ipv4,
    CRealIP_connection_ipv6,
    CRealIP_connection_without,
    CRealIP_connection_forged,
    CRealIP_datagram_opp,
    CRealIP_datagram_ipo,
    CRealIP_datagram_forged,
    CRealIP_datagram_malformed,
    CRealIP_datagram_not_stripped,
    CRealIP_peer_told,
    CRealIP_receive_told,
    CRealIP_send_translated,
    CRealIP_connect_translated,
    CRealIP_flow_ambiguous,
    CRealIP_toa_answered,
    CRealIP_uoa_answered,
    CRealIP_uoa_unknown,
    CRealIP_counter_count,
};

/// Answer of toa.ko to getsockopt(IPPROTO_IP, 4096): the IPv6 client of an IPv4 socket.
struct CRealIP_toa_answer {
    struct CRealIP_address address;
    __u16 port;
    __u16 padding;
};

/// Question and answer of uoa.ko, getsockopt(IPPROTO_IP, 2048). IPv4 addresses are in the first word.
struct CRealIP_uoa_question {
    __u16 family;
    struct CRealIP_address source;
    struct CRealIP_address destination;
    __u16 source_port;
    __u16 destination_port;
    __u16 real_family;
    struct CRealIP_address real_address;
    __u16 real_port;
} __attribute__((packed));

_Static_assert(sizeof(struct CRealIP_prefix) == 20, "the trie compares from the length on");
_Static_assert(sizeof(struct CRealIP_flow_key) == 40, "no holes");
_Static_assert(sizeof(struct CRealIP_flow) == 48, "no holes");
_Static_assert(sizeof(struct CRealIP_toa_answer) == 20, "as toa.ko says it");
_Static_assert(sizeof(struct CRealIP_uoa_question) == 58, "as uoa.ko says it");

#endif
