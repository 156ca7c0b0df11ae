// SPDX-License-Identifier: Apache-2.0
//
// Linux calls that do not import into Swift: variadic functions and macros. See `Linux`.
#ifndef CLINUX_H
#define CLINUX_H

#include <stddef.h>
#include <stdint.h>
// Not in Swift's Glibc module.
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/types.h>

#include "CLinuxInterfaces.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Maps `size` zeroed octets for tables that workers walk at random, on huge pages if it can.
///
/// Every page is touched before the call returns, so that no worker meets a page fault. Returns
/// null, with `errno` set, when memory is short.
void *CLinux_map_table(size_t size);

/// Gives back what `CLinux_map_table` returned for the same `size`.
void CLinux_unmap_table(void *base, size_t size);

/// Maps `size` zeroed octets that cost memory only where they are written; null when refused.
void *CLinux_map_lazily(size_t size);

/// Gives back what `CLinux_map_lazily` returned for the same `size`.
void CLinux_unmap_lazily(void *base, size_t size);

/// Adds one to the eventfd `descriptor`; never blocks on a non-blocking one.
void CLinux_signal_event(int descriptor);

/// Lets sleeps of the calling thread end on time, instead of up to 50 microseconds later.
void CLinux_sleep_exactly(void);

/// Sleeps for `nanoseconds`, below a second, and the thread's timer slack.
void CLinux_sleep(uint64_t nanoseconds);

/// Descriptors that a thread waits for.
typedef struct CLinux_waiter CLinux_waiter;

/// Lays `count` descriptors out to be waited for; null when memory is short.
CLinux_waiter *CLinux_make_waiter(const int *descriptors, unsigned count);
void CLinux_free_waiter(CLinux_waiter *waiter);

/// Returns when one of the descriptors can be read, or after `nanoseconds` and the thread's timer
/// slack; eventfds are read. How many could be read; null only sleeps.
int CLinux_wait(CLinux_waiter *waiter, uint64_t nanoseconds);

/// Writes the CPUs that this thread may run on, in order; returns how many, or -1.
int CLinux_usable_cpus(int32_t *cpus, int capacity);

/// Keeps the calling thread on `cpu`; returns 0, or -1 with `errno` set.
int CLinux_pin(int cpu);

/// The processor's time-stamp counter.
uint64_t CLinux_cycles(void);

/// Takes from every thread of the process all capabilities but those of `kept`, and sets
/// no_new_privs; returns 0, or -1 with `errno` set when a thread kept more. One call at a time.
int CLinux_limit_privileges(uint64_t kept);

/// Starts the program at `path` with `words`, which end with null, and hands signals that come from now on
/// to it; its number, or -1 with `errno` set. For one program in a process.
pid_t CLinux_spawn(const char *path, char *const words[]);

/// Waits until a process that this one started has ended, and takes others that end meanwhile from the kernel's
/// list; its exit code, 128 and the signal's number when a signal ended it, -1 with `errno` set.
int CLinux_wait_for(pid_t process);

/// Gives up the capabilities `lost` for good and becomes `program`, looked for in PATH; returns only when that
/// failed, -1 with `errno` set. For processes with a single thread.
int CLinux_become(const char *program, char *const words[], uint64_t lost);

/// Gives the calling thread a name of at most 15 characters.
void CLinux_name_thread(const char *name);

/// Moves the calling thread to the network namespace behind an open file (setns(2)); -1 and errno.
int CLinux_enter_network(int descriptor);

/// Opens the TAP interface `name`, made when it is not there; reads and writes do not block.
///
/// Returns a descriptor, or -1 with `errno` set. One made so ends with its descriptor.
int CLinux_open_tap(const char *name);
/// The same for an interface of IP packets, without a link layer.
int CLinux_open_tun(const char *name);

/// Whether the interface `name` is a TAP: 1 or 0; -1 with `errno` set when there is none.
int CLinux_is_tap(const char *name);
/// The same of a TUN.
int CLinux_is_tun(const char *name);

/// Whether `descriptor` is an end of the TAP `name`: 1, or 0 when that was deleted or renamed.
int CLinux_is_attached(int descriptor, const char *name);

/// Says whether the TAP behind `descriptor` has a link; returns 0, or -1 with `errno` set.
int CLinux_set_carrier(int descriptor, int is_up);

/// Gives an interface the six octets of `address`, unless it has them; 0, or -1 with `errno` set.
int CLinux_set_hardware_address(const char *name, const uint8_t *address);

/// Gives an interface an MTU, unless it has it; returns 0, or -1 with `errno` set.
int CLinux_set_mtu(const char *name, int mtu);

/// Switches an interface on, unless it is; returns 0, or -1 with `errno` set.
int CLinux_set_up(const char *name);

#ifdef __cplusplus
}
#endif
#endif
