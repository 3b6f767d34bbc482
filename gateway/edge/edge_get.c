/* SPDX-License-Identifier: Apache-2.0 */
/* What is read: transfers, receipts, the inbox, the log. Edge asks the role that knows. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/edge/edge_priv.h"

enum { EDGE_LOG_MS = 10000 };

static bool
edge_id(struct edge_exchange *x)
{
    if (field_transfer(x->params[0], x->transfer) == ERR_OK)
        return true;
    edge_refuse(x, PROBLEM_NOT_FOUND, span_of(NULL, 0));
    return false;
}

void
edge_transfers(struct edge_exchange *x)
{
    edge_query(x, QUERY_TRANSFERS, span_of(NULL, 0), 0);
}

void
edge_inbox(struct edge_exchange *x)
{
    edge_query(x, QUERY_INBOX, span_of(NULL, 0), 0);
}

void
edge_transfer(struct edge_exchange *x)
{
    struct field_prefer prefer;
    field_prefer(x->head, &prefer);
    if (edge_id(x))
        edge_query(x, QUERY_TRANSFER, span_of(NULL, 0), prefer.has_wait ? prefer.wait_s * 1000 : 0);
}

void
edge_receipt(struct edge_exchange *x)
{
    if (edge_id(x))
        edge_query(x, QUERY_RECEIPT, span_of(NULL, 0), 0);
}

void
edge_inbox_item(struct edge_exchange *x)
{
    if (edge_id(x))
        edge_query(x, QUERY_INBOX_ITEM, span_of(NULL, 0), 0);
}

void
edge_ack(struct edge_exchange *x)
{
    if (edge_id(x))
        edge_query(x, QUERY_ACK, span_of(NULL, 0), 0);
}

/* Partners a rate is kept for; the one unused longest makes room. */
static struct rate_bucket *
edge_bucket(struct edge_exchange *x, int64_t now)
{
    struct edge *e = x->edge;
    struct edge_party *oldest = &e->parties[0];
    for (size_t i = 0; i < EDGE_PARTIES_MAX; i++) {
        struct edge_party *p = &e->parties[i];
        if (strcmp(p->name, x->who->name) == 0) {
            p->used_ms = now;
            return &p->bucket;
        }
        if (p->name[0] == 0 || p->used_ms < oldest->used_ms)
            oldest = p;
        if (p->name[0] == 0)
            break;
    }
    memcpy(oldest->name, x->who->name, sizeof(oldest->name));
    oldest->used_ms = now;
    rate_bucket_init(&oldest->bucket, e->config.decisions_rate, e->config.decisions_rate, now);
    return &oldest->bucket;
}

void
edge_decisions(struct edge_exchange *x)
{
    struct span type;
    const int64_t now = x->edge->config.now_ms(x->edge->config.ctx);
    const struct span json = SPAN_LIT("application/json");
    if (!rate_bucket_take(edge_bucket(x, now), 1, now)) {
        edge_refuse(x, PROBLEM_RATE_LIMITED, span_of(NULL, 0));
        return;
    }
    if (http_header_get(x->head, "content-type", &type) != ERR_OK)
        type = json;
    if (!span_starts(type, json) ||
        (type.len > json.len && type.ptr[json.len] != ';' && type.ptr[json.len] != ' ')) {
        edge_refuse(x, PROBLEM_UNSUPPORTED_MEDIA_TYPE, SPAN_LIT("send application/json"));
        return;
    }
    if (x->body_len == 0) {
        edge_refuse(x, PROBLEM_BAD_REQUEST, SPAN_LIT("the body is empty: send a JSON object"));
        return;
    }
    edge_query(x, QUERY_DECISION, span_of(x->body, x->body_len), 0);
}

/* -- the log
 * -------------------------------------------------------------------------------------*/

static void
edge_log_refuse(struct edge_exchange *x, uint16_t err)
{
    if (err == (uint16_t)-ERR_NOT_FOUND || err == (uint16_t)-ERR_SYNTAX)
        edge_refuse(x, PROBLEM_NOT_FOUND, span_of(NULL, 0));
    else if (err == (uint16_t)-ERR_DENIED)
        edge_refuse(x, PROBLEM_ROLE_NOT_ALLOWED, span_of(NULL, 0));
    else
        edge_refuse(x, PROBLEM_LOG_UNAVAILABLE, span_of(NULL, 0));
}

static enum err
edge_log_answered(void *ctx, struct chan *chan, enum err err, struct msg *answer)
{
    struct edge_exchange *x = ctx;
    struct p_log_data p;
    (void)chan;
    x->asked = NULL;
    if (err != ERR_OK) {
        edge_log_refuse(x, (uint16_t)-err);
        return ERR_OK;
    }
    err = answer->type == MSG_LOG_DATA ? payload_log_data_get(answer->body, &p) : ERR_PROTOCOL;
    if (err == ERR_OK && p.err == 0 && answer->fd_count != 1)
        err = ERR_PROTOCOL;
    if (err != ERR_OK || p.err != 0) {
        edge_log_refuse(x, err == ERR_OK ? p.err : (uint16_t)-err);
        return err;
    }
    /* Tiles never change; the checkpoint always may. */
    const bool tile = x->route == PARTNER_ROUTE_TILE;
    reply_header(&x->reply, "cache-control",
                 tile ? SPAN_LIT("private, max-age=31536000, immutable") : SPAN_LIT("no-cache"));
    reply_send_file(&x->reply, 200, tile ? "application/octet-stream" : "text/plain; charset=utf-8",
                    msg_take_fd(answer, 0), p.bytes);
    return ERR_OK;
}

void
edge_log(struct edge_exchange *x)
{
    struct edge *e = x->edge;
    const struct span prefix = SPAN_LIT("/log/");
    struct p_log_read p = {.path = span_from(x->head->path, prefix.len),
                           .role = (uint8_t)x->who->role,
                           .party = span_str(x->who->name)};
    struct msg m = {.type = MSG_LOG_READ};
    if (payload_log_read_put(&p, e->tx, sizeof(e->tx), &m.body) != ERR_OK)
        edge_refuse(x, PROBLEM_NOT_FOUND, span_of(NULL, 0));
    else
        (void)edge_ask(x, ROLE_LEDGER, &m, EDGE_LOG_MS, edge_log_answered);
}
