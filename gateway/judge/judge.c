/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/judge/judge_inner.h"

#include <stdlib.h>

#include "crypto/digest.h"

enum err
judge_init(struct judge *j, const struct judge_book *book, size_t case_max, uint32_t policy_epoch)
{
    j->book = book;
    memcpy(j->zone, book->zone, sizeof(j->zone));
    j->policy_epoch = policy_epoch;
    j->work = calloc(1, sizeof(*j->work));
    j->cases = calloc(case_max, sizeof(*j->cases));
    j->case_count = case_max;
    if (j->work != NULL && j->cases != NULL)
        return ERR_OK;
    judge_finish(j);
    return ERR_NOMEM;
}

static void
judge_case_clear(struct judge_case *c)
{
    free(c->inputs.ptr);
    free(c->pre_answer.ptr);
    free(c->pre_told.ptr);
    free(c->decide_answer.ptr);
    free(c->permit.ptr);
    free(c->report.ptr);
    free(c->held_rules.ptr);
    *c = (struct judge_case){.used = false};
}

void
judge_finish(struct judge *j)
{
    for (size_t i = 0; j->cases != NULL && i < j->case_count; i++)
        judge_case_clear(&j->cases[i]);
    free(j->cases);
    free(j->work);
    free(j->floor);
    j->floor = NULL;
    j->floor_len = 0;
    j->floor_told = j->floor_met = false;
    j->cases = NULL;
    j->work = NULL;
}

int64_t
judge_now(const struct judge *j, const struct judge_in *in)
{
    return in->now_ms > j->last_ms ? in->now_ms : j->last_ms;
}

struct judge_case *
judge_case_find(struct judge *j, const uint8_t transfer[static 16])
{
    for (size_t i = 0; i < j->case_count; i++) {
        struct judge_case *c = &j->cases[i];
        if (c->used && memcmp(c->transfer, transfer, sizeof(c->transfer)) == 0) {
            c->touched = ++j->clock;
            return c;
        }
    }
    return NULL;
}

struct judge_case *
judge_case_new(struct judge *j, const uint8_t transfer[static 16])
{
    struct judge_case *c = judge_case_find(j, transfer);
    for (size_t i = 0; c == NULL && i < j->case_count; i++)
        if (!j->cases[i].used)
            c = &j->cases[i];
    if (c == NULL) {
        /* Full: the one nobody asked about for longest; clerk brings it back with EVIDENCE. */
        c = &j->cases[0];
        for (size_t i = 1; i < j->case_count; i++)
            if (j->cases[i].touched < c->touched)
                c = &j->cases[i];
    }
    judge_case_clear(c);
    c->used = true;
    c->touched = ++j->clock;
    memcpy(c->transfer, transfer, sizeof(c->transfer));
    return c;
}

bool
judge_case_is_current(const struct judge *j, const struct judge_case *c)
{
    const struct agreement *a = register_agreement(&j->book->reg, c->agreement);
    return a != NULL && memcmp(a->sha256, c->agreement_sha256, sizeof(a->sha256)) == 0;
}

enum err
judge_blob_set(struct judge_blob *blob, struct span bytes)
{
    uint8_t *copy = malloc(bytes.len + 1);
    if (copy == NULL)
        return ERR_NOMEM;
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    free(blob->ptr);
    *blob = (struct judge_blob){.ptr = copy, .len = bytes.len};
    return ERR_OK;
}

static struct span
judge_case_take(struct judge_case *c, struct span from, size_t *at)
{
    const struct span out = span_of(c->inputs.ptr + *at, from.len);
    if (from.len > 0)
        memcpy(c->inputs.ptr + *at, from.ptr, from.len);
    *at += from.len;
    return out;
}

enum err
judge_case_inputs(struct judge_case *c, const struct judge_inputs *inputs)
{
    size_t need = inputs->agreement.len + inputs->sender.len + inputs->name.len +
                  inputs->facts.len + inputs->performed.len + 1;
    size_t at = 0;
    if (inputs->label_count > MANIFEST_LABELS_MAX)
        return ERR_FULL;
    for (size_t i = 0; i < inputs->label_count; i++)
        need += inputs->labels[i].len;
    uint8_t *memory = malloc(need);
    if (memory == NULL)
        return ERR_NOMEM;
    free(c->inputs.ptr);
    c->inputs = (struct judge_blob){.ptr = memory, .len = need};
    c->agreement = judge_case_take(c, inputs->agreement, &at);
    c->sender = judge_case_take(c, inputs->sender, &at);
    c->name = judge_case_take(c, inputs->name, &at);
    c->facts = judge_case_take(c, inputs->facts, &at);
    c->performed = judge_case_take(c, inputs->performed, &at);
    for (size_t i = 0; i < inputs->label_count; i++)
        c->labels[i] = judge_case_take(c, inputs->labels[i], &at);
    c->label_count = inputs->label_count;
    return ERR_OK;
}

