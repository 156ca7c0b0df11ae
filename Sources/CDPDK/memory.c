// SPDX-License-Identifier: Apache-2.0
//
// What DPDK has of memory, for people who look: nothing here is asked while packets move.
#include "CDPDK.h"

#include <rte_eal.h>
#include <rte_eal_memconfig.h>
#include <rte_memory.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>
#include <rte_tailq.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    CDPDK_memory *found;
    unsigned capacity, count;
} memory_list;

typedef struct {
    CDPDK_elements *found;
    unsigned capacity, count;
} element_list;

/// Pieces that follow one another in memory and for devices are one.
static int add_segment(const struct rte_memseg_list *list, const struct rte_memseg *segment,
                       size_t length, void *context) {
    (void)list;
    memory_list *all = context;
    if (all->count < all->capacity)
        all->found[all->count] = (CDPDK_memory){
            .virtual_address = segment->addr_64,
            .bus_address = segment->iova,
            .length = length,
            .page_size = segment->hugepage_sz,
            .socket = segment->socket_id,
            .channels = segment->nchannel,
            .ranks = segment->nrank,
        };
    all->count++;
    return 0;
}

unsigned CDPDK_memory_segments(CDPDK_memory *found, unsigned capacity) {
    memory_list all = {found, capacity, 0};
    rte_memseg_contig_walk(add_segment, &all);
    return all.count;
}

static void add_zone(const struct rte_memzone *zone, void *context) {
    memory_list *all = context;
    if (all->count < all->capacity) {
        CDPDK_memory *place = &all->found[all->count];
        *place = (CDPDK_memory){
            .virtual_address = zone->addr_64,
            .bus_address = zone->iova,
            .length = zone->len,
            .page_size = zone->hugepage_sz,
            .socket = zone->socket_id,
        };
        snprintf(place->name, sizeof place->name, "%s", zone->name);
    }
    all->count++;
}

unsigned CDPDK_memory_zones(CDPDK_memory *found, unsigned capacity) {
    memory_list all = {found, capacity, 0};
    rte_memzone_walk(add_zone, &all);
    return all.count;
}

static void add_pool(struct rte_mempool *pool, void *context) {
    element_list *all = context;
    if (all->count < all->capacity) {
        CDPDK_elements *place = &all->found[all->count];
        *place = (CDPDK_elements){
            .flags = pool->flags,
            .element_size = pool->elt_size,
            .header_size = pool->header_size,
            .trailer_size = pool->trailer_size,
            .private_size = pool->private_data_size,
            .size = pool->size,
            .used = rte_mempool_in_use_count(pool),
            .available = rte_mempool_avail_count(pool),
        };
        snprintf(place->name, sizeof place->name, "%s", pool->name);
    }
    all->count++;
}

unsigned CDPDK_memory_pools(CDPDK_elements *found, unsigned capacity) {
    element_list all = {found, capacity, 0};
    rte_mempool_walk(add_pool, &all);
    return all.count;
}

TAILQ_HEAD(ring_list, rte_tailq_entry);

/// DPDK has a walk for everything but rings, whose list has a name all the same.
unsigned CDPDK_memory_rings(CDPDK_elements *found, unsigned capacity) {
    element_list all = {found, capacity, 0};
    struct ring_list *list = RTE_TAILQ_LOOKUP(RTE_TAILQ_RING_NAME, ring_list);
    if (list == NULL) return 0;
    struct rte_tailq_entry *entry;
    rte_mcfg_tailq_read_lock();
    TAILQ_FOREACH(entry, list, next) {
        const struct rte_ring *ring = entry->data;
        if (all.count < all.capacity) {
            CDPDK_elements *place = &all.found[all.count];
            *place = (CDPDK_elements){
                .flags = (uint32_t)ring->flags,
                .size = rte_ring_get_size(ring),
                .used = rte_ring_count(ring),
                .available = rte_ring_free_count(ring),
            };
            snprintf(place->name, sizeof place->name, "%s", ring->name);
        }
        all.count++;
    }
    rte_mcfg_tailq_read_unlock();
    return all.count;
}
