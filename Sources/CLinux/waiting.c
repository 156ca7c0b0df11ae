// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct CLinux_waiter {
    unsigned count;
    /// Whether a place is a counter of the kernel (an eventfd), which stays readable until it is read.
    uint8_t *is_counter;
    struct pollfd places[];
};

/// Nanoseconds that a wait takes at least when a descriptor only has errors to tell.
enum { error_pause = 1000000, second = 1000000000 };

static uint8_t is_counter(int descriptor) {
    static const char wanted[] = "anon_inode:[eventfd]";
    char path[32], target[sizeof wanted];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(path, target, sizeof target);
    return length == sizeof wanted - 1 && memcmp(target, wanted, sizeof wanted - 1) == 0;
}

CLinux_waiter *CLinux_make_waiter(const int *descriptors, unsigned count) {
    struct CLinux_waiter *waiter = malloc(sizeof *waiter + count * sizeof waiter->places[0]);
    if (waiter == NULL) return NULL;
    waiter->count = count;
    waiter->is_counter = malloc(count + 1);
    if (waiter->is_counter == NULL) {
        free(waiter);
        return NULL;
    }
    for (unsigned i = 0; i < count; i++) {
        waiter->places[i] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};
        waiter->is_counter[i] = is_counter(descriptors[i]);
    }
    return waiter;
}

void CLinux_free_waiter(CLinux_waiter *waiter) {
    if (waiter == NULL) return;
    free(waiter->is_counter);
    free(waiter);
}

static void sleep_for(uint64_t nanoseconds) {
    struct timespec time = {.tv_sec = (time_t)(nanoseconds / second),
                            .tv_nsec = (long)(nanoseconds % second)};
    nanosleep(&time, NULL);
}

/// Reads counters down; whether some descriptor has frames, or a counter was raised.
static int take_signals(CLinux_waiter *waiter) {
    int signals = 0;
    for (unsigned i = 0; i < waiter->count; i++) {
        struct pollfd *place = &waiter->places[i];
        if (place->revents & POLLIN) {
            signals++;
            uint64_t number;
            if (waiter->is_counter[i] && read(place->fd, &number, sizeof number) < 0) signals--;
        } else if (place->revents & POLLNVAL) {
            place->fd = -1;
        } else if (place->revents & POLLERR) {
            // An interface that went down leaves an error behind, and may come back.
            int error;
            socklen_t length = sizeof error;
            getsockopt(place->fd, SOL_SOCKET, SO_ERROR, &error, &length);
        }
    }
    return signals;
}

int CLinux_wait(CLinux_waiter *waiter, uint64_t nanoseconds) {
    if (waiter == NULL || waiter->count == 0) {
        sleep_for(nanoseconds);
        return 0;
    }
    struct timespec time = {.tv_sec = (time_t)(nanoseconds / second),
                            .tv_nsec = (long)(nanoseconds % second)};
    int ready = ppoll(waiter->places, waiter->count, &time, NULL);
    int signals = ready > 0 ? take_signals(waiter) : 0;
    // What has nothing but errors to tell must not turn a wait into a loop.
    if (ready > 0 && signals == 0)
        sleep_for(nanoseconds < error_pause ? nanoseconds : error_pause);
    return signals;
}
