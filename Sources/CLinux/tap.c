// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/// A request about the interface `name`; false when the name is too long.
static int make_request(struct ifreq *request, const char *name) {
    memset(request, 0, sizeof *request);
    if (strlen(name) >= sizeof request->ifr_name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(request->ifr_name, name);
    return 0;
}

/// Closes `descriptor` and keeps the errno of the call before.
static int give_up(int descriptor) {
    int code = errno;
    close(descriptor);
    errno = code;
    return -1;
}

static int open_interface(const char *name, short kind) {
    struct ifreq request;
    if (make_request(&request, name) != 0) return -1;
    int descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) return -1;
    request.ifr_flags = kind | IFF_NO_PI;
    if (ioctl(descriptor, TUNSETIFF, &request) == 0) return descriptor;
    // An existing one may have been made for several queues; the flag has to be the same.
    if (errno != EINVAL) return give_up(descriptor);
    request.ifr_flags = kind | IFF_NO_PI | IFF_MULTI_QUEUE;
    return ioctl(descriptor, TUNSETIFF, &request) == 0 ? descriptor : give_up(descriptor);
}

int CLinux_open_tap(const char *name) { return open_interface(name, IFF_TAP); }

int CLinux_open_tun(const char *name) { return open_interface(name, IFF_TUN); }

int CLinux_set_carrier(int descriptor, int is_up) {
    return ioctl(descriptor, TUNSETCARRIER, &is_up);
}

/// Carries one request out by a socket of its own.
static int ask(unsigned long number, struct ifreq *request) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    if (ioctl(descriptor, number, request) != 0) return give_up(descriptor);
    close(descriptor);
    return 0;
}

static int is_of_tun(const char *name, const char *kind) {
    struct ifreq request;
    if (make_request(&request, name) != 0) return -1;
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
    request.ifr_data = (void *)&info;
    // Of another driver that does not tell its name it is none either.
    if (ask(SIOCETHTOOL, &request) != 0) return errno == EOPNOTSUPP ? 0 : -1;
    return strcmp(info.driver, "tun") == 0 && strcmp(info.bus_info, kind) == 0;
}

int CLinux_is_tap(const char *name) { return is_of_tun(name, "tap"); }

int CLinux_is_tun(const char *name) { return is_of_tun(name, "tun"); }

int CLinux_is_attached(int descriptor, const char *name) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    return ioctl(descriptor, TUNGETIFF, &request) == 0 && strcmp(request.ifr_name, name) == 0;
}

int CLinux_set_hardware_address(const char *name, const uint8_t *address) {
    struct ifreq request;
    if (make_request(&request, name) != 0) return -1;
    if (ask(SIOCGIFHWADDR, &request) == 0 && memcmp(request.ifr_hwaddr.sa_data, address, 6) == 0)
        return 0;
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    memcpy(request.ifr_hwaddr.sa_data, address, 6);
    return ask(SIOCSIFHWADDR, &request);
}

int CLinux_set_mtu(const char *name, int mtu) {
    struct ifreq request;
    if (make_request(&request, name) != 0) return -1;
    if (ask(SIOCGIFMTU, &request) == 0 && request.ifr_mtu == mtu) return 0;
    request.ifr_mtu = mtu;
    return ask(SIOCSIFMTU, &request);
}

int CLinux_set_up(const char *name) {
    struct ifreq request;
    if (make_request(&request, name) != 0) return -1;
    if (ask(SIOCGIFFLAGS, &request) != 0) return -1;
    if (request.ifr_flags & IFF_UP) return 0;
    request.ifr_flags |= IFF_UP;
    return ask(SIOCSIFFLAGS, &request);
}
