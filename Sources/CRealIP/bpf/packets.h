// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// UDP: the client's address (UOA) in the packets that reach the host, read and, in the form that has a protocol
// number of its own, taken away.
#ifndef REALIP_PACKETS_H
#define REALIP_PACKETS_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include "flows.h"

enum {
    UOA_PROTOCOL = 248,
    UOA_KIND = 31,
    UOA_IPV4 = 8,
    UOA_IPV6 = 20,
    UOA_PREFIX = 4,
    IPV4_HEADER = 20,
    IPV4_LONGEST = 60,
    FRAGMENT_OFFSET = 0x1fff,
    FRAGMENT = 0x3fff,
};

/// The option alone, and the header that holds it; both are followed by the address.
struct uoa_option {
    __u8 kind, length;
    __be16 port;
    __u32 address[4];
};
struct uoa_header {
    __u8 version, protocol;
    __be16 length;
    struct uoa_option option;
};

/// A packet on its way in.
struct packet {
    struct __sk_buff *buffer;
    /// Where the header behind the fixed IP header begins, options of IPv4 included.
    __u32 transport;
    address_t source, destination;
};

static __noinline void learn_option(const struct packet *packet, const struct udphdr *datagram,
                                         const struct uoa_option *option) {
    endpoint_t client = {.port = option->port};
    if (option->length == UOA_IPV4) {
        client.address = mapped(option->address[0]);
    } else {
        __builtin_memcpy(&client.address, option->address, sizeof client.address);
    }
    flow_key_t key = {.remote = {.address = packet->source, .port = datagram->source},
                      .local_port = datagram->dest};
    learn(&key, &packet->destination, &client);
}

/// Reads the header of protocol 248 and learns from it; its length, or 0 when the packet stays as it is.
static __always_inline __u32 read_header(const struct packet *packet) {
    if (!is_believed(&packet->source)) {
        count(CRealIP_datagram_forged);
        return 0;
    }
    struct uoa_header header = {};
    struct udphdr datagram;
    // The shorter of the two forms first: it may be all there is.
    if (bpf_skb_load_bytes(packet->buffer, packet->transport, &header, UOA_PREFIX + UOA_IPV4))
        goto malformed;
    if (header.protocol != IPPROTO_UDP || header.option.kind != UOA_KIND) goto malformed;
    if (header.length == bpf_htons(UOA_PREFIX + UOA_IPV6) && header.option.length == UOA_IPV6) {
        if (bpf_skb_load_bytes(packet->buffer, packet->transport, &header, UOA_PREFIX + UOA_IPV6))
            goto malformed;
        if (bpf_skb_load_bytes(packet->buffer, packet->transport + UOA_PREFIX + UOA_IPV6, &datagram,
                               sizeof datagram))
            goto malformed;
        learn_option(packet, &datagram, &header.option);
        return UOA_PREFIX + UOA_IPV6;
    }
    if (header.length != bpf_htons(UOA_PREFIX + UOA_IPV4) || header.option.length != UOA_IPV4)
        goto malformed;
    if (bpf_skb_load_bytes(packet->buffer, packet->transport + UOA_PREFIX + UOA_IPV4, &datagram,
                           sizeof datagram))
        goto malformed;
    learn_option(packet, &datagram, &header.option);
    return UOA_PREFIX + UOA_IPV4;
malformed:
    count(CRealIP_datagram_malformed);
    return 0;
}

/// Takes `length` octets away that stand behind the IP header; 0 when that worked.
///
/// The helper takes them from behind the fixed header, so options of IPv4 are written again.
static __always_inline int strip(struct packet *packet, __u32 length, __u32 options) {
    __u8 saved[IPV4_LONGEST - IPV4_HEADER] = {};
    struct __sk_buff *buffer = packet->buffer;
    __u32 behind = ETH_HLEN + IPV4_HEADER;
    if (options && (options > sizeof saved || bpf_skb_load_bytes(buffer, behind, saved, options))) return 1;
    if (bpf_skb_adjust_room(buffer, -(__s32)length, BPF_ADJ_ROOM_NET, 0)) return 1;
    return options && bpf_skb_store_bytes(buffer, behind, saved, options, 0);
}

