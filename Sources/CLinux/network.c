// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <sched.h>

int CLinux_enter_network(int descriptor) {
    return setns(descriptor, CLONE_NEWNET);
}
