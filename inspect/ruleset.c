/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/ruleset.h"

#include "crypto/digest.h"
#include "inspect/hotword.h"
#include "inspect/ident.h"

static enum err
ruleset_feed(struct digest *d)
{
    TRY(digest_update(d, span_of(RULESET_NAME, sizeof(RULESET_NAME))));
    for (unsigned i = 0; i < IDENT_COUNT; i++) {
        const char *name = ident_name((enum ident)i);
        const char *label = label_name(ident_label((enum ident)i));
        TRY(digest_update(d, span_of(name, strlen(name) + 1)));
        TRY(digest_update(d, span_of(label, strlen(label) + 1)));
    }
    for (size_t i = 0; i < hotword_count(); i++) {
        struct span word;
        uint32_t set = 0;
        hotword_entry(i, &word, &set);
        const uint8_t end[2] = {0, (uint8_t)set};
        TRY(digest_update(d, word));
        TRY(digest_update(d, span_of(end, sizeof(end))));
    }
    return ERR_OK;
}

enum err
ruleset_digest(uint8_t ret_digest[static 32])
{
    struct digest *d = NULL;
    TRY(digest_new(DIGEST_SHA256, &d));
    enum err err = ruleset_feed(d);
    if (err == ERR_OK)
        err = digest_final(d, ret_digest, 32);
    digest_free(d);
    return err;
}
