/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/crc.h"

/* The polynomial 0x1edc6f41, bits reversed. */
#define CRC_POLY UINT32_C(0x82f63b78)

void
crc_init(struct crc *crc)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = (c & 1) != 0 ? c >> 1 ^ CRC_POLY : c >> 1;
        crc->table[0][i] = c;
    }
    for (size_t k = 1; k < 4; k++)
        for (uint32_t i = 0; i < 256; i++)
            crc->table[k][i] =
                crc->table[k - 1][i] >> 8 ^ crc->table[0][crc->table[k - 1][i] & 0xff];
}

uint32_t
crc_add(const struct crc *crc, uint32_t before, struct span bytes)
{
    uint32_t c = ~before;
    size_t i = 0;
    for (; i + 4 <= bytes.len; i += 4) {
        const uint8_t *p = bytes.ptr + i;
        c ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        c = crc->table[3][c & 0xff] ^ crc->table[2][c >> 8 & 0xff] ^ crc->table[1][c >> 16 & 0xff] ^
            crc->table[0][c >> 24];
    }
    for (; i < bytes.len; i++)
        c = c >> 8 ^ crc->table[0][(c ^ bytes.ptr[i]) & 0xff];
    return ~c;
}
