// SPDX-License-Identifier: Apache-2.0
#include "CRealIP.h"

// ELF wants its tables aligned.
_Alignas(8) static const unsigned char object[] = {
#embed "realip.bpf.o"
};

const void *CRealIP_object(void) { return object; }

size_t CRealIP_object_size(void) { return sizeof object; }
