// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinuxInterfaces.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// The generic netlink family "netdev" (Documentation/netlink/specs/netdev.yaml), which the headers
// of older distributions lack.
enum {
    netdev_get = 1,
    netdev_attribute_index = 1,
    netdev_attribute_xdp_features = 3,
    netdev_basic = 1 << 0,
    netdev_redirect = 1 << 1,
    netdev_zero_copy = 1 << 3,
};

// MARK: - ioctl

/// Carries a request about the interface `name` out; 0, or -1 with `errno` set.
static int ask(int descriptor, unsigned long number, const char *name, struct ifreq *request) {
    if (strlen(name) >= sizeof request->ifr_name) {
        errno = ENODEV;
        return -1;
    }
    strcpy(request->ifr_name, name);
    return ioctl(descriptor, number, request);
}

static int ask_ethtool(int descriptor, const char *name, void *command) {
    struct ifreq request = {.ifr_data = command};
    return ask(descriptor, SIOCETHTOOL, name, &request);
}

static int read_state(int descriptor, const char *name, CLinux_link *link) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    if (ask(descriptor, SIOCGIFFLAGS, name, &request) != 0) return -1;
    link->is_up = (request.ifr_flags & IFF_UP) != 0;
    link->has_carrier = (request.ifr_flags & IFF_RUNNING) != 0;
    if (ask(descriptor, SIOCGIFMTU, name, &request) == 0) link->mtu = (uint32_t)request.ifr_mtu;
    return 0;
}

static void read_driver(int descriptor, const char *name, CLinux_link *link) {
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
    if (ask_ethtool(descriptor, name, &info) == 0)
        strncpy(link->driver, info.driver, sizeof link->driver - 1);
    struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
    if (ask_ethtool(descriptor, name, &flags) == 0)
        link->strips_tags = (flags.data & ETH_FLAG_RXVLAN) != 0;
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    link->queues = 1;
    link->has_combined_queues = 1;
    if (ask_ethtool(descriptor, name, &channels) != 0) return;
    uint32_t receiving = channels.combined_count + channels.rx_count;
    if (receiving > 0) link->queues = receiving;
    link->has_combined_queues = link->queues == 1 || channels.rx_count == 0;
}

// MARK: - Netlink

/// One request and its first answer, in `buffer`; the length of the answer, or -1.
static ssize_t exchange(int protocol, const void *request, size_t length, void *buffer,
                        size_t capacity) {
    int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (descriptor < 0) return -1;
    ssize_t received = -1;
    if (send(descriptor, request, length, 0) == (ssize_t)length)
        received = recv(descriptor, buffer, capacity, 0);
    int code = errno;
    close(descriptor);
    errno = code;
    const struct nlmsghdr *header = buffer;
    if (received >= (ssize_t)sizeof *header && header->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *error = NLMSG_DATA(header);
        if (received >= (ssize_t)NLMSG_LENGTH(sizeof *error)) errno = -error->error;
        return -1;
    }
    return received;
}

/// The attribute `type` among the `length` octets at `first`, or null.
static const struct nlattr *find(const void *first, ssize_t length, uint16_t type) {
    const uint8_t *place = first;
    while (length >= (ssize_t)sizeof(struct nlattr)) {
        const struct nlattr *attribute = (const void *)place;
        if (attribute->nla_len < sizeof *attribute || attribute->nla_len > length) return NULL;
        if ((attribute->nla_type & NLA_TYPE_MASK) == type) return attribute;
        ssize_t step = NLMSG_ALIGN(attribute->nla_len);
        place += step;
        length -= step;
    }
    return NULL;
}

/// The value of the attribute `type`, of `size` octets, into `value`; whether it is there.
static int read_value(const void *first, ssize_t length, uint16_t type, void *value, size_t size) {
    const struct nlattr *attribute = find(first, length, type);
    if (!attribute || attribute->nla_len < sizeof *attribute + size) return 0;
    memcpy(value, (const uint8_t *)attribute + sizeof *attribute, size);
    return 1;
}

