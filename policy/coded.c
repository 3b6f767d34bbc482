/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/coded.h"

/* The entry of that name in facts from *at on; both sides are walked in order of name. */
static const struct facts_entry *
coded_entry(const struct facts *f, struct span name, size_t *at)
{
    for (; *at < f->count; (*at)++) {
        const int order = span_cmp(f->entry[*at].name, name);
        if (order == 0)
            return &f->entry[*at];
        if (order > 0)
            return NULL;
    }
    return NULL;
}

static void
coded_scope(struct coded *c, const struct facts *f)
{
    const struct compiled *doc = c->doc;
    const struct vocab *v = doc->doc->vocab;
    const struct facts_entry *to = facts_get(f, SPAN_LIT("to"));
    const uint32_t zone =
        to != NULL && to->type == FACTS_TEXT ? vocab_zone(v, to->text) : VOCAB_NONE;
    for (size_t w = 0; w < doc->words; w++)
        c->scope[w] = 0;
    c->labels = (struct vocab_set){0};
    for (size_t i = 0; i < f->label_count; i++) {
        const uint32_t class = vocab_class(v, f->label[i]);
        if (class == VOCAB_NONE)
            continue;
        vocab_set_add(&c->labels, class);
        for (size_t w = 0; w < doc->words; w++)
            c->scope[w] |= doc->classes[class * doc->words + w];
    }
    for (size_t w = 0; w < doc->words; w++)
        c->scope[w] &= zone == VOCAB_NONE ? 0 : doc->to[zone * doc->words + w];
}

void
coded_make(struct coded *ret, const struct compiled *doc, const struct facts *f, bool preflight)
{
    size_t at = 0;
    ret->doc = doc;
    ret->has_open = false;
    for (size_t i = 0; i < COMPILED_ATTR_WORDS; i++)
        ret->unknown[i] = 0;
    for (size_t i = 0; i < doc->codes.count; i++) {
        const struct codes_column *column = &doc->codes.columns[i];
        const struct source_attr *attr = &doc->doc->attrs[column->attr];
        const struct facts_entry *e = coded_entry(f, attr->name, &at);
        uint16_t code = CODES_UNKNOWN;
        /* A value that is there but does not count is not open: the stream will not mend it. */
        const bool open = preflight && e == NULL && attr->source == VOCAB_GATEWAY;
        if (e != NULL && e->source >= attr->source)
            code = codes_find(column, doc->doc->vocab, e);
        ret->low[i] = (open ? CODES_OPEN_LOW : code) * doc->stride[i];
        ret->high[i] = (open ? CODES_OPEN_HIGH : code) * doc->stride[i];
        ret->has_open = ret->has_open || open;
        if (code == CODES_UNKNOWN)
            ret->unknown[column->attr / 64] |= UINT64_C(1) << (column->attr % 64);
    }
    coded_scope(ret, f);
}
