/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a stream: what each column is, how many persons, what contradicts the declaration. */
#include <assert.h>
#include <stdlib.h>

#include "crypto/key.h"
#include "inspect/inner.h"

/* Which entries of the person set count: by type and by what their column needs. */
struct conclude_filter {
    const struct inspection *inspection;
    uint32_t types;
};

static bool
conclude_keep(const void *ctx, uint16_t tag)
{
    const struct conclude_filter *filter = ctx;
    const size_t column = tag >> 4;
    const unsigned type = tag >> 2 & 3U;
    assert(column < filter->inspection->column_count);
    return (filter->types & IDENT_BIT(type)) != 0 &&
           (tag & 3U) >= filter->inspection->findings_columns[column].need[type];
}

static void
conclude_hash(const void *ctx, uint64_t *values, const uint16_t *tags, size_t len)
{
    const struct conclude_filter *filter = ctx;
    const struct blind_state *state = &filter->inspection->blind;
    uint8_t text[BLIND_LANES][20];
    struct span spans[BLIND_LANES];
    uint8_t domains[BLIND_LANES] = {0};
    uint64_t hashes[BLIND_LANES];
    size_t places[BLIND_LANES];
    size_t held = 0;
    for (size_t k = 0; k <= len; k++) {
        const unsigned type = k < len ? tags[k] >> 2 & 3U : 0;
        if (k < len && type != IDENT_EMAIL) {
            spans[held] = cell_digits(type, values[k], text[held]);
            domains[held] = (uint8_t)type;
            places[held++] = k;
        }
        if (held < BLIND_LANES && !(k == len && held > 0))
            continue;
        for (size_t lane = held; lane < BLIND_LANES; lane++)
            spans[lane] = span_of("", 0);
        blind_lanes(state, domains, spans, hashes);
        for (size_t lane = 0; lane < held; lane++)
            values[places[lane]] = hashes[lane];
        held = 0;
    }
    key_wipe(text, sizeof(text));
}

static size_t
conclude_select(struct inspection *i, uint32_t types, const uint64_t **ret)
{
    const struct conclude_filter filter = {i, types};
    return persons_select(i->persons, conclude_keep, &filter, ret);
}

static enum label
conclude_declared(const struct inspection *i, const struct inner_column *c)
{
    if (i->config.fields == NULL)
        return LABEL_COUNT;
    if (c->field != FIELDSET_MAX)
        return (enum label)i->config.fields->fields[c->field].label;
    /* What may be added to a declared table is declared to be of no concern. */
    return LABEL_BUSINESS;
}

/* (c) More than 2 % of the cells, and not just a slip or two in a short column. */
static bool
conclude_is_failing(const struct inner_column *c)
{
    return c->failed > c->stat.cells / 50 && (c->failed >= 3 || c->failed * 2 > c->stat.cells);
}

static uint8_t
conclude_rules(const struct inspection *i, const struct inner_column *c,
               const struct findings_column *out)
{
    const struct fieldset *fields = i->config.fields;
    unsigned rules = 0;
    if (fields == NULL)
        return 0;
    const bool there = c->is_named || c->stat.cells > 0;
    if (i->mode == INNER_TABLE && c->field == FIELDSET_MAX && !fields->additional && there)
        rules |= FINDINGS_UNDECLARED;
    if (!label_covers((enum label)out->declared, out->labels))
        rules |= FINDINGS_CLASS;
    if (conclude_is_failing(c))
        rules |= FINDINGS_IDENTIFIER;
    if (c->field != FIELDSET_MAX && fields->fields[c->field].pseudonymised &&
        out->ident < IDENT_FOUND_COUNT)
        rules |= FINDINGS_PSEUDONYMISED;
    return (uint8_t)rules;
}

static void
conclude_column(struct inspection *i, size_t column)
{
    const struct inner_column *c = &i->columns[column];
    struct findings_column *out = &i->findings_columns[column];
    *out = (struct findings_column){
        .ordinal = (uint16_t)(column + 1),
        .field = c->field,
        .declared = (uint8_t)conclude_declared(i, c),
        .ident = IDENT_NONE,
        .action = c->action,
        .cells = c->stat.cells,
    };
    const bool bound = c->field != FIELDSET_MAX && i->config.fields != NULL;
    const uint8_t declared = bound ? i->config.fields->fields[c->field].ident : (uint8_t)IDENT_NONE;
    for (unsigned t = 0; t < IDENT_FOUND_COUNT; t++) {
        const bool words = (c->words & IDENT_BIT(t)) != 0 || declared == t;
        const unsigned need = colstat_need(&c->stat, (enum ident)t, words);
        const uint64_t counted = colstat_counted(&c->stat, (enum ident)t, need);
        out->need[t] = (uint8_t)need;
        if (t == IDENT_PRC_ID && need == COLSTAT_NONE && c->stat.sure[t] > 0)
            i->reasons |= 1U << FINDINGS_NUMBER_UNDECIDED;
        if (counted == 0)
            continue;
        out->labels |= LABEL_BIT(ident_label((enum ident)t));
        if (counted > out->passes) {
            out->passes = counted;
            out->ident = (uint8_t)t;
            out->llr_mnat = colstat_llr(&c->stat, (enum ident)t);
        }
    }
    out->observed = (uint8_t)label_top(out->labels);
    out->rules = conclude_rules(i, c, out);
    i->findings.labels |= out->labels;
    i->findings.rules |= out->rules;
}