static int read_link(const char *name, CLinux_link *link) {
    struct {
        struct nlmsghdr header;
        struct ifinfomsg message;
    } request = {
        .header = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_GETLINK,
                   .nlmsg_flags = NLM_F_REQUEST},
        .message = {.ifi_index = (int)if_nametoindex(name)},
    };
    if (request.message.ifi_index == 0) {
        errno = ENODEV;
        return -1;
    }
    _Alignas(struct nlmsghdr) uint8_t buffer[16384];
    ssize_t length =
        exchange(NETLINK_ROUTE, &request, sizeof request, buffer, sizeof buffer);
    ssize_t head = NLMSG_LENGTH(sizeof(struct ifinfomsg));
    if (length < head) return -1;
    const struct ifinfomsg *message = NLMSG_DATA((struct nlmsghdr *)buffer);
    link->index = (uint32_t)message->ifi_index;
    link->type = message->ifi_type;
    const struct nlattr *xdp = find(buffer + head, length - head, IFLA_XDP);
    if (xdp) {
        const uint8_t *inside = (const uint8_t *)xdp + sizeof *xdp;
        ssize_t room = xdp->nla_len - (ssize_t)sizeof *xdp;
        read_value(inside, room, IFLA_XDP_ATTACHED, &link->xdp_mode, sizeof link->xdp_mode);
        read_value(inside, room, IFLA_XDP_PROG_ID, &link->program, sizeof link->program);
    }
    return 0;
}

/// The number of the generic netlink family `name`; 0 when this kernel has none of that name.
static uint16_t find_family(const char *name) {
    struct {
        struct nlmsghdr header;
        struct genlmsghdr generic;
        struct nlattr attribute;
        char name[GENL_NAMSIZ];
    } request = {
        .header = {.nlmsg_type = GENL_ID_CTRL, .nlmsg_flags = NLM_F_REQUEST},
        .generic = {.cmd = CTRL_CMD_GETFAMILY, .version = 1},
        .attribute = {.nla_type = CTRL_ATTR_FAMILY_NAME},
    };
    size_t size = strlen(name) + 1;
    memcpy(request.name, name, size);
    request.attribute.nla_len = (uint16_t)(sizeof request.attribute + size);
    request.header.nlmsg_len =
        (uint32_t)(NLMSG_LENGTH(GENL_HDRLEN) + NLMSG_ALIGN(request.attribute.nla_len));
    _Alignas(struct nlmsghdr) uint8_t buffer[8192];
    ssize_t head = NLMSG_LENGTH(GENL_HDRLEN);
    ssize_t length = exchange(NETLINK_GENERIC, &request, request.header.nlmsg_len, buffer,
                              sizeof buffer);
    uint16_t number = 0;
    if (length >= head)
        read_value(buffer + head, length - head, CTRL_ATTR_FAMILY_ID, &number, sizeof number);
    return number;
}

static void read_xdp_features(CLinux_link *link) {
    uint16_t family = find_family("netdev");
    if (family == 0) return;
    struct {
        struct nlmsghdr header;
        struct genlmsghdr generic;
        struct nlattr attribute;
        uint32_t index;
    } request = {
        .header = {.nlmsg_len = sizeof request, .nlmsg_type = family,
                   .nlmsg_flags = NLM_F_REQUEST},
        .generic = {.cmd = netdev_get, .version = 1},
        .attribute = {.nla_len = sizeof request.attribute + sizeof request.index,
                      .nla_type = netdev_attribute_index},
        .index = link->index,
    };
    _Alignas(struct nlmsghdr) uint8_t buffer[8192];
    ssize_t head = NLMSG_LENGTH(GENL_HDRLEN);
    ssize_t length =
        exchange(NETLINK_GENERIC, &request, sizeof request, buffer, sizeof buffer);
    uint64_t features;
    if (length < head || !read_value(buffer + head, length - head, netdev_attribute_xdp_features,
                                     &features, sizeof features))
        return;
    link->knows_xdp = 1;
    link->has_native_xdp = (features & netdev_basic) != 0;
    link->has_redirect = (features & netdev_redirect) != 0;
    link->has_zero_copy = (features & netdev_zero_copy) != 0;
}

int CLinux_get_link(const char *name, CLinux_link *link) {
    memset(link, 0, sizeof *link);
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    int result = read_state(descriptor, name, link);
    if (result == 0) read_driver(descriptor, name, link);
    int code = errno;
    close(descriptor);
    errno = code;
    if (result != 0 || read_link(name, link) != 0) return -1;
    read_xdp_features(link);
    return 0;
}

/// Switches one of them off, in a word of flags; 1 when it was on.
static int switch_off(int descriptor, const char *name, uint32_t get, uint32_t set, uint32_t flag) {
    struct ethtool_value value = {.cmd = get};
    if (ask_ethtool(descriptor, name, &value) != 0 || (value.data & flag) == 0) return 0;
    value.cmd = set;
    value.data &= ~flag;
    return ask_ethtool(descriptor, name, &value) == 0 ? 1 : -1;
}

int CLinux_stop_joining(const char *name) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    int gro = switch_off(descriptor, name, ETHTOOL_GGRO, ETHTOOL_SGRO, 1);
    int lro = switch_off(descriptor, name, ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_LRO);
    int code = errno;
    close(descriptor);
    errno = code;
    return gro < 0 || lro < 0 ? -1 : gro | lro;
}
