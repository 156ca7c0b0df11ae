// SPDX-License-Identifier: Apache-2.0
//
// Links of kernel interfaces under drivers that do not look: net_af_packet and net_af_xdp of DPDK say
// "up, 10 Gbit/s" whatever happens.
#include "CDPDK.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <rte_ethdev.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int CDPDK_port_kernel_interface(uint16_t port, char name[CDPDK_interface_name_capacity]) {
    _Static_assert(CDPDK_interface_name_capacity == IF_NAMESIZE, "interface names are longer");
    struct rte_eth_dev_info info;
    if (!rte_eth_dev_is_valid_port(port)) return -ENODEV;
    int result = rte_eth_dev_info_get(port, &info);
    if (result < 0) return result;
    return info.if_index != 0 && if_indextoname(info.if_index, name) != NULL ? 0 : -ENODEV;
}

/// Megabits per second of an interface, 0 when it does not say.
static uint32_t speed_of(int descriptor, struct ifreq *request) {
    struct ethtool_cmd command = {.cmd = ETHTOOL_GSET};
    request->ifr_data = (char *)&command;
    if (ioctl(descriptor, SIOCETHTOOL, request) < 0) return 0;
    uint32_t speed = ethtool_cmd_speed(&command);
    return speed == (uint32_t)SPEED_UNKNOWN ? 0 : speed;
}

int CDPDK_port_get_kernel_link(uint16_t port, CDPDK_link *link) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    *link = (CDPDK_link){0};
    int result = CDPDK_port_kernel_interface(port, request.ifr_name);
    // An interface that has gone has no link.
    if (result == -ENODEV) return 0;
    if (result < 0) return result;
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    if (ioctl(descriptor, SIOCGIFFLAGS, &request) == 0) {
        const int running = IFF_UP | IFF_RUNNING;
        link->is_up = (request.ifr_flags & running) == running;
        link->is_full_duplex = true;
        link->megabits = link->is_up ? speed_of(descriptor, &request) : 0;
    }
    close(descriptor);
    return 0;
}