/// An option of IPv4 that stands first is read; Linux leaves options that it does not know alone.
static __always_inline void read_ipv4_option(const struct packet *packet) {
    struct uoa_option option = {};
    struct udphdr datagram;
    if (bpf_skb_load_bytes(packet->buffer, ETH_HLEN + IPV4_HEADER, &option, UOA_IPV4)) return;
    if (option.kind != UOA_KIND || option.length != UOA_IPV4) return;
    if (!is_believed(&packet->source)) {
        count(CRealIP_datagram_forged);
        return;
    }
    if (bpf_skb_load_bytes(packet->buffer, packet->transport, &datagram, sizeof datagram)) {
        count(CRealIP_datagram_malformed);
        return;
    }
    learn_option(packet, &datagram, &option);
    count(CRealIP_datagram_ipo);
}

static __always_inline void receive_ipv4(struct __sk_buff *buffer) {
    struct iphdr header;
    if (bpf_skb_load_bytes(buffer, ETH_HLEN, &header, sizeof header)) return;
    if (header.protocol != UOA_PROTOCOL && (header.protocol != IPPROTO_UDP || header.ihl == 5)) return;
    __u32 options = header.ihl * 4 - IPV4_HEADER;
    if (header.ihl < 5) return;
    struct packet packet = {.buffer = buffer,
                            .transport = ETH_HLEN + IPV4_HEADER + options,
                            .source = mapped(header.saddr),
                            .destination = mapped(header.daddr)};
    if (header.protocol == IPPROTO_UDP) {
        // Only the first fragment has the ports.
        if (!(header.frag_off & bpf_htons(FRAGMENT_OFFSET))) read_ipv4_option(&packet);
        return;
    }
    if (header.frag_off & bpf_htons(FRAGMENT)) {
        count(CRealIP_datagram_malformed);
        return;
    }
    __u32 length = read_header(&packet);
    if (!length) return;
    if (strip(&packet, length, options)) {
        count(CRealIP_datagram_not_stripped);
        return;
    }
    // The header stays right or wrong as it was, so that a CHECKSUM_COMPLETE of the card stays, too.
    __be16 total = bpf_htons(bpf_ntohs(header.tot_len) - length);
    __u8 protocol = IPPROTO_UDP;
    bpf_l3_csum_replace(buffer, ETH_HLEN + offsetof(struct iphdr, check), header.tot_len, total, 2);
    bpf_l3_csum_replace(buffer, ETH_HLEN + offsetof(struct iphdr, check), bpf_htons(UOA_PROTOCOL),
                        bpf_htons(IPPROTO_UDP), 2);
    bpf_skb_store_bytes(buffer, ETH_HLEN + offsetof(struct iphdr, tot_len), &total, sizeof total, 0);
    bpf_skb_store_bytes(buffer, ETH_HLEN + offsetof(struct iphdr, protocol), &protocol, 1, 0);
    count(CRealIP_datagram_opp);
}

static __always_inline void receive_ipv6(struct __sk_buff *buffer) {
    struct ipv6hdr header;
    if (bpf_skb_load_bytes(buffer, ETH_HLEN, &header, sizeof header) || header.nexthdr != UOA_PROTOCOL)
        return;
    struct packet packet = {.buffer = buffer, .transport = ETH_HLEN + sizeof header};
    __builtin_memcpy(&packet.source, &header.saddr, sizeof packet.source);
    __builtin_memcpy(&packet.destination, &header.daddr, sizeof packet.destination);
    __u32 length = read_header(&packet);
    if (!length) return;
    if (strip(&packet, length, 0)) {
        count(CRealIP_datagram_not_stripped);
        return;
    }
    __be16 payload = bpf_htons(bpf_ntohs(header.payload_len) - length);
    __u8 next = IPPROTO_UDP;
    // This header has no checksum of its own, so a CHECKSUM_COMPLETE of the card changes with it.
    bpf_skb_store_bytes(buffer, ETH_HLEN + offsetof(struct ipv6hdr, payload_len), &payload, sizeof payload,
                        BPF_F_RECOMPUTE_CSUM);
    bpf_skb_store_bytes(buffer, ETH_HLEN + offsetof(struct ipv6hdr, nexthdr), &next, 1, BPF_F_RECOMPUTE_CSUM);
    count(CRealIP_datagram_opp);
}

/// Runs for every packet that an Ethernet interface receives, in front of other programs there, which see
/// the packet as if it never had carried anything.
SEC("tc")
int realip_ingress(struct __sk_buff *buffer) {
    if (buffer->protocol == bpf_htons(ETH_P_IP)) receive_ipv4(buffer);
    if (buffer->protocol == bpf_htons(ETH_P_IPV6)) receive_ipv6(buffer);
    return TC_ACT_UNSPEC;
}

#endif
