/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/th.h"

#include "crypto/digest.h"
#include "schemas/wire.h"

#include <assert.h>

enum err
th_hash(const char *label, const struct span *parts, size_t part_count,
        uint8_t ret_digest[static 32])
{
    const struct span name = span_str(label);
    assert(name.len >= 1 && name.len <= TH_LABEL_MAX);
    assert(part_count <= TH_PARTS_MAX);
    const uint8_t name_len = (uint8_t)name.len;
    uint8_t lens[TH_PARTS_MAX][8];
    struct span all[2 + 2 * TH_PARTS_MAX] = {span_of(&name_len, 1), name};
    for (size_t i = 0; i < part_count; i++) {
        struct wire_writer w;
        wire_writer_init(&w, lens[i], sizeof(lens[i]));
        wire_put_u64(&w, parts[i].len);
        all[2 + 2 * i] = span_of(lens[i], sizeof(lens[i]));
        all[3 + 2 * i] = parts[i];
    }
    return digest_sha256_parts(all, 2 + 2 * part_count, ret_digest);
}