enum err
judge_reply(struct judge *j, enum msg_type type, enum err put, struct span body)
{
    TRY(put);
    /* Nobody waits any more when the asker died: that is no fault of anybody here. */
    const enum err err = j->out.answer(j->out.ctx, type, body);
    return err == ERR_ROLE_LOST ? ERR_OK : err;
}

void
judge_forget_answers(struct judge *j)
{
    for (size_t i = 0; i < j->case_count; i++)
        j->cases[i].has_decided = false;
}

void
judge_tell_epoch(struct judge *j)
{
    static const uint8_t none[16] = {0};
    const struct p_policy_epoch p = {.policy_epoch = j->policy_epoch};
    uint8_t buf[8];
    struct span body;
    if (payload_policy_epoch_put(&p, buf, sizeof(buf), &body) == ERR_OK)
        (void)j->out.send(j->out.ctx, ROLE_KEEPER, MSG_POLICY_EPOCH, none, body);
}

static void
judge_tell_document(struct judge *j, enum entry_kind kind, const struct entry_document *d,
                    int64_t now_ms)
{
    static const uint8_t none[16] = {0};
    const struct entry_head head = {.time_ms = now_ms};
    struct p_policies p = {.policy_epoch = j->policy_epoch};
    struct span body;
    if (entry_write_document(&head, kind, d, j->work->entry, sizeof(j->work->entry), &p.entry) ==
            ERR_OK &&
        payload_policies_put(&p, j->scratch, sizeof(j->scratch), &body) == ERR_OK)
        (void)j->out.send(j->out.ctx, ROLE_CLERK, MSG_POLICIES, none, body);
}

static void
judge_tell_policy(struct judge *j, const struct register_set *r, size_t i, const char *action,
                  int64_t now_ms)
{
    const struct entry_document d = {.id = r->policies[i]->id,
                                     .action = span_str(action),
                                     .sha256 = r->policies[i]->sha256,
                                     .activation = r->activation[i],
                                     .epoch = j->policy_epoch};
    judge_tell_document(j, ENTRY_POLICY, &d, now_ms);
}

static void
judge_say_policies(struct judge *j, int64_t now_ms)
{
    const struct register_set *r = &j->book->reg;
    for (size_t i = 0; i < r->policy_count; i++)
        if (j->in_force[i])
            judge_tell_policy(j, r, i, "activate", now_ms);
        else if (!lineage_is_spent(r, i, now_ms))
            judge_tell_policy(j, r, i, "schedule", now_ms);
}

void
judge_tell_policies(struct judge *j, int64_t now_ms)
{
    /* What is behind the log must not become what the log says last. */
    if (!j->floor_met)
        return;
    (void)judge_follow(j, now_ms);
    judge_say_policies(j, now_ms);
}

static void
judge_tell_nth(struct judge *j, size_t at, int64_t now_ms)
{
    const struct register_set *r = &j->book->reg;
    struct entry_document d = {.action = SPAN_LIT("activate"), .epoch = j->policy_epoch};
    const bool is_agreement = at < r->agreement_count;
    if (is_agreement) {
        d.id = r->agreements[at]->id;
        d.sha256 = r->agreements[at]->sha256;
    } else {
        const struct party *p = r->partners[at - r->agreement_count];
        d.id = p->name;
        d.sha256 = p->sha256;
    }
    judge_tell_document(j, is_agreement ? ENTRY_AGREEMENT : ENTRY_PARTNER, &d, now_ms);
}

size_t
judge_tell_register(struct judge *j, size_t from, int64_t now_ms)
{
    const struct register_set *r = &j->book->reg;
    const size_t count = r->agreement_count + r->partner_count;
    const size_t end = count - from > JUDGE_TELL_BURST ? from + JUDGE_TELL_BURST : count;
    for (size_t i = from; i < end; i++)
        judge_tell_nth(j, i, now_ms);
    return end == count ? 0 : end;
}

/* Permits of before are void from here on. A process begins at the second it starts, so an epoch is
 * never behind the clock: the next process would begin below it. */
