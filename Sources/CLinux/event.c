// SPDX-License-Identifier: Apache-2.0
#include "CLinux.h"

#include <time.h>
#include <unistd.h>

void CLinux_signal_event(int descriptor) {
    uint64_t one = 1;
    // Full means that the reader has a wake-up waiting: nothing is lost.
    ssize_t written = write(descriptor, &one, sizeof one);
    (void)written;
}

void CLinux_sleep(uint64_t nanoseconds) {
    struct timespec time = {.tv_nsec = (long)nanoseconds};
    nanosleep(&time, NULL);
}
