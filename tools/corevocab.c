/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/corevocab.h"

#include "crypto/digest.h"
#include "tools/packs.h"

enum err
corevocab_init(struct vocab *v, struct fault *ret_fault)
{
    size_t count = 0;
    const struct pack *packs = packs_all(&count);
    size_t at = 0;
    uint8_t sha256[32];
    while (at < count && strcmp(packs[at].format, "tdz.vocab/1") != 0)
        at++;
    if (at == count)
        return ERR_MISSING;
    const struct span input = span_of(packs[at].bytes, packs[at].len);
    TRY(digest_init());
    TRY(digest_sha256(input, sha256));
    return vocab_read(v, input, sha256, ret_fault);
}
