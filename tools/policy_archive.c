/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/policy_archive.h"

#include "crypto/digest.h"
#include "schemas/text.h"

static enum err
policy_archive_keep(const struct zonebook *z, const uint8_t sha256[static 32], const char *suffix,
                    struct span bytes)
{
    char path[OUTDIR_PATH_MAX];
    char hex[65];
    TRY(text_hex(span_of(sha256, 32), hex, sizeof(hex)));
    TRY(outdir_path(path, z->policies, "archive/%s%s", hex, suffix));
    return outdir_exists(path) ? ERR_OK : outdir_write(path, 0644, bytes);
}

/* Lists are files of their folder; which of them a document names is told by hashes. */
static enum err
policy_archive_lists(const struct zonebook *z, const struct register_set *r)
{
    for (size_t i = 0; i < z->memory_count; i++) {
        const struct span all = span_str(z->memory[i]);
        uint8_t sha256[32];
        TRY(digest_sha256(all, sha256));
        for (size_t k = 0; k < r->list_count; k++)
            if (memcmp(r->lists[k]->sha256, sha256, 32) == 0)
                TRY(policy_archive_keep(z, sha256, ".json", all));
    }
    return ERR_OK;
}

enum err
policy_archive_fill(const struct zonebook *z, const struct register_set *r)
{
    TRY(policy_archive_keep(z, z->vocab.sha256, ".json", z->vocab_bytes));
    for (size_t i = 0; i < r->policy_count; i++) {
        const uint8_t *sha256 = r->policies[i]->sha256;
        TRY(policy_archive_keep(z, sha256, ".json", r->policy_bytes[i]));
        TRY(policy_archive_keep(z, sha256, ".json.activation", z->activations[i]));
    }
    return policy_archive_lists(z, r);
}
