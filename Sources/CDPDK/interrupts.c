// SPDX-License-Identifier: Apache-2.0
#include "CDPDK.h"

#include <rte_mempool.h>

bool CDPDK_pool_is_one_piece(const CDPDK_pool *pool) {
    return ((const struct rte_mempool *)pool)->nb_mem_chunks == 1;
}
