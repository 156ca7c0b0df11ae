// SPDX-License-Identifier: Apache-2.0
#include "CPacket.h"

_Static_assert(sizeof(CPacket_buffer) == 136 || sizeof(CPacket_buffer) <= 128,
               "two cache lines, as struct rte_mbuf");
