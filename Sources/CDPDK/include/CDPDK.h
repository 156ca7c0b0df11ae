// SPDX-License-Identifier: Apache-2.0
//
// DPDK as plain C functions over plain types: the only header of this target, and it includes no
// header of DPDK, so that DPDK's compiler flags stay here. Every function that can fail returns a
// negative errno value.
#ifndef CDPDK_H
#define CDPDK_H

#include "CPacket.h"

#ifdef __cplusplus
extern "C" {
#endif

// MARK: - Environment

/// Receives what DPDK logs, `length` octets that are not terminated. May be called by any thread.
typedef void (*CDPDK_log_writer)(const char *text, size_t length);

/// Sends to `writer` from now on what DPDK logs, and the warnings of the libraries under its driver net_af_xdp.
int CDPDK_capture_log(CDPDK_log_writer writer);

/// Starts the environment with `argc` arguments, the program's name first. At most once a process.
int CDPDK_start(int argc, char **argv);

/// Gives everything back that the environment holds; ports are closed before.
void CDPDK_stop(void);

/// The version of the DPDK that runs, "DPDK 22.11.11".
const char *CDPDK_version(void);

/// The version that the program was compiled against, in the same form.
const char *CDPDK_built_version(void);

/// What a negative errno value means.
const char *CDPDK_error_text(int error);

/// Cycles per second of `CPacket_cycles`.
uint64_t CDPDK_cycle_frequency(void);

// MARK: - Lcores

/// Runs `function(context)` on another lcore; it must have been idle.
int CDPDK_launch(unsigned lcore, int (*function)(void *), void *context);

/// Waits until the lcore's function has returned.
int CDPDK_wait(unsigned lcore);

/// The lcores besides the main one, in order; returns how many there are.
unsigned CDPDK_worker_lcores(unsigned *lcores, unsigned capacity);

/// The socket of memory that is near an lcore.
unsigned CDPDK_lcore_socket(unsigned lcore);

// MARK: - Packet pools

typedef struct CDPDK_pool CDPDK_pool;

/// Makes a pool of `count` buffers with `room` octets for frames, headroom not counted; null and
/// `*error` on failure.
CDPDK_pool *CDPDK_make_pool(const char *name, unsigned count, unsigned cache, uint16_t room,
                            int socket, int *error);
void CDPDK_free_pool(CDPDK_pool *pool);
unsigned CDPDK_pool_available(const CDPDK_pool *pool);
unsigned CDPDK_pool_in_use(const CDPDK_pool *pool);

/// Whether the buffers of the pool lie behind one another in one piece of memory.
bool CDPDK_pool_is_one_piece(const CDPDK_pool *pool);

/// One buffer with an empty frame, or null. Any thread.
CPacket_buffer *CDPDK_allocate(CDPDK_pool *pool);

/// Gives `count` buffers back to their pools. Any thread.
void CDPDK_free(CPacket_buffer **buffers, unsigned count);

// MARK: - Ports

/// Plugs a device in after the start: "net_af_packet0,iface=eth1" or "0000:06:00.0".
int CDPDK_attach(const char *arguments);

/// The port of the device with this name, or a negative errno.
int CDPDK_find_port(const char *device);

/// The ports there are, in order; returns how many.
unsigned CDPDK_ports(uint16_t *ports, unsigned capacity);

typedef struct CDPDK_port_facts {
    char device[64];
    char driver[64];
    uint8_t mac[6];
    uint16_t mtu;
    uint16_t min_mtu;
    uint16_t max_mtu;
    uint16_t max_rx_queues;
    uint16_t max_tx_queues;
    uint16_t max_rx_descriptors;
    uint16_t min_rx_descriptors;
    uint16_t max_tx_descriptors;
    uint16_t min_tx_descriptors;
    /// Bits of `CDPDK_offload`.
    uint32_t offloads;
    /// Bits of `CDPDK_rss`.
    uint32_t rss;
    /// Places of the redirection table; 0 when the device has none.
    uint16_t reta_size;
    /// Octets of the key that the device hashes with.
    uint8_t rss_key_size;
    int16_t socket;
    /// Not a device on a bus.
    bool is_virtual;
    /// It can keep frames of other VLANs out.
    bool can_filter_vlans;
} CDPDK_port_facts;

/// What a device can do, and what it is asked to do.
enum CDPDK_offload {
    CDPDK_rx_l4_checksum = 1 << 1,
    CDPDK_rx_vlan_strip = 1 << 2,
    CDPDK_tx_vlan_insert = 1 << 6,
    CDPDK_tx_fast_free = 1 << 7,
};

/// What receive-side scaling looks at.
enum CDPDK_rss {
    CDPDK_rss_ip = 1 << 0,
    CDPDK_rss_tcp = 1 << 1,
    CDPDK_rss_udp = 1 << 2,
    CDPDK_rss_sctp = 1 << 3,
    /// Only said of a started port, whose other bits then stand for IPv4.
    CDPDK_rss_tcp_over_ipv6 = 1 << 4,
    CDPDK_rss_udp_over_ipv6 = 1 << 5,
};

int CDPDK_port_get_facts(uint16_t port, CDPDK_port_facts *facts);

typedef struct CDPDK_port_setup {
    uint16_t rx_queues;
    uint16_t tx_queues;
    uint16_t rx_descriptors;
    uint16_t tx_descriptors;
    uint32_t offloads;
    uint32_t rss;
    uint16_t mtu;
    bool promiscuous;
    bool all_multicast;
    /// A bond hands its MTU to slaves that it configures itself.
    bool is_bond;
    /// Asks for receive interrupts: see `CDPDK_queue_descriptor`.
    bool interrupts;
    CDPDK_pool *pool;
    /// The key to hash with, `rss_key_size` octets, or null for the driver's.
    const uint8_t *rss_key;
} CDPDK_port_setup;

/// Configures and starts a port. `*failed` names the call that failed. Descriptor counts come back
/// as the device wanted them.
int CDPDK_port_start(uint16_t port, CDPDK_port_setup *setup, const char **failed);
void CDPDK_port_close(uint16_t port);

// MARK: - Receive interrupts

/// The descriptor that can be read after an interrupt of a receive queue of a port that was started
/// with interrupts; a negative errno when it has none.
/// With `duplicate` it is a copy that the device's end does not close, so that its number is nobody
/// else's afterwards.
int CDPDK_queue_descriptor(uint16_t port, uint16_t queue, bool duplicate);

/// Lets a receive queue raise an interrupt for the next frame.
void CDPDK_enable_interrupt(uint16_t port, uint16_t queue);
void CDPDK_disable_interrupt(uint16_t port, uint16_t queue);

// MARK: - Bonds

enum { CDPDK_bond_capacity = 32 };

typedef struct CDPDK_bond_setup {
    const char *name;
    /// 0...6, as DPDK numbers them.
    uint8_t mode;
    uint8_t socket;
    const uint16_t *slaves;
    unsigned slave_count;
} CDPDK_bond_setup;

/// What may change while the bond runs.
typedef struct CDPDK_bond_tuning {
    /// 0: layer 2, 1: layers 2 and 3, 2: layers 3 and 4.
    uint8_t xmit_policy;
    /// Milliseconds.
    uint32_t monitor_interval;
} CDPDK_bond_tuning;

/// Makes a port out of ports that are not started, and returns its number.
int CDPDK_bond_create(const CDPDK_bond_setup *setup, const char **failed);

/// Takes a slave out of a bond that runs.
int CDPDK_bond_remove(uint16_t bond, uint16_t slave);

/// Gives LACP queues of its own, in mode 4 before the start; -ENOTSUP when a slave cannot.
int CDPDK_bond_use_dedicated_queues(uint16_t bond, bool dedicated);

/// Lets every slave receive what comes for the bond; after the start.
int CDPDK_bond_open(uint16_t bond, bool promiscuous, bool all_multicast);

int CDPDK_bond_set_primary(uint16_t bond, uint16_t slave, const char **failed);
int CDPDK_bond_tune(uint16_t bond, const CDPDK_bond_tuning *tuning, const char **failed);

typedef struct CDPDK_bond_slave {
    uint16_t port;
    /// Its link is up.
    bool is_active;
    /// LACP has agreed on it with the partner; mode 4.
    bool is_distributing;
    /// The system that LACP has found at the other end; mode 4.
    uint8_t partner[6];
} CDPDK_bond_slave;

typedef struct CDPDK_bond_state {
    /// The slave that is the primary one now.
    uint16_t primary;
    uint16_t slave_count;
    CDPDK_bond_slave slaves[CDPDK_bond_capacity];
    /// As it runs; DPDK does not export what would tell the interval of looking at links.
    uint8_t xmit_policy;
} CDPDK_bond_state;

int CDPDK_bond_get_state(uint16_t bond, CDPDK_bond_state *state);

/// Turns the destination of frames from a slave's own address, which mode 6 tells some clients, into
/// the bond's.
void CDPDK_bond_restore_address(uint16_t bond, CPacket_buffer **buffers, uint16_t count);

// MARK: - Flow rules

/// TCP or UDP packets to `address` whose destination port fits `port` under `port_mask` go to
/// `queue`. The address is in network order, 4 octets or 16 with `is_ipv6`; ports are in host order.
typedef struct CDPDK_flow {
    uint8_t address[16];
    bool is_ipv6;
    uint16_t port;
    uint16_t port_mask;
    uint8_t protocol;
    uint16_t queue;
} CDPDK_flow;

typedef struct CDPDK_flow_rule CDPDK_flow_rule;

/// Whether the device would take the rule: 0, or a negative errno with what it says in `message`.
int CDPDK_flow_validate(uint16_t port, const CDPDK_flow *flow, char *message, size_t capacity);

/// Puts a rule into the device; null on failure, with `*error` and `message`.
CDPDK_flow_rule *CDPDK_flow_add(uint16_t port, const CDPDK_flow *flow, int *error, char *message,
                                size_t capacity);
int CDPDK_flow_remove(uint16_t port, CDPDK_flow_rule *rule);

// MARK: - Receive-side scaling

enum { CDPDK_rss_key_capacity = 64, CDPDK_reta_capacity = 1024 };

/// How a started port spreads flows over its queues.
typedef struct CDPDK_rss_state {
    uint8_t key[CDPDK_rss_key_capacity];
    uint8_t key_size;
    /// Bits of `CDPDK_rss` that are in use, for TCP and UDP over IPv4 and for all of IP.
    uint32_t types;
    /// Places of the redirection table, each with its queue.
    uint16_t reta_size;
    uint16_t reta[CDPDK_reta_capacity];
} CDPDK_rss_state;

/// Reads key, types and table back; a negative errno when the device does not tell.
int CDPDK_port_get_rss(uint16_t port, CDPDK_rss_state *state);

/// Fills the redirection table: place i gets queue `queues[i]`.
int CDPDK_port_set_reta(uint16_t port, const uint16_t *queues, uint16_t size);

/// The Toeplitz hash as DPDK computes it, over `words` 32-bit words in host order; for tests.
uint32_t CDPDK_soft_rss(const uint32_t *input, uint32_t words, const uint8_t *key);

/// Lets the port receive frames with the tag `vlan`, or no longer; frames of other VLANs stay out
/// from then on. Frames without a tag are let in always.
int CDPDK_port_filter_vlan(uint16_t port, uint16_t vlan, bool is_wanted);

typedef struct CDPDK_link {
    uint32_t megabits;
    bool is_up;
    bool is_full_duplex;
    bool is_negotiated;
} CDPDK_link;

int CDPDK_port_get_link(uint16_t port, CDPDK_link *link);

enum { CDPDK_interface_name_capacity = 16 };

/// The name that the kernel interface under a port has now; -ENODEV when there is none.
int CDPDK_port_kernel_interface(uint16_t port, char name[CDPDK_interface_name_capacity]);

/// The link of the kernel interface under a port, for drivers that do not look themselves.
int CDPDK_port_get_kernel_link(uint16_t port, CDPDK_link *link);

/// Lets a started port carry packets of `mtu` octets.
int CDPDK_port_set_mtu(uint16_t port, uint16_t mtu);

enum { CDPDK_group_capacity = 256 };

/// Lets the port receive these link-layer groups, 48-bit numbers, instead of those set before.
int CDPDK_port_set_groups(uint16_t port, const uint64_t *groups, uint32_t count);

/// Lets the port receive every multicast frame.
int CDPDK_port_receive_all_groups(uint16_t port);

typedef struct CDPDK_port_statistics {
    uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes;
    uint64_t rx_missed, rx_errors, tx_errors, rx_no_buffer;
} CDPDK_port_statistics;

int CDPDK_port_get_statistics(uint16_t port, CDPDK_port_statistics *statistics);

/// One of the counters that a driver has beside those, "rx_q0_packets", "rx_crc_errors".
typedef struct CDPDK_counter {
    char name[64];
    uint64_t value;
} CDPDK_counter;

enum { CDPDK_counter_capacity = 1024 };

/// Reads the counters of a driver, at most `capacity`; returns how many, or a negative errno.
int CDPDK_port_get_counters(uint16_t port, CDPDK_counter *counters, unsigned capacity);

/// A fact about a device, for people: a number, or with `is_bits` a word of flags.
typedef struct CDPDK_fact {
    const char *name;
    uint64_t value;
    bool is_bits;
} CDPDK_fact;

enum { CDPDK_fact_capacity = 48 };

/// Reads what a device says of itself, at most `capacity` facts; returns how many, or a negative
/// errno. Names are constants.
int CDPDK_port_get_details(uint16_t port, CDPDK_fact *facts, unsigned capacity);

/// What can be switched while a port runs.
enum CDPDK_switch {
    CDPDK_switch_promiscuous,
    CDPDK_switch_all_multicast,
    CDPDK_switch_link,
};

/// Switches; -ENOTSUP when the driver has no such switch.
int CDPDK_port_set_switch(uint16_t port, int which, bool is_on);

/// Whether it is on; a negative errno when nobody knows. Not of the link.
int CDPDK_port_get_switch(uint16_t port, int which);

// MARK: - Memory

/// A piece of memory with one page size, or a part of it that has a name.
typedef struct CDPDK_memory {
    char name[64];
    uint64_t virtual_address;
    uint64_t bus_address;
    uint64_t length;
    uint64_t page_size;
    int32_t socket;
    uint32_t channels;
    uint32_t ranks;
} CDPDK_memory;

typedef struct CDPDK_elements {
    char name[64];
    uint32_t flags;
    uint32_t element_size, header_size, trailer_size, private_size;
    uint32_t size;
    uint32_t used;
    uint32_t available;
} CDPDK_elements;

/// Each returns how many there are and fills in at most `capacity`.
unsigned CDPDK_memory_segments(CDPDK_memory *found, unsigned capacity);
unsigned CDPDK_memory_zones(CDPDK_memory *found, unsigned capacity);
unsigned CDPDK_memory_pools(CDPDK_elements *found, unsigned capacity);
unsigned CDPDK_memory_rings(CDPDK_elements *found, unsigned capacity);

// MARK: - Devices that go

/// Notes from now on which devices are to go.
int CDPDK_watch_removals(void);

/// Whether the port's device is to go, or has gone already without having been asked.
bool CDPDK_port_is_wanted_back(uint16_t port);

/// Bursts of the port find nothing from now on; those that are under way may still touch it.
void CDPDK_port_leave(uint16_t port);

/// Gives up the device, of whose port no burst is under way.
int CDPDK_port_let_go(uint16_t port);

/// Whether the device is gone: given up, unplugged, or its driver says so.
bool CDPDK_port_is_removed(uint16_t port);

// MARK: - Bursts

/// Receives at most `count` frames, each in one segment of at least 14 octets.
uint16_t CDPDK_receive(uint16_t port, uint16_t queue, CPacket_buffer **buffers, uint16_t count);

/// Transmits the first of `count` frames that the device takes; returns how many these are.
uint16_t CDPDK_transmit(uint16_t port, uint16_t queue, CPacket_buffer **buffers, uint16_t count);

/// Frames that `CDPDK_receive` dropped because they were too short or could not be made one segment.
uint64_t CDPDK_unusable_frames(void);

#ifdef __cplusplus
}
#endif
#endif
