/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a document that was read. */
#include "policy/source.h"

bool
source_is_complete(const struct source *s)
{
    for (size_t i = 0; i < s->list_count; i++)
        if (!s->lists[i].has_sha256)
            return false;
    return true;
}

const struct source_text *
source_text(const struct source *s, struct span name)
{
    for (size_t i = 0; i < s->text_count; i++)
        if (span_eq(s->texts[i].name, name))
            return &s->texts[i];
    return NULL;
}
