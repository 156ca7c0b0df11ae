// SPDX-License-Identifier: Apache-2.0
#include "CPacket.h"

#include <string.h>

#if defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

_Static_assert(sizeof(CPacket_buffer) == 136 || sizeof(CPacket_buffer) <= 128,
               "two cache lines, as struct rte_mbuf");

// The polynomial 0x1EDC6F41 with its bits reversed, times each four-bit remainder.
static const uint32_t crc32c_nibbles[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
    0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

uint32_t CPacket_crc32c_portable(uint32_t crc, const void *data, size_t length) {
    const uint8_t *octets = data;
    for (size_t i = 0; i < length; i++) {
        crc ^= octets[i];
        crc = crc >> 4 ^ crc32c_nibbles[crc & 15];
        crc = crc >> 4 ^ crc32c_nibbles[crc & 15];
    }
    return crc;
}

#if defined(__SSE4_2__)
#define CRC32C_WORD(crc, word) ((uint32_t)_mm_crc32_u64(crc, word))
#define CRC32C_OCTET(crc, octet) _mm_crc32_u8(crc, octet)
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#define CRC32C_WORD(crc, word) __crc32cd(crc, word)
#define CRC32C_OCTET(crc, octet) __crc32cb(crc, octet)
#endif

uint32_t CPacket_crc32c(uint32_t crc, const void *data, size_t length) {
#if defined(CRC32C_WORD)
    const uint8_t *octets = data;
    for (; length >= 8; length -= 8, octets += 8) {
        uint64_t word;
        memcpy(&word, octets, 8);
        crc = CRC32C_WORD(crc, word);
    }
    for (; length > 0; length--, octets++) crc = CRC32C_OCTET(crc, *octets);
    return crc;
#else
    return CPacket_crc32c_portable(crc, data, length);
#endif
}
