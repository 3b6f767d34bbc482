/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clerk/clerk_dry.h"

#include "gateway/clerk/counter.h"
#include "gateway/flow/flow_job.h"
#include "gateway/flow/stages.h"
#include "schemas/json.h"

#include <stdio.h>

/* Nodes as many as facts may have, so that facts are refused here as in an upload. */
enum { DRY_NODES = 4096, DRY_AGREEMENT_MAX = 127 };

static void
dry_refuse(struct flow *f, const struct chan_ticket *t, const char *code)
{
    const bool misread = strcmp(code, "bad-request") == 0;
    flow_reply_code(f, t, NULL, code,
                    misread
                        ? SPAN_LIT("send an object: agreement, name, facts and, if known, length")
                        : SPAN_LIT(""),
                    SPAN_LIT(""));
}

static enum err
dry_read(struct flow *f, struct span body, struct p_preflight *ask)
{
    struct json_doc doc = {.node_cap = DRY_NODES, .text_cap = body.len};
    uint8_t *nodes = NULL;
    uint8_t *facts = NULL;
    struct canon w;
    int64_t length = -1;
    TRY(room_take(&f->room, sizeof(struct json_node) * DRY_NODES, &nodes));
    TRY(room_take(&f->room, body.len, &doc.text));
    TRY(room_take(&f->room, 2 * body.len + 2, &facts));
    doc.nodes = (void *)nodes;
    TRY(json_read(&doc, body, NULL));
    if (doc.nodes[0].type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_need_str(&doc, doc.nodes, "agreement", body.len, &ask->agreement, NULL));
    TRY(json_need_str(&doc, doc.nodes, "name", body.len, &ask->name, NULL));
    const struct json_node *node = json_get(&doc, doc.nodes, "facts");
    if (node != NULL) {
        canon_init(&w, (char *)facts, 2 * body.len + 2);
        canon_node(&w, &doc, node);
        TRY(canon_finish(&w, &ask->facts));
    }
    if (json_get(&doc, doc.nodes, "length") != NULL)
        TRY(json_need_int(&doc, doc.nodes, "length", 0, JSON_INT_MAX, &length, NULL));
    ask->length = length < 0 ? STORE_NONE : (uint64_t)length;
    return ERR_OK;
}

/* The code with which an upload of this would be refused before judge is asked; NULL: none. */
static const char *
dry_refusal(struct flow *f, const struct p_query *p, struct p_preflight *ask)
{
    if (dry_read(f, p->body, ask) != ERR_OK)
        return "bad-request";
    if (ask->agreement.len == 0 || ask->agreement.len > DRY_AGREEMENT_MAX)
        return "unknown-agreement";
    return s1_accept_refusal(f, ask->name, ask->facts, ask->length);
}

void
clerk_dry_ask(struct flow *f, const struct chan_ticket *t, const struct p_query *p,
              enum role_id from)
{
    struct p_preflight ask = {.dry = 1, .partner = p->party};
    struct counter_value value;
    char party[128];
    struct span body;
    const char *code = p->party.len < sizeof(party) ? dry_refusal(f, p, &ask) : "bad-request";
    if (code != NULL) {
        dry_refuse(f, t, code);
        return;
    }
    memcpy(ask.cert, p->cert, sizeof(ask.cert));
    (void)snprintf(party, sizeof(party), "%.*s", (int)p->party.len, (const char *)p->party.ptr);
    if (!f->counters_unknown && counter_present(f->store, party, counter_year(flow_run_wall(f)),
                                                &f->room, &value) == ERR_OK) {
        ask.counters = 1;
        ask.count_pi = value.after[COUNTER_PI];
        ask.count_spi = value.after[COUNTER_SPI];
    }
    struct flow_job *job = flow_job_new(f, JOB_DRY, NULL);
    if (job == NULL || payload_preflight_put(&ask, f->tx, sizeof(f->tx), &body) != ERR_OK) {
        if (job != NULL)
            flow_job_free(job);
        dry_refuse(f, t, "internal");
        return;
    }
    job->ticket = *t;
    job->has_ticket = true;
    job->a = f->from_index;
    job->c = from;
    flow_job_ask(f, job, ROLE_JUDGE, 0, MSG_PREFLIGHT, body);
}

enum err
clerk_dry_answer(struct flow *f, struct flow_job *job, const struct msg *m)
{
    struct p_preflighted p;
    char code[64];
    TRY(payload_preflighted_get(m->body, &p));
    if (p.code.len >= sizeof(code))
        return ERR_RANGE;
    (void)snprintf(code, sizeof(code), "%.*s", (int)p.code.len, (const char *)p.code.ptr);
    if (p.code.len > 0)
        flow_reply_code(f, &job->ticket, NULL, code, p.detail, SPAN_LIT(""));
    else
        flow_reply_json(f, &job->ticket, NULL, 200, p.decision, 0, SPAN_LIT(""));
    flow_job_free(job);
    return ERR_OK;
}
