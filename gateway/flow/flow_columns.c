/* SPDX-License-Identifier: Apache-2.0 */
/* What a refusal says of the data: each contradiction to the declaration, with the column's
 * declared name or ordinal, never with content. */
#include "gateway/flow/stages.h"
#include "inspect/findings.h"

#include <stdio.h>

enum { COLUMNS_TOLD = 8, COLUMNS_TEXT_MAX = 1024 };

struct columns {
    const struct json_doc *doc;
    const struct json_node *columns;
    char *text; /* COLUMNS_TEXT_MAX */
    size_t len;
    size_t told;
};

static const struct json_node *
columns_find(const struct columns *c, struct span name)
{
    const struct json_node *n = json_first(c->doc, c->columns);
    for (; n != NULL; n = json_next(c->doc, c->columns, n)) {
        const struct json_node *is = n->type == JSON_OBJECT ? json_get(c->doc, n, "name") : NULL;
        if (is != NULL && is->type == JSON_STRING && span_eq(is->text, name))
            return n;
    }
    return NULL;
}

/* The member key of a column, or what nothing declared is called. */
static struct span
columns_word(const struct columns *c, const struct json_node *column, const char *key)
{
    const struct json_node *n = column != NULL ? json_get(c->doc, column, key) : NULL;
    return n != NULL && n->type == JSON_STRING ? n->text : SPAN_LIT("nothing");
}

/* What contradicts, in words that follow "column X: " or stand alone (ceilings). ret_words has at
 * least 192 bytes. ERR_NOT_FOUND: a rule that this build does not have. */
static enum err
columns_words(const struct columns *c, unsigned rule, const struct json_node *column,
              char ret_words[static 192])
{
    const struct span declared = columns_word(c, column, "declared");
    const struct span observed = columns_word(c, column, "observed");
    const struct span type = columns_word(c, column, "type");
    static const char *const plain[FINDINGS_RULE_COUNT] = {
        "not declared in the agreement's schema, which admits no other column",
        "observed above its declared class",
        "too many of its values are not of the declared identifier type",
        "declared pseudonymised, but it holds identifiers",
        "the dataset has more bytes than the agreement allows",
        "the dataset has more persons than the agreement allows",
        "the dataset has more rows than the agreement allows",
    };
    if (rule >= FINDINGS_RULE_COUNT)
        return ERR_NOT_FOUND;
    if (1U << rule == FINDINGS_CLASS && column != NULL)
        (void)snprintf(ret_words, 192, "declared %.*s, observed %.*s", (int)declared.len,
                       (const char *)declared.ptr, (int)observed.len, (const char *)observed.ptr);
    else if (1U << rule == FINDINGS_PSEUDONYMISED && column != NULL)
        (void)snprintf(ret_words, 192, "%s (%.*s)", plain[rule], (int)type.len,
                       (const char *)type.ptr);
    else
        (void)snprintf(ret_words, 192, "%s", plain[rule]);
    return ERR_OK;
}

/* One contradiction's words behind the text. Nothing when they do not fit. */
static enum err
columns_one(struct columns *c, const struct json_node *contradiction)
{
    struct span rule;
    struct span name = {0};
    char words[192];
    unsigned bit = 0;
    if (contradiction->type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_need_str(c->doc, contradiction, "rule", 64, &rule, NULL));
    const struct json_node *column = json_get(c->doc, contradiction, "column");
    if (column != NULL && column->type == JSON_STRING)
        name = column->text;
    while (bit < FINDINGS_RULE_COUNT && !span_eq_str(rule, findings_rule_name(bit)))
        bit++;
    TRY(columns_words(c, bit, name.len > 0 ? columns_find(c, name) : NULL, words));
    const int n = snprintf(c->text + c->len, COLUMNS_TEXT_MAX - c->len, "%s%s%.*s%s%s",
                           c->told == 0 ? "" : "; ", name.len > 0 ? "column " : "", (int)name.len,
                           (const char *)name.ptr, name.len > 0 ? ": " : "", words);
    if (n > 0 && (size_t)n < COLUMNS_TEXT_MAX - c->len) {
        c->len += (size_t)n;
        c->told++;
    }
    return ERR_OK;
}

enum err
flow_columns(struct flow *f, const struct store_row *row, struct span *ret)
{
    struct json_doc doc;
    struct columns c = {.doc = &doc};
    const struct json_node *list = NULL;
    uint8_t *text = NULL;
    *ret = (struct span){0};
    const enum err err = flow_part_json(f, row, STORE_OBSERVED, row->n, &doc);
    if (err == ERR_NOT_FOUND)
        return ERR_OK; /* refused before the stream */
    TRY(err);
    TRY(room_take(&f->room, COLUMNS_TEXT_MAX, &text));
    c.text = (char *)text;
    TRY(json_need(&doc, &doc.nodes[0], "columns", JSON_ARRAY, &c.columns, NULL));
    list = json_get(&doc, &doc.nodes[0], "contradictions");
    if (list == NULL || list->type != JSON_ARRAY)
        return ERR_OK; /* nothing contradicts */
    const struct json_node *n = json_first(&doc, list);
    for (; n != NULL && c.told < COLUMNS_TOLD; n = json_next(&doc, list, n))
        TRY(columns_one(&c, n));
    *ret = span_of(text, c.len);
    return ERR_OK;
}