/* True if every person of the table is there with sensitive data: a sensitive column is declared,
 * or was decided as a column and not as single cells. */
static bool
conclude_all_sensitive(const struct inspection *i)
{
    const uint32_t sensitive = LABEL_BIT(LABEL_SENSITIVE_PERSONAL);
    for (size_t k = 0; k < i->findings.column_count; k++) {
        const struct findings_column *c = &i->findings.columns[k];
        const bool declared = c->declared < LABEL_COUNT && c->cells > 0 &&
                              (label_close(LABEL_BIT(c->declared)) & sensitive) != 0;
        bool decided = false;
        for (unsigned t = 0; t < INNER_PERSON_TYPES; t++)
            decided =
                decided || (c->need[t] == TOKSCAN_BARE && c->passes > 0 &&
                            (label_close(LABEL_BIT(ident_label((enum ident)t))) & sensitive) &&
                            colstat_counted(&i->columns[k].stat, (enum ident)t, 1) * 2 > c->cells);
        if (declared || decided)
            return true;
    }
    return false;
}

/* Rows with a bit of any, and none of types. */
static uint64_t
conclude_rows_without(const struct inspection *i, unsigned any, uint32_t types)
{
    uint64_t rows = 0;
    for (unsigned kind = 1; kind < INNER_ROW_KINDS; kind++)
        if ((kind & any) != 0 && (kind & types) == 0)
            rows += i->row_kinds[kind];
    return rows;
}

/* What the set could not decide in time, counted one each: bare tokens of columns that turned out
 * not to count had marked their rows, bare tokens after a column seemed dead were not kept. */
static uint64_t
conclude_slack(const struct inspection *i, uint32_t types)
{
    uint64_t slack = 0;
    for (size_t k = 0; k < i->findings.column_count; k++) {
        for (unsigned t = 0; t < INNER_PERSON_TYPES; t++) {
            if ((types & IDENT_BIT(t)) == 0)
                continue;
            const bool counts = i->findings.columns[k].need[t] <= TOKSCAN_BARE;
            slack += counts ? i->columns[k].late[t] : i->columns[k].tentative[t];
        }
    }
    return slack;
}

/* An address of mail beside an identity number names the same person, and a row without a number
 * counts one (classification.md 5: distinct values of the strongest column, other personal rows one
 * each). Not so where there are more addresses than that comes to: one number repeated beside many
 * addresses must not hide them, so then all of them count. */
static void
conclude_fold_mail(struct inspection *i, uint64_t mails, uint64_t *distinct, uint64_t *without)
{
    const uint64_t *view = NULL;
    const uint32_t mail = IDENT_BIT(IDENT_EMAIL);
    const uint32_t numbers = i->person_types & ~mail;
    /* What found no room may have been addresses: then nobody knows how many there are. */
    if (i->mode != INNER_TABLE || persons_lost(i->persons) > 0 || numbers == 0 ||
        (i->person_types & mail) == 0)
        return;
    const uint64_t persons = conclude_select(i, numbers, &view);
    const uint64_t rows =
        conclude_rows_without(i, INNER_DECLARED_BIT | mail, numbers) + conclude_slack(i, numbers);
    if (persons + rows < mails)
        return;
    i->person_types = numbers;
    *distinct = persons;
    *without = rows;
}

/* Nothing in a row says that two identity numbers are one person: a patient's MyKad may stand
 * beside the doctor's resident number. So every distinct number of any type counts, and a row
 * without one that is personal by its declaration counts one. This can count a person twice who is
 * named by two numbers, and never counts two numbers as one. */
