/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/policy_region.h"

#include <stdio.h>

#include "schemas/text.h"

int64_t
policy_region_time(const struct explore_region *r)
{
    if (r->from_ms >= 0)
        return r->from_ms;
    return r->until_ms < INT64_MAX && r->until_ms > 0 ? r->until_ms - 1 : 0;
}

static void
policy_region_names(const struct explore_region *r, const struct vocab *v, bool zones,
                    struct canon *w)
{
    const size_t count = zones ? v->zone_count : v->class_count;
    canon_array(w);
    for (uint32_t i = 0; i < count; i++)
        if (vocab_set_has(zones ? &r->zones : &r->labels, i))
            canon_string(w, zones ? v->zones[i].name : v->classes[i].name);
    canon_end(w);
}

static void
policy_region_instant(struct canon *w, const char *key, int64_t ms)
{
    char text[25];
    if (ms >= 0 && ms < INT64_MAX && text_time_ms(ms, text) == ERR_OK)
        canon_member_str(w, key, text);
}

/* A cell: null is absence; a range is {"max","min"}; a string that nothing mentions {"other"}. */
static void
policy_region_cell(const struct cells_attr *attr, const struct cells_cell *cell, struct canon *w)
{
    if (cell->is_absent) {
        canon_null(w);
    } else if (attr->type == VOCAB_BOOL) {
        canon_bool(w, cell->low != 0);
    } else if (attr->type == VOCAB_INT) {
        canon_object(w);
        canon_member_int(w, "max", cell->high);
        canon_member_int(w, "min", cell->low);
        canon_end(w);
    } else if (cell->is_rest) {
        canon_object(w);
        canon_member_bool(w, "other", true);
        canon_end(w);
    } else {
        for (size_t i = 0; i < cell->text_count; i++)
            canon_string(w, cell->texts[i]);
    }
}

void
policy_region_write(const struct explore_problem *p, const struct explore_region *r,
                    struct canon *w)
{
    const struct vocab *v = p->rules[0].doc->vocab;
    policy_region_instant(w, "from", r->from_ms);
    canon_key(w, "labels");
    policy_region_names(r, v, false, w);
    canon_key(w, "to");
    policy_region_names(r, v, true, w);
    policy_region_instant(w, "until", r->until_ms);
    canon_key(w, "when");
    canon_array(w);
    for (size_t i = 0; i < r->attr_count; i++) {
        const struct cells_attr *attr = &p->cells->attrs[r->attrs[i]];
        canon_object(w);
        canon_member_span(w, "fact", attr->name);
        canon_key(w, "is");
        canon_array(w);
        for (size_t k = 0; k < attr->cell_count; k++)
            if (r->cells[i][k])
                policy_region_cell(attr, &attr->cell[k], w);
        canon_end(w);
        canon_end(w);
    }
    canon_end(w);
}

static void
policy_region_print_names(const struct explore_region *r, const struct vocab *v, bool zones)
{
    const size_t count = zones ? v->zone_count : v->class_count;
    const char *comma = " ";
    for (uint32_t i = 0; i < count; i++) {
        const struct span name = zones ? v->zones[i].name : v->classes[i].name;
        if (!vocab_set_has(zones ? &r->zones : &r->labels, i))
            continue;
        printf("%s%.*s", comma, (int)name.len, (const char *)name.ptr);
        comma = ", ";
    }
}

/* Numbers from low to high, with open ends in words. */
static void
policy_region_print_range(int64_t low, int64_t high)
{
    if (low == high)
        printf("%lld", (long long)low);
    else if (low == -JSON_INT_MAX && high == JSON_INT_MAX)
        printf("any number");
    else if (low == -JSON_INT_MAX)
        printf("at most %lld", (long long)high);
    else if (high == JSON_INT_MAX)
        printf("at least %lld", (long long)low);
    else
        printf("%lld to %lld", (long long)low, (long long)high);
}

