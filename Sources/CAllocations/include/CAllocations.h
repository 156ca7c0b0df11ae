// SPDX-License-Identifier: Apache-2.0
#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

#include <stdint.h>

/// How often the calling thread has asked for memory since it began: `malloc` and its relatives,
/// whoever in the process calls them. Memory that was freed at once counts like any other.
uint64_t CAllocations_count(void);

#endif
