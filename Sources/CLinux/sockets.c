// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinuxInterfaces.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/icmp.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/// Whether `descriptor` is a socket of `family`, of AF_PACKET one that is bound to interface `index`.
static int is_wanted(int descriptor, int family, uint32_t index) {
    int domain;
    socklen_t length = sizeof domain;
    if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain != family)
        return 0;
    if (family != AF_PACKET) return 1;
    struct sockaddr_ll address;
    length = sizeof address;
    // A socket of protocol 0 receives nothing.
    return getsockname(descriptor, (struct sockaddr *)&address, &length) == 0 &&
           address.sll_ifindex == (int)index && address.sll_protocol != 0;
}

static int compare(const void *left, const void *right) {
    return *(const int *)left - *(const int *)right;
}

static int find_sockets(int family, uint32_t index, int *descriptors, int capacity) {
    DIR *open_files = opendir("/proc/self/fd");
    if (open_files == NULL) return -1;
    int count = 0;
    struct dirent *entry;
    while ((entry = readdir(open_files)) != NULL && count < capacity) {
        char *end;
        long number = strtol(entry->d_name, &end, 10);
        if (*end == 0 && end != entry->d_name && is_wanted((int)number, family, index))
            descriptors[count++] = (int)number;
    }
    closedir(open_files);
    qsort(descriptors, (size_t)count, sizeof *descriptors, compare);
    return count;
}

int CLinux_find_packet_sockets(uint32_t index, int *descriptors, int capacity) {
    return find_sockets(AF_PACKET, index, descriptors, capacity);
}

int CLinux_find_xdp_sockets(int *descriptors, int capacity) {
    return find_sockets(AF_XDP, 0, descriptors, capacity);
}

int CLinux_is_zero_copy(int descriptor) {
    struct xdp_options options;
    socklen_t length = sizeof options;
    if (getsockopt(descriptor, SOL_XDP, XDP_OPTIONS, &options, &length) != 0) return -1;
    return (options.flags & XDP_OPTIONS_ZEROCOPY) != 0;
}

int CLinux_receive_multicast(uint32_t index) {
    int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    struct packet_mreq request = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_ALLMULTI};
    if (setsockopt(descriptor, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request) == 0)
        return descriptor;
    int code = errno;
    close(descriptor);
    errno = code;
    return -1;
}

static int bind_ping(int descriptor, int is_ipv6, const char *source, int index) {
    if (index > 0 && setsockopt(descriptor, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof index) != 0)
        return -1;
    if (source[0] == 0) return 0;
    if (is_ipv6) {
        struct sockaddr_in6 address = {.sin6_family = AF_INET6};
        if (inet_pton(AF_INET6, source, &address.sin6_addr) != 1) return -1;
        return bind(descriptor, (struct sockaddr *)&address, sizeof address);
    }
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, source, &address.sin_addr) != 1) return -1;
    return bind(descriptor, (struct sockaddr *)&address, sizeof address);
}

// Of all that a raw socket could be given, only echo replies.
static void filter_replies(int descriptor, int is_ipv6) {
    if (is_ipv6) {
        struct icmp6_filter filter;
        ICMP6_FILTER_SETBLOCKALL(&filter);
        ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
        setsockopt(descriptor, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
        return;
    }
    struct icmp_filter filter = {.data = ~(1U << ICMP_ECHOREPLY)};
    setsockopt(descriptor, SOL_RAW, ICMP_FILTER, &filter, sizeof filter);
}

int CLinux_open_ping(int is_ipv6, const char *source, int index) {
    int family = is_ipv6 ? AF_INET6 : AF_INET;
    int protocol = is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    int flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
    int descriptor = socket(family, SOCK_DGRAM | flags, protocol);
    if (descriptor < 0) {
        descriptor = socket(family, SOCK_RAW | flags, protocol);
        if (descriptor < 0) return -1;
        filter_replies(descriptor, is_ipv6);
    }
    if (bind_ping(descriptor, is_ipv6, source, index) == 0) return descriptor;
    int code = errno;
    close(descriptor);
    errno = code;
    return -1;
}
