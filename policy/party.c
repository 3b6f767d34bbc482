/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/party.h"

/* spiffe://<zone>/partner/<rest>, nothing but printable ASCII. */
static bool
party_is_spiffe(struct span id, struct span zone)
{
    const struct span head = SPAN_LIT("spiffe://");
    const struct span role = SPAN_LIT("/partner/");
    if (id.len > PARTY_SPIFFE_BYTES_MAX || !span_starts(id, head))
        return false;
    const struct span rest = span_from(id, head.len);
    if (!span_starts(rest, zone) || !span_starts(span_from(rest, zone.len), role) ||
        rest.len == zone.len + role.len)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] <= 0x20 || id.ptr[i] > 0x7e)
            return false;
    return true;
}

static enum err
party_read_spiffe(struct party *p, const struct json_doc *doc, struct fault *ret_fault)
{
    const struct json_node *list = NULL;
    TRY(json_need(doc, &doc->nodes[0], "spiffe", JSON_ARRAY, &list, ret_fault));
    if (list->count == 0 || list->count > PARTY_SPIFFE_MAX)
        return json_fail(doc, list, ERR_RANGE, "spiffe has 1 to 16 names", ret_fault);
    const struct json_node *n = json_first(doc, list);
    for (; n != NULL; n = json_next(doc, list, n)) {
        if (n->type != JSON_STRING)
            return json_fail(doc, n, ERR_TYPE, "a SPIFFE id is a string", ret_fault);
        if (!party_is_spiffe(n->text, p->zone))
            return json_fail(doc, n, ERR_SYNTAX, "must be spiffe://<its zone>/partner/<name>",
                             ret_fault);
        if (party_has_spiffe(p, n->text))
            return json_fail(doc, n, ERR_DUPLICATE, "this name occurs twice", ret_fault);
        TRY(arena_text(&p->arena, n->text, &p->spiffe[p->spiffe_count]));
        p->spiffe_count++;
    }
    return ERR_OK;
}

static enum err
party_read_doc(struct party *p, const struct vocab *v, const struct json_doc *doc,
               struct fault *ret_fault)
{
    static const char *const fields[] = {"format", "name", "zone", "spiffe", "facts", "note"};
    const struct json_node *root = &doc->nodes[0];
    const struct json_node *facts = NULL;
    struct span text;
    if (root->type != JSON_OBJECT)
        return json_fail(doc, root, ERR_TYPE, "a partner is an object", ret_fault);
    TRY(json_need_str(doc, root, "format", 64, &text, ret_fault));
    if (!span_eq_str(text, "tdz.partner/1"))
        return json_fail(doc, json_get(doc, root, "format"), ERR_VERSION,
                         "format must be tdz.partner/1", ret_fault);
    TRY(json_only(doc, root, fields, 6, ret_fault));
    TRY(json_may_str(doc, root, "note", VOCAB_NOTE_MAX, ret_fault));
    TRY(json_need_str(doc, root, "name", VOCAB_NAME_MAX, &text, ret_fault));
    if (!vocab_is_name(text))
        return json_fail(doc, json_get(doc, root, "name"), ERR_SYNTAX,
                         "a name must match [A-Za-z0-9_.-]{1,64}", ret_fault);
    TRY(arena_text(&p->arena, text, &p->name));
    TRY(json_need_str(doc, root, "zone", VOCAB_NAME_MAX, &text, ret_fault));
    const uint32_t zone = vocab_zone(v, text);
    if (zone == VOCAB_NONE)
        return json_fail(doc, json_get(doc, root, "zone"), ERR_NOT_FOUND,
                         "this zone is not declared", ret_fault);
    p->zone = v->zones[zone].name;
    TRY(party_read_spiffe(p, doc, ret_fault));
    TRY(json_need(doc, root, "facts", JSON_OBJECT, &facts, ret_fault));
    return facts_load(&p->arena, v, doc, facts, &p->facts, &p->fact_count, ret_fault);
}

enum err
party_read(struct party *p, const struct vocab *v, struct span input,
           const uint8_t sha256[static 32], struct fault *ret_fault)
{
    struct json_doc doc;
    *p = (struct party){0};
    arena_init(&p->arena);
    memcpy(p->sha256, sha256, sizeof(p->sha256));
    TRY(json_load(&doc, input, ret_fault));
    const enum err err = party_read_doc(p, v, &doc, ret_fault);
    json_free(&doc);
    if (err != ERR_OK)
        party_finish(p);
    return err;
}

void
party_finish(struct party *p)
{
    arena_finish(&p->arena);
    *p = (struct party){0};
}

bool
party_has_spiffe(const struct party *p, struct span id)
{
    for (size_t i = 0; i < p->spiffe_count; i++)
        if (span_eq(p->spiffe[i], id))
            return true;
    return false;
}

enum err
party_facts_exporter(const struct party *p, struct facts *f)
{
    return facts_apply(f, p->facts, p->fact_count, SPAN_LIT("exporter."));
}

enum err
party_facts_recipient(const struct party *p, struct facts *f)
{
    return facts_apply(f, p->facts, p->fact_count, SPAN_LIT("recipient."));
}