static void
judge_raise_epoch(struct judge *j, int64_t now_ms)
{
    const int64_t now_s = now_ms / 1000;
    j->policy_epoch++;
    if (now_s > j->policy_epoch && now_s < UINT32_MAX)
        j->policy_epoch = (uint32_t)now_s;
    j->last_ms = now_ms > j->last_ms ? now_ms : j->last_ms;
    /* What was decided by other documents is decided again. */
    judge_forget_answers(j);
    judge_tell_epoch(j);
}

int64_t
judge_follow(struct judge *j, int64_t now_ms)
{
    const struct register_set *r = &j->book->reg;
    bool was[REGISTER_POLICIES_MAX];
    if (!j->floor_met)
        return INT64_MAX;
    if (j->followed && now_ms < j->next_change_ms)
        return j->next_change_ms;
    memcpy(was, j->in_force, sizeof(was));
    for (size_t i = 0; i < r->policy_count; i++)
        j->in_force[i] = register_is_active(r, i, now_ms);
    j->next_change_ms = register_next_change(r, now_ms);
    if (j->followed && memcmp(was, j->in_force, sizeof(was)) != 0) {
        judge_raise_epoch(j, now_ms);
        for (size_t i = 0; i < r->policy_count; i++)
            if (was[i] && !j->in_force[i])
                judge_tell_policy(j, r, i, "retire", now_ms);
        judge_say_policies(j, now_ms);
    }
    j->followed = true;
    return j->next_change_ms;
}

bool
judge_activate(struct judge *j, const struct judge_book *book, int64_t now_ms)
{
    const struct judge_book *old = j->book;
    const bool changed = !span_eq(span_of(book->digest, 32), span_of(old->digest, 32));
    bool was[REGISTER_POLICIES_MAX];
    j->book = book;
    if (!j->floor_met)
        j->floor_met = j->floor_told && judge_floor_check(j, book, NULL) == ERR_OK;
    if (!changed || !j->floor_met)
        return false;
    memcpy(was, j->in_force, sizeof(was));
    memset(j->in_force, 0, sizeof(j->in_force));
    j->followed = false;
    judge_raise_epoch(j, now_ms);
    (void)judge_follow(j, now_ms);
    for (size_t i = 0; i < old->reg.policy_count; i++) {
        bool still = false;
        for (size_t k = 0; k < book->reg.policy_count; k++)
            still = still || (j->in_force[k] && memcmp(book->reg.policies[k]->sha256,
                                                       old->reg.policies[i]->sha256, 32) == 0);
        if (was[i] && !still)
            judge_tell_policy(j, &old->reg, i, "retire", now_ms);
    }
    judge_say_policies(j, now_ms);
    return true;
}

static enum err
judge_clock_told(struct judge *j, const struct judge_in *in)
{
    struct p_clock_told p;
    TRY(payload_clock_told_get(in->body, &p));
    if (p.suspect > 1)
        return ERR_RANGE;
    j->clock_told = p.suspect != 0;
    return ERR_OK;
}

enum err
judge_handle(struct judge *j, const struct judge_in *in)
{
    static const struct {
        enum msg_type type;
        enum role_id from;
        enum err (*handle)(struct judge *j, const struct judge_in *in);
    } table[] = {
        {MSG_PREFLIGHT, ROLE_CLERK, judge_preflight_handle},
        {MSG_IMPORT_OFFER, ROLE_CLERK, judge_import_handle},
        {MSG_FINDINGS, ROLE_INSPECTOR, judge_evidence_findings},
        {MSG_SEALED, ROLE_SEALER, judge_evidence_sealed},
        {MSG_OPENED, ROLE_SEALER, judge_evidence_opened},
        {MSG_EVIDENCE, ROLE_CLERK, judge_evidence_brought},
        {MSG_VOUCHED, ROLE_KEEPER, judge_evidence_vouched},
        {MSG_DECIDE, ROLE_CLERK, judge_decide_handle},
        {MSG_CLOCK_TOLD, ROLE_LEDGER, judge_clock_told},
        {MSG_NOTE_ASK, ROLE_CLERK, judge_note_handle},
        {MSG_HELD, ROLE_CLERK, judge_held_handle},
        {MSG_POLICY_FLOOR, ROLE_LEDGER, judge_floor_handle},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].type == in->type && table[i].from == in->from) {
            (void)judge_follow(j, judge_now(j, in));
            return table[i].handle(j, in);
        }
    return ERR_PROTOCOL;
}
