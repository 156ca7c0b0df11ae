// SPDX-License-Identifier: Apache-2.0
//
// Linux calls that do not import into Swift: variadic functions and macros. See `Linux`.
#ifndef CLINUX_H
#define CLINUX_H

#include <stddef.h>
#include <stdint.h>

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

#ifdef __cplusplus
}
#endif
#endif
