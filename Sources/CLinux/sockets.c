// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinuxInterfaces.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
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