static void
conclude_persons(struct inspection *i)
{
    const uint64_t *view = NULL;
    struct findings *f = &i->findings;
    const uint32_t sensitive_types = IDENT_BIT(IDENT_PRC_ID) | IDENT_BIT(IDENT_CARD);
    const struct conclude_filter all = {i, UINT32_MAX};
    const uint64_t lost = persons_lost(i->persons);
    i->person_types = 0;
    persons_settle(i->persons, conclude_keep, conclude_hash, &all);
    uint64_t kinds[INNER_PERSON_TYPES];
    persons_tally(i->persons, 2, INNER_PERSON_TYPES - 1, kinds);
    for (unsigned t = 0; t < INNER_PERSON_TYPES; t++) {
        i->person_types |= kinds[t] > 0 ? IDENT_BIT(t) : 0;
        f->persons_lower = kinds[t] > f->persons_lower ? kinds[t] : f->persons_lower;
    }
    uint64_t distinct = conclude_select(i, i->person_types, &view);
    uint64_t without = 0;
    if (i->mode == INNER_TABLE)
        without = conclude_rows_without(i, INNER_DECLARED_BIT, i->person_types) +
                  conclude_slack(i, i->person_types);
    conclude_fold_mail(i, kinds[IDENT_EMAIL], &distinct, &without);
    f->unidentified = lost + without;
    f->persons_upper = distinct + f->unidentified;
    if (f->persons_lower == 0 && f->persons_upper > 0)
        f->persons_lower = 1;
    i->all_sensitive = conclude_all_sensitive(i);
    i->sensitive_types = i->all_sensitive ? i->person_types : i->person_types & sensitive_types;
    f->sensitive_upper = f->persons_upper;
    if (i->all_sensitive)
        return;
    /* What the set had no room for may have been sensitive. */
    const uint64_t sensitive = conclude_select(i, i->sensitive_types, &view) + lost +
                               conclude_slack(i, i->sensitive_types);
    if (sensitive < f->persons_upper)
        f->sensitive_upper = sensitive;
}

static void
conclude_coverage(struct inspection *i)
{
    struct findings *f = &i->findings;
    uint32_t reasons = i->reasons;
    reasons |= i->utf8.invalid > 0 ? 1U << FINDINGS_UTF8_INVALID : 0;
    reasons |= i->utf8.control > 0 ? 1U << FINDINGS_CONTROL_BYTES : 0;
    reasons |= i->csv.irregular ? 1U << FINDINGS_IRREGULAR_QUOTING : 0;
    reasons |= i->csv.unterminated ? 1U << FINDINGS_UNTERMINATED_QUOTE : 0;
    /* The head looked like text, the rest is not. */
    const bool rotten = i->utf8.invalid > i->bytes / 64;
    if (i->mode == INNER_BINARY || rotten)
        reasons |= 1U << FINDINGS_BINARY;
    if (f->opaque != NULL && i->mode != INNER_BINARY)
        reasons |= 1U << FINDINGS_FORMAT_NOT_READ;
    f->reasons = reasons;
    f->coverage = reasons == 0 ? FINDINGS_FULL : FINDINGS_PARTIAL;
    if (i->mode == INNER_BINARY || f->opaque != NULL || rotten)
        f->coverage = FINDINGS_OPAQUE;
    if (f->coverage == FINDINGS_OPAQUE)
        f->labels |= LABEL_BIT(LABEL_OPAQUE);
}

/* True if every action asked for was performed, or shows in what is inspected. */
static bool
conclude_is_performed(const struct inspection *i)
{
    bool asked = false;
    const struct fieldset *fields = i->config.fields;
    for (size_t k = 0; fields != NULL && i->config.actions != NULL && k < fields->field_count; k++)
        asked = asked || i->config.actions[k] != TRANSFORM_NONE;
    if (!asked)
        return true;
    if (i->mode != INNER_TABLE || i->sniff.is_cut)
        return false;
    /* A column bound to nothing in a table that has no header was not acted on. */
    for (size_t k = 0; k < i->column_count; k++)
        if (i->columns[k].undone > 0 || (!i->headed && i->columns[k].field == FIELDSET_MAX))
            return false;
    return true;
}

void
conclude_findings(struct inspection *i)
{
    struct findings *f = &i->findings;
    i->findings_columns = calloc(i->column_count + 1, sizeof(*i->findings_columns));
    if (i->findings_columns == NULL) {
        i->failed = ERR_NOMEM;
        return;
    }
    const struct fieldset *fields = i->config.fields;
    memset(f, 0, sizeof(*f));
    f->stage = i->config.stage;
    f->fields = fields;
    f->opaque = i->sniff.opaque;
    f->kind = i->mode == INNER_TABLE  ? FINDINGS_TABLE
              : i->mode == INNER_TEXT ? FINDINGS_TEXT
                                      : FINDINGS_UNREAD;
    f->bytes = i->bytes;
    f->rows = i->rows;
    f->column_count = i->column_count;
    f->columns = i->findings_columns;
    for (size_t k = 0; k < i->column_count; k++)
        conclude_column(i, k);
    conclude_persons(i);
    conclude_coverage(i);
    f->performed = conclude_is_performed(i);
    if (fields == NULL)
        return;
    f->rules |= f->bytes > fields->bytes_max ? FINDINGS_CEILING_BYTES : 0;
    f->rules |= f->rows > fields->rows_max ? FINDINGS_CEILING_ROWS : 0;
    f->rules |= f->persons_upper > fields->persons_max ? FINDINGS_CEILING_PERSONS : 0;
}

size_t
conclude_view(struct inspection *i, bool sensitive, const uint64_t **ret)
{
    return conclude_select(i, sensitive ? i->sensitive_types : i->person_types, ret);
}
