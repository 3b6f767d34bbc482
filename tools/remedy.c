/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/remedy.h"

#include "tools/corevocab.h"
#include "tools/partner.h"

/* Who can do something about a fact; in the order in which it is printed. */
enum remedy { REMEDY_STATE, REMEDY_REGISTER, REMEDY_MEASURED, REMEDY_STRANGE, REMEDY_IGNORED };

static const char *const remedy_labels[] = {
    [REMEDY_STATE] = "  would help, state it with: ",
    [REMEDY_REGISTER] = "  would help, but neither the agreement nor a partner's record holds it; "
                        "ask the zone's operator: ",
    [REMEDY_MEASURED] = "  known only from the data or to the gateway: ",
    [REMEDY_STRANGE] = "  would help, but this program's vocabulary does not have it; ask the "
                       "zone's operator: ",
    [REMEDY_IGNORED] = "  stated, but does not count from a partner; leave it out: ",
};

enum { REMEDY_COUNT = sizeof(remedy_labels) / sizeof(remedy_labels[0]) };

/* The decision with its vocabulary; vocab is NULL when this build's cannot be read. */
struct remedy_case {
    const struct json_doc *doc;
    const struct json_node *unknown; /* array of names, or NULL */
    const struct vocab *vocab;
    FILE *out;
};

static const struct json_node *
remedy_array(const struct json_doc *doc, const struct json_node *object, const char *key)
{
    const struct json_node *node = object == NULL ? NULL : json_get(doc, object, key);
    return node != NULL && node->type == JSON_ARRAY ? node : NULL;
}

static bool
remedy_is_unknown(const struct remedy_case *c, struct span fact)
{
    const struct json_node *n = c->unknown == NULL ? NULL : json_first(c->doc, c->unknown);
    for (; n != NULL; n = json_next(c->doc, c->unknown, n))
        if (n->type == JSON_STRING && span_eq(n->text, fact))
            return true;
    return false;
}

/* False: there is nothing to say about the fact. */
static bool
remedy_of(const struct remedy_case *c, struct span fact, bool would_help, enum remedy *ret)
{
    const struct vocab_attr *attr = c->vocab == NULL ? NULL : vocab_attr(c->vocab, fact);
    if (!would_help && !remedy_is_unknown(c, fact)) {
        *ret = REMEDY_IGNORED;
        return true;
    }
    if (attr == NULL) {
        *ret = REMEDY_STRANGE;
        return would_help;
    }
    switch (attr->source) {
    case VOCAB_MANIFEST:
        /* Labels are what the agreement's schema declares, not a fact of a request. */
        *ret = attr->type == VOCAB_LABELS ? REMEDY_REGISTER : REMEDY_STATE;
        return would_help;
    case VOCAB_REGISTER:
        *ret = REMEDY_REGISTER;
        return would_help;
    case VOCAB_ROUTE:
    case VOCAB_COUNTER:
    case VOCAB_GATEWAY:
        break;
    }
    *ret = REMEDY_MEASURED;
    return true;
}

/* "--fact purpose=VALUE (VALUE: contract, research)". */
static void
remedy_put_option(const struct remedy_case *c, struct span fact)
{
    const struct vocab_attr *attr = vocab_attr(c->vocab, fact);
    fputs("--fact ", c->out);
    partner_put(c->out, fact);
    if (attr->type == VOCAB_BOOL)
        fputs("=true|false", c->out);
    else
        fputs(attr->type == VOCAB_INT ? "=NUMBER" : "=VALUE", c->out);
    for (size_t i = 0; i < attr->value_count; i++) {
        fputs(i == 0 ? " (VALUE: " : ", ", c->out);
        partner_put(c->out, attr->values[i]);
    }
    if (attr->value_count > 0)
        fputc(')', c->out);
}

/* The line of one remedy, if any fact of missing has it. */
static void
remedy_line(const struct remedy_case *c, const struct json_node *missing, enum remedy wanted)
{
    bool first = true;
    const struct json_node *item = json_first(c->doc, missing);
    for (; item != NULL; item = json_next(c->doc, missing, item)) {
        const struct json_node *name =
            item->type == JSON_OBJECT ? json_get(c->doc, item, "fact") : NULL;
        const struct json_node *helps =
            item->type == JSON_OBJECT ? json_get(c->doc, item, "would_help") : NULL;
        enum remedy remedy = REMEDY_STRANGE;
        if (name == NULL || name->type != JSON_STRING)
            continue;
        if (!remedy_of(c, name->text,
                       helps != NULL && helps->type == JSON_BOOL && helps->number == 1, &remedy) ||
            remedy != wanted)
            continue;
        fputs(first ? remedy_labels[wanted] : "; ", c->out);
        first = false;
        if (wanted == REMEDY_STATE)
            remedy_put_option(c, name->text);
        else
            partner_put(c->out, name->text);
    }
    if (!first)
        fputc('\n', c->out);
}

void
remedy_print(const struct json_doc *doc, const struct json_node *decision, FILE *out)
{
    struct vocab vocab;
    struct fault fault = {.code = ERR_OK};
    const struct json_node *missing = remedy_array(doc, decision, "missing");
    if (missing == NULL || missing->count == 0)
        return;
    const bool reads = corevocab_init(&vocab, &fault) == ERR_OK;
    const struct remedy_case c = {.doc = doc,
                                  .unknown = remedy_array(doc, decision, "unknown"),
                                  .vocab = reads ? &vocab : NULL,
                                  .out = out};
    for (size_t i = 0; i < REMEDY_COUNT; i++)
        remedy_line(&c, missing, (enum remedy)i);
    if (reads)
        vocab_finish(&vocab);
}
