// SPDX-License-Identifier: Apache-2.0
#include "CLinux.h"

#include <unistd.h>

void CLinux_signal_event(int descriptor) {
    uint64_t one = 1;
    // Full means that the reader has a wake-up waiting: nothing is lost.
    ssize_t written = write(descriptor, &one, sizeof one);
    (void)written;
}
