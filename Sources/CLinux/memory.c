// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 // Linux 5.14
#endif

enum { huge_page = 2 << 20 };

static size_t mapped_size(size_t size) { return (size + huge_page - 1) & ~(size_t)(huge_page - 1); }

void *CLinux_map_table(size_t size) {
    size_t length = mapped_size(size);
    // Over-map by one huge page and cut to alignment: transparent huge pages need aligned ranges.
    uint8_t *base = mmap(NULL, length + huge_page, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return NULL;
    uint8_t *aligned = (uint8_t *)(((uintptr_t)base + huge_page - 1) & ~(uintptr_t)(huge_page - 1));
    if (aligned > base) munmap(base, (size_t)(aligned - base));
    size_t tail = (size_t)(base + length + huge_page - (aligned + length));
    if (tail > 0) munmap(aligned + length, tail);
    madvise(aligned, length, MADV_HUGEPAGE);
    if (madvise(aligned, length, MADV_POPULATE_WRITE) != 0) {
        for (size_t offset = 0; offset < length; offset += 4096)
            ((volatile uint8_t *)aligned)[offset] = 0;
    }
    return aligned;
}

void CLinux_unmap_table(void *base, size_t size) { munmap(base, mapped_size(size)); }

void *CLinux_map_lazily(size_t size) {
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return base == MAP_FAILED ? NULL : base;
}

void CLinux_unmap_lazily(void *base, size_t size) { munmap(base, size); }