static void
policy_region_print_attr(const struct cells_attr *attr, const bool *in)
{
    const char *comma = "";
    printf("   when %.*s is ", (int)attr->name.len, (const char *)attr->name.ptr);
    for (size_t k = attr->cell_count; k-- > 0;) {
        const struct cells_cell *cell = &attr->cell[k];
        size_t first = k;
        if (!in[k])
            continue;
        printf("%s", comma);
        comma = " or ";
        if (cell->is_absent) {
            printf("not known");
        } else if (attr->type == VOCAB_BOOL) {
            printf("%s", cell->low != 0 ? "true" : "false");
        } else if (attr->type == VOCAB_INT) {
            /* Neighbours are one range. */
            while (first > 1 && in[first - 1])
                first--;
            policy_region_print_range(attr->cell[first].low, cell->high);
            k = first;
        } else if (cell->is_rest) {
            printf("any other text");
        } else {
            for (size_t i = 0; i < cell->text_count && i < 8; i++)
                printf("%s%.*s", i == 0 ? "" : " or ", (int)cell->texts[i].len,
                       (const char *)cell->texts[i].ptr);
            if (cell->text_count > 8)
                printf(" or %zu more like them", cell->text_count - 8);
        }
    }
    printf("\n");
}

void
policy_region_print(const struct explore_problem *p, const struct explore_region *r)
{
    const struct vocab *v = p->rules[0].doc->vocab;
    char text[25];
    printf("   to");
    policy_region_print_names(r, v, true);
    printf("\n   labels");
    policy_region_print_names(r, v, false);
    printf("\n");
    if (r->from_ms >= 0 && text_time_ms(r->from_ms, text) == ERR_OK)
        printf("   from %s\n", text);
    if (r->until_ms > 0 && r->until_ms < INT64_MAX && text_time_ms(r->until_ms, text) == ERR_OK)
        printf("   until %s\n", text);
    for (size_t i = 0; i < r->attr_count; i++)
        policy_region_print_attr(&p->cells->attrs[r->attrs[i]], r->cells[i]);
}

/* Puts the values that were asked about in the place of any of their cells. */
static enum err
policy_region_ask(struct policy_region *m)
{
    for (size_t i = 0; i < m->asked_count; i++) {
        const struct facts_entry *e = &m->asked[i];
        if (e->type == FACTS_BOOL)
            TRY(facts_bool(&m->facts, e->name, e->number != 0, VOCAB_GATEWAY));
        else if (e->type == FACTS_INT)
            TRY(facts_int(&m->facts, e->name, e->number, VOCAB_GATEWAY));
        else
            TRY(facts_text(&m->facts, e->name, e->text, VOCAB_GATEWAY));
    }
    return ERR_OK;
}

enum err
policy_region_check(struct policy_region *m, const struct explore_problem *p,
                    const struct explore_region *r, const struct source *const *docs,
                    size_t doc_count, const struct explore_outcome *expect)
{
    struct canon w;
    struct span text = {0};
    TRY(explore_witness(p, r, &m->facts));
    TRY(policy_region_ask(m));
    const struct decide_request q = {.docs = docs,
                                     .doc_count = doc_count,
                                     .lists = p->cells->lists,
                                     .list_count = p->cells->list_count,
                                     .now_ms = policy_region_time(r),
                                     .facts = &m->facts};
    TRY(decide_run(&q, &m->decision));
    if (m->decision.verdict != DECIDE_DENY) {
        canon_init(&w, m->text, sizeof(m->text));
        obligation_set_write(&m->decision.obligations, &w);
        TRY(canon_finish(&w, &text));
    }
    return m->decision.verdict == expect->verdict && span_eq(text, expect->obligations) ? ERR_OK
                                                                                        : ERR_BUG;
}

enum err
policy_region_example(struct policy_region *m, struct span *ret)
{
    struct canon w;
    canon_init(&w, m->text, sizeof(m->text));
    facts_write(&m->facts, &w);
    return canon_finish(&w, ret);
}
