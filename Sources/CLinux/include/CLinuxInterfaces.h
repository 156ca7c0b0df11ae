// SPDX-License-Identifier: Apache-2.0
//
// What the kernel knows of a network interface, and whether it lets a process use XDP there.
#ifndef CLINUX_INTERFACES_H
#define CLINUX_INTERFACES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CLinux_name_capacity = 32 };

/// A kernel interface, as netlink and ethtool tell it in the caller's network namespace.
typedef struct CLinux_link {
    uint32_t index;
    /// ARPHRD_ number of the link layer; 1 is Ethernet.
    uint16_t type;
    /// Whether it is switched on, and whether its peer or cable is there.
    uint8_t is_up, has_carrier;
    uint32_t mtu;
    /// Receive queues that are in use; at least 1.
    uint32_t queues;
    /// Whether they are channels that receive and transmit (`ethtool -l`: combined), or the only one.
    uint8_t has_combined_queues;
    /// Whether the device takes VLAN tags out of frames (`ethtool -k`: rx-vlan-offload).
    uint8_t strips_tags;
    char driver[CLinux_name_capacity];
    /// Whether the kernel tells what XDP can do there (netdev family, Linux 6.3 and later).
    uint8_t knows_xdp;
    /// Whether its driver runs XDP programs, redirects from them, and fills user memory itself.
    uint8_t has_native_xdp, has_redirect, has_zero_copy;
    /// IFLA_XDP_ATTACHED: 0 nothing, 1 driver, 2 generic, 3 hardware, 4 several.
    uint8_t xdp_mode;
    /// The program that is attached; 0: none.
    uint32_t program;
} CLinux_link;

/// Fills in what is known of the interface `name`; 0, or -1 with `errno` set (ENODEV: no such one).
int CLinux_get_link(const char *name, CLinux_link *link);

/// The name that a loaded BPF program has, for the number that `CLinux_get_link` found; 0 or -1.
int CLinux_program_name(uint32_t program, char name[CLinux_name_capacity]);

/// Takes XDP program number `program` off interface `index`, if it is still that one; 0 or -1.
int CLinux_detach_program(uint32_t index, uint32_t program);

/// Attaches a program that lets every frame pass to interface `index`, run by its driver, and takes it
/// off again; 0, or -1 with `errno` set (EBUSY: it has one) and what the kernel says in `message`.
int CLinux_try_attaching(uint32_t index, char *message, size_t capacity);

/// Which step of `CLinux_try_xdp` the kernel refuses.
enum CLinux_xdp_step {
    CLinux_xdp_program = 1,
    CLinux_xdp_socket,
    CLinux_xdp_memory,
    CLinux_xdp_bind,
};

/// Whether the kernel lets this process load an XDP program and bind an AF_XDP socket in copy mode
/// to `queue` of interface `index`: 0, or a `CLinux_xdp_step` with `errno` set.
///
/// Nothing is attached and the driver is not touched: frames go on to the kernel meanwhile. Everything
/// is given back at once. EBUSY at the last step: another socket has the queue.
int CLinux_try_xdp(uint32_t index, uint32_t queue);

/// Descriptors of this process's sockets of AF_PACKET that are bound to interface `index`, in order;
/// returns how many there are, or -1.
int CLinux_find_packet_sockets(uint32_t index, int *descriptors, int capacity);

/// Descriptors of this process's sockets of AF_XDP, in order; returns how many there are, or -1.
int CLinux_find_xdp_sockets(int *descriptors, int capacity);

/// Whether the bound AF_XDP socket has its frames without a copy: 1 or 0; -1 with `errno` set.
int CLinux_is_zero_copy(int descriptor);

/// Has interface `index` receive every multicast frame until the returned descriptor is closed; -1 and
/// `errno` (CAP_NET_RAW).
int CLinux_receive_multicast(uint32_t index);

/// A socket for echo requests that never blocks, bound to the address `source` unless that is empty and to
/// interface `index` unless that is 0; -1 with `errno` when neither a ping socket nor a raw one is permitted.
int CLinux_open_ping(int is_ipv6, const char *source, int index);

/// Switches off what makes long packets of several that an interface receives, GRO and LRO
/// (CAP_NET_ADMIN); 1 when something was on, 0 when nothing was, -1 with `errno` set.
int CLinux_stop_joining(const char *name);

#ifdef __cplusplus
}
#endif
#endif
