// SPDX-License-Identifier: Apache-2.0
//
// The compiled eBPF programs of `dpvs-realip`, and what they share with Swift.
#ifndef CREALIP_H
#define CREALIP_H

#include <stddef.h>

#include "CRealIPLayouts.h"

/// The ELF object that scripts/build-bpf makes of bpf/: its first octet.
const void *CRealIP_object(void);
/// How many octets it has.
size_t CRealIP_object_size(void);

#endif
