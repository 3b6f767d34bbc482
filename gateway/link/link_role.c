/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/link/link_role.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "gateway/link/inbound.h"
#include "gateway/link/link_peer.h"
#include "gateway/link/link_trust.h"
#include "gateway/web/keysign.h"
#include "gateway/web/server.h"

enum {
    LINK_IDLE_MS = 60 * 60 * 1000, /* a peer's warm connection; its PINGs tell whether it lives */
    LINK_WINDOW_MAX = 32 * 1024 * 1024,
    LINK_BUDGET_PART = 4, /* of budgets.bytes, for windows */
    LINK_GO_MAX = 1024,
    LINK_DRAIN_POLL_MS = 100,
};

/* Ledger's GO outlives the FORWARD it came for: clerk asks ledger once, and forwards again. */
struct link_go {
    uint8_t transfer[16];
    uint8_t offer_hash[32];
};

struct link_role {
    struct rolemain *rm;
    struct keysign sign;
    struct tlskey_lib *lib;
    struct tlsctx *server_tls;
    struct tlsctx *client_tls;
    struct h2server_budget budget;
    struct server *server;
    struct inbound *inbound;
    struct link_peer *peers[CONFIG_PEERS_MAX];
    size_t peer_count;
    struct loop_timer *drain;
    bool is_started;
    struct link_go go[LINK_GO_MAX];
    size_t go_at;
    uint8_t payload[MSG_PAYLOAD_MAX];
};

static_assert(sizeof(struct chan_ticket) <= sizeof(struct outbound_ticket), "a ticket fits");

/* Saying things. */

static void
link_role_tell(struct link_role *r, enum role_id role, enum msg_type type, const uint8_t *transfer,
               struct span body)
{
    struct chan *chan = rolemain_chan(r->rm, role, 0);
    struct msg m = {.type = type, .body = body};
    if (transfer != NULL)
        memcpy(m.transfer, transfer, sizeof(m.transfer));
    if (chan == NULL || !chan_is_open(chan))
        return; /* it is told all it needs when it is back */
    if (chan_send(chan, &m) == ERR_FULL)
        OPLOG(r->rm->log, EVENT_CHANNEL_FULL, OPLOG_STR("role", role_name(role)));
}

static enum err
link_role_ask(struct link_role *r, enum role_id role, enum msg_type type, const uint8_t *transfer,
              struct span body, CHAN_ANSWER_FN(fn), struct inbound_request *request)
{
    struct chan *chan = rolemain_chan(r->rm, role, 0);
    struct msg m = {.type = type, .body = body};
    const uint32_t deadline = (uint32_t)config_int(r->rm->config, CONFIG_TIMEOUT_ROLE_MS);
    if (transfer != NULL)
        memcpy(m.transfer, transfer, sizeof(m.transfer));
    if (chan == NULL || !chan_is_open(chan))
        return ERR_ROLE_LOST;
    return chan_ask(chan, &m, deadline, fn, request, NULL);
}

/* Inbound: what peers ask of us. */

static enum err
link_role_on_corridor(void *ctx, struct chan *chan, enum err err, struct msg *m)
{
    struct p_corridor_answer answer = {0};
    (void)chan;
    if (m == NULL) {
        inbound_clerk_answer(ctx, err, &answer, -1, -1);
        return ERR_OK;
    }
    const bool is_bad = m->type != MSG_CORRIDOR_ANSWER || m->fd_count == 1 ||
                        payload_corridor_answer_get(m->body, &answer) != ERR_OK;
    if (is_bad) {
        inbound_clerk_answer(ctx, ERR_PROTOCOL, &answer, -1, -1);
        return ERR_PROTOCOL;
    }
    const int body_fd = msg_take_fd(m, 0);
    const int groups_fd = msg_take_fd(m, 1);
    inbound_clerk_answer(ctx, ERR_OK, &answer, body_fd, groups_fd);
    return ERR_OK;
}

static enum err
link_role_ask_clerk(void *ctx, struct inbound_request *request, const uint8_t transfer[static 16],
                    const struct p_corridor_in *question)
{
    struct link_role *r = ctx;
    struct span body;
    TRY(payload_corridor_in_put(question, r->payload, sizeof(r->payload), &body));
    return link_role_ask(r, ROLE_CLERK, MSG_CORRIDOR_IN, transfer, body, link_role_on_corridor,
                         request);
}

static enum err
link_role_on_witness(void *ctx, struct chan *chan, enum err err, struct msg *m)
{
    struct p_witness_answer answer = {0};
    (void)chan;
    if (m != NULL &&
        (m->type != MSG_WITNESS_ANSWER || payload_witness_answer_get(m->body, &answer) != ERR_OK))
        err = ERR_PROTOCOL;
    inbound_ledger_answer(ctx, err, &answer);
    return m == NULL ? ERR_OK : err;
}

static enum err
link_role_ask_ledger(void *ctx, struct inbound_request *request,
                     const struct p_witness_ask *question)
{
    struct link_role *r = ctx;
    struct span body;
    TRY(payload_witness_ask_put(question, r->payload, sizeof(r->payload), &body));
    return link_role_ask(r, ROLE_LEDGER, MSG_WITNESS_ASK, NULL, body, link_role_on_witness,
                         request);
}

static enum err
link_role_on_log(void *ctx, struct chan *chan, enum err err, struct msg *m)
{
    struct p_log_data answer = {0};
    (void)chan;
    if (m != NULL && (m->type != MSG_LOG_DATA || payload_log_data_get(m->body, &answer) != ERR_OK))
        err = ERR_PROTOCOL;
    inbound_log_answer(ctx, err, &answer, m == NULL || err != ERR_OK ? -1 : msg_take_fd(m, 0));
    return m == NULL ? ERR_OK : err;
}

static enum err
link_role_ask_log(void *ctx, struct inbound_request *request, const struct p_log_read *question)
{
    struct link_role *r = ctx;
    struct span body;
    TRY(payload_log_read_put(question, r->payload, sizeof(r->payload), &body));
    return link_role_ask(r, ROLE_LEDGER, MSG_LOG_READ, NULL, body, link_role_on_log, request);
}

static void
link_role_body_state(void *ctx, const uint8_t transfer[static 16], const struct p_body_state *state)
{
    struct link_role *r = ctx;
    struct span body;
    if (payload_body_state_put(state, r->payload, sizeof(r->payload), &body) == ERR_OK)
        link_role_tell(r, ROLE_CLERK, MSG_BODY_STATE, transfer, body);
}

static void
link_role_end(void *ctx, void *conn, const char *peer, enum err why)
{
    struct link_role *r = ctx;
    OPLOG(r->rm->log, EVENT_PEER_HOSTILE, OPLOG_STR("peer", peer), OPLOG_ERR(why));
    server_end(conn);
}

static void
link_role_disk_failed(void *ctx)
{
    struct link_role *r = ctx;
    OPLOG(r->rm->log, EVENT_INTERNAL, OPLOG_STR("where", "link: writing or syncing a body failed"));
    abort();
}

static void
link_role_on_http(void *ctx, struct server_client *client, const struct http_event *event)
{
    struct link_role *r = ctx;
    const struct identity *who = server_identity(client);
    /* The context believes configured peers' zones only. */
    assert(who->role == IDENTITY_PEER);
    inbound_event(r->inbound, client, who->zone, event);
}

/* Outbound: what we ask of peers. */

static void
link_role_state(void *ctx, const uint8_t transfer[static 16], const struct p_forward_state *state)
{
    struct link_role *r = ctx;
    struct span body;
    if (payload_forward_state_put(state, r->payload, sizeof(r->payload), &body) == ERR_OK)
        link_role_tell(r, ROLE_CLERK, MSG_FORWARD_STATE, transfer, body);
}

static void
link_role_answer(struct link_role *r, const struct outbound_ticket *kept, enum msg_type type,
                 struct span body)
{
    struct chan_ticket ticket;
    memcpy(&ticket, kept->bytes, sizeof(ticket));
    const struct msg answer = {.type = type, .body = body};
    if (chan_answer(&ticket, &answer) == ERR_FULL)
        OPLOG(r->rm->log, EVENT_CHANNEL_FULL, OPLOG_STR("role", role_name(chan_role(ticket.chan))));
}

static void
link_role_parcel_sent(void *ctx, const struct outbound_ticket *ticket,
                      const struct p_parcel_sent *sent)
{
    struct link_role *r = ctx;
    struct p_parcel_sent copy = *sent;
    struct span body;
    /* A longer answer than a message holds says no more than its status. */
    if (payload_parcel_sent_put(&copy, r->payload, sizeof(r->payload), &body) != ERR_OK) {
        copy.body = span_of(NULL, 0);
        if (payload_parcel_sent_put(&copy, r->payload, sizeof(r->payload), &body) != ERR_OK)
            return;
    }
    link_role_answer(r, ticket, MSG_PARCEL_SENT, body);
}

static void
link_role_witness_result(void *ctx, const struct outbound_ticket *ticket,
                         const struct p_witness_result *result)
{
    struct link_role *r = ctx;
    struct p_witness_result copy = *result;
    struct span body;
    if (payload_witness_result_put(&copy, r->payload, sizeof(r->payload), &body) != ERR_OK) {
        copy.body = span_of(NULL, 0);
        copy.status = 0;
        if (payload_witness_result_put(&copy, r->payload, sizeof(r->payload), &body) != ERR_OK)
            return;
    }
    link_role_answer(r, ticket, MSG_WITNESS_RESULT, body);
}

static void
link_role_tell_peer(struct link_role *r, enum role_id role, const struct p_peer_state *state)
{
    struct span body;
    if (payload_peer_state_put(state, r->payload, sizeof(r->payload), &body) == ERR_OK)
        link_role_tell(r, role, MSG_PEER_STATE, NULL, body);
}

static void
link_role_peer_state(void *ctx, const struct p_peer_state *state)
{
    struct link_role *r = ctx;
    if (state->up != 0)
        OPLOG(r->rm->log, EVENT_PEER_UP, OPLOG_SPAN("peer", state->peer));
    else
        OPLOG(r->rm->log, EVENT_PEER_DOWN, OPLOG_SPAN("peer", state->peer),
              OPLOG_SPAN("detail", state->detail));
    link_role_tell_peer(r, ROLE_CLERK, state);
    link_role_tell_peer(r, ROLE_LEDGER, state);
    link_role_tell_peer(r, ROLE_DESK, state);
}

static struct link_peer *
link_role_peer(struct link_role *r, struct span zone)
{
    for (size_t i = 0; i < r->peer_count; i++) {
        if (span_eq_str(zone, link_peer_zone(r->peers[i])))
            return r->peers[i];
    }
    return NULL;
}

/* Messages. */

static bool
link_role_has_go(const struct link_role *r, const uint8_t transfer[static 16],
                 const uint8_t offer_hash[static 32])
{
    for (size_t i = 0; i < LINK_GO_MAX; i++) {
        if (memcmp(r->go[i].transfer, transfer, 16) == 0 &&
            memcmp(r->go[i].offer_hash, offer_hash, 32) == 0)
            return true;
    }
    return false;
}

static enum err
link_role_go(struct link_role *r, const struct msg *m)
{
    struct p_go p;
    TRY(payload_go_get(m->body, &p));
    if (!link_role_has_go(r, m->transfer, p.offer_hash)) {
        struct link_go *go = &r->go[r->go_at++ % LINK_GO_MAX];
        memcpy(go->transfer, m->transfer, sizeof(go->transfer));
        memcpy(go->offer_hash, p.offer_hash, sizeof(go->offer_hash));
    }
    for (size_t i = 0; i < r->peer_count; i++) {
        outbound_go(link_peer_outbound(r->peers[i]), m->transfer, p.offer_hash, clock_mono_ms());
        link_peer_wake(r->peers[i]);
    }
    return ERR_OK;
}

static enum err
link_role_forward(struct link_role *r, struct msg *m)
{
    struct p_forward p;
    TRY(payload_forward_get(m->body, &p));
    struct link_peer *peer = link_role_peer(r, p.peer);
    if (peer == NULL)
        return ERR_RANGE;
    const int body_fd = msg_take_fd(m, 0);
    const int groups_fd = msg_take_fd(m, 1);
    const enum err err =
        outbound_forward(link_peer_outbound(peer), m->transfer, &p, body_fd, groups_fd,
                         link_role_has_go(r, m->transfer, p.offer_hash), clock_mono_ms());
    link_peer_wake(peer);
    if (err == ERR_FULL || err == ERR_NOMEM) {
        const struct p_forward_state state = {.stage = FORWARD_UNREACHABLE,
                                              .detail = SPAN_LIT("too many transfers at a time")};
        link_role_state(r, m->transfer, &state);
        return ERR_OK;
    }
    return err;
}

static enum err
link_role_stop_forward(struct link_role *r, const struct msg *m)
{
    struct p_forward_stop p;
    TRY(payload_forward_stop_get(m->body, &p));
    for (size_t i = 0; i < r->peer_count; i++)
        outbound_stop(link_peer_outbound(r->peers[i]), m->transfer);
    return ERR_OK;
}

static struct outbound_ticket
link_role_keep_ticket(struct chan *chan, const struct msg *m)
{
    struct outbound_ticket kept = {{0}};
    const struct chan_ticket ticket = chan_ticket_of(chan, m);
    memcpy(kept.bytes, &ticket, sizeof(ticket));
    return kept;
}

static enum err
link_role_parcel(struct link_role *r, struct chan *chan, const struct msg *m)
{
    struct p_parcel_send p;
    TRY(payload_parcel_send_get(m->body, &p));
    struct link_peer *peer = link_role_peer(r, p.peer);
    if (peer == NULL || p.what < PARCEL_RELEASE || p.what > PARCEL_STATE ||
        (p.what == PARCEL_STATE) != (p.parcel.len == 0))
        return ERR_RANGE;
    const struct outbound_ticket ticket = link_role_keep_ticket(chan, m);
    outbound_parcel(link_peer_outbound(peer), m->transfer, &p, &ticket, clock_mono_ms());
    link_peer_wake(peer);
    return ERR_OK;
}

static enum err
link_role_witness(struct link_role *r, struct chan *chan, const struct msg *m)
{
    struct p_witness_call p;
    TRY(payload_witness_call_get(m->body, &p));
    struct link_peer *peer = link_role_peer(r, p.peer);
    if (peer == NULL || (p.call != WITNESS_LATEST && p.call != WITNESS_ADD))
        return ERR_RANGE;
    const struct outbound_ticket ticket = link_role_keep_ticket(chan, m);
    outbound_witness(link_peer_outbound(peer), &p, &ticket, clock_mono_ms());
    link_peer_wake(peer);
    return ERR_OK;
}

static enum err
link_role_message(struct rolemain *rm, struct chan *chan, struct msg *m)
{
    struct link_role *r = rm->ctx;
    if (m->type == MSG_FORWARD)
        return link_role_forward(r, m);
    if (m->type == MSG_FORWARD_STOP)
        return link_role_stop_forward(r, m);
    if (m->type == MSG_GO)
        return link_role_go(r, m);
    if (m->type == MSG_PARCEL_SEND)
        return link_role_parcel(r, chan, m);
    return m->type == MSG_WITNESS_CALL ? link_role_witness(r, chan, m) : ERR_PROTOCOL;
}

/* The process. */

static enum err
link_role_listen(struct link_role *r, struct grant *grants, size_t grant_count)
{
    const struct config *c = r->rm->config;
    struct server_config config = {.loop = r->rm->loop,
                                   .log = r->rm->log,
                                   .conn = conn_config_default(),
                                   .clients_max = (size_t)config_int(c, CONFIG_LIMIT_CONNECTIONS),
                                   .event = link_role_on_http,
                                   .ctx = r};
    server_limits(c, &config.conn);
    config.conn.tls = r->server_tls;
    config.conn.roles = IDENTITY_PEER;
    config.conn.http.limits.idle_ms = LINK_IDLE_MS;
    config.conn.http.limits.rate_ms = (uint32_t)config_int(c, CONFIG_TIMEOUT_RATE_GRACE_MS);
    config.conn.http.limits.min_in_rate = (uint32_t)config_int(c, CONFIG_LIMIT_MIN_RATE);
    config.conn.http.window_max = LINK_WINDOW_MAX;
    config.conn.http.budget = &r->budget;
    r->budget.limit = (uint64_t)config_int(c, CONFIG_BUDGET_BYTES) / LINK_BUDGET_PART;
    config.fd = rolemain_take(rolemain_grant(grants, grant_count, GRANT_LISTEN_PEER));
    return config.fd < 0 ? ERR_NOT_FOUND : server_new(&config, &r->server);
}

static enum err
link_role_engines(struct link_role *r)
{
    const struct config *c = r->rm->config;
    const struct inbound_config in = {
        .zone = config_str(c, CONFIG_ZONE),
        .gateway = config_str(c, CONFIG_GATEWAY),
        .transfers_max = (size_t)config_int(c, CONFIG_LIMIT_TRANSFERS_OPEN),
        .port = server_port(),
        .out = {link_role_ask_clerk, link_role_ask_ledger, link_role_ask_log, link_role_body_state,
                link_role_end, link_role_disk_failed, r},
    };
    const struct outbound_out out = {link_role_state, link_role_parcel_sent,
                                     link_role_witness_result, link_role_peer_state, r};
    TRY(inbound_new(&in, &r->inbound));
    for (size_t i = 0; i < config_peer_count(c); i++) {
        TRY(link_peer_new(r->rm, config_peer(c, i), r->client_tls, &out, &r->peers[i]));
        r->peer_count++;
    }
    return ERR_OK;
}

static void
link_role_drain_poll(void *ctx)
{
    struct link_role *r = ctx;
    if (server_client_count(r->server) == 0 ||
        loop_timer_set(r->drain, LINK_DRAIN_POLL_MS) != ERR_OK)
        rolemain_drained(r->rm);
}

static enum err
link_role_setup(struct rolemain *rm, struct grant *grants, size_t grant_count, void **ret_ctx)
{
    TRY(crypto_init());
    /* One process, one link: what is allocated here lives until the process ends. */
    struct link_role *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    r->rm = rm;
    keysign_init(&r->sign, rolemain_chan_blocking(rm, ROLE_KEEPER, 0), LISTENER_PEER,
                 (uint32_t)config_int(rm->config, CONFIG_TIMEOUT_SIGN_MS));
    TRY(tlskey_lib_new(&r->lib));
    const struct tlskey_signer signer = keysign_signer(&r->sign);
    TRY(link_trust_context(r->lib, signer, true, rm->config, grants, grant_count, &r->server_tls));
    TRY(link_trust_context(r->lib, signer, false, rm->config, grants, grant_count, &r->client_tls));
    TRY(loop_timer_new(rm->loop, link_role_drain_poll, r, &r->drain));
    TRY(link_role_listen(r, grants, grant_count));
    TRY(link_role_engines(r));
    *ret_ctx = r;
    return ERR_OK;
}

static enum err
link_role_start(struct rolemain *rm)
{
    struct link_role *r = rm->ctx;
    r->is_started = true;
    for (size_t i = 0; i < r->peer_count; i++)
        link_peer_start(r->peers[i]);
    return server_start(r->server);
}

static void
link_role_peer_lost(struct rolemain *rm, struct chan *chan)
{
    struct link_role *r = rm->ctx;
    if (chan_role(chan) != ROLE_CLERK)
        return;
    inbound_forget(r->inbound);
    for (size_t i = 0; i < r->peer_count; i++)
        outbound_forget(link_peer_outbound(r->peers[i]));
}

/* A new process hears how each peer stands. */
static void
link_role_peer_new(struct rolemain *rm, struct chan *chan)
{
    struct link_role *r = rm->ctx;
    const enum role_id role = chan_role(chan);
    if (!r->is_started || (role != ROLE_CLERK && role != ROLE_LEDGER && role != ROLE_DESK))
        return;
    for (size_t i = 0; i < r->peer_count; i++) {
        const struct outbound *o = link_peer_outbound(r->peers[i]);
        const struct p_peer_state state = {.peer = span_str(link_peer_zone(r->peers[i])),
                                           .up = outbound_is_up(o),
                                           .detail = span_str(outbound_detail(o))};
        link_role_tell_peer(r, role, &state);
    }
}

static enum err
link_role_reload(struct rolemain *rm, const struct config *config, struct grant *grants,
                 size_t grant_count, struct fault *ret_fault)
{
    struct link_role *r = rm->ctx;
    bool is_same = config_peer_count(config) == r->peer_count;
    for (size_t i = 0; is_same && i < r->peer_count; i++)
        is_same = strcmp(config_peer(config, i)->zone, link_peer_zone(r->peers[i])) == 0 &&
                  strcmp(config_peer(config, i)->gateway, link_peer_gateway(r->peers[i])) == 0 &&
                  config_peer(config, i)->port == config_peer(rm->config, i)->port;
    if (!is_same) {
        /* Which ports this process may reach was fixed when it entered its sandbox. */
        ret_fault->code = ERR_CONFIG;
        (void)snprintf(ret_fault->where, sizeof(ret_fault->where), "peers: restart to change them");
        return ERR_CONFIG;
    }
    TRY(link_trust_update(r->server_tls, config, grants, grant_count));
    TRY(link_trust_update(r->client_tls, config, grants, grant_count));
    server_recheck(r->server);
    for (size_t i = 0; i < r->peer_count; i++) {
        link_peer_recheck(r->peers[i]);
        link_peer_move(r->peers[i], config_peer(config, i));
    }
    return ERR_OK;
}

static void
link_role_drain(struct rolemain *rm)
{
    struct link_role *r = rm->ctx;
    server_drain(r->server);
    link_role_drain_poll(r);
}

static size_t
link_role_stats(struct rolemain *rm, char *out, size_t cap)
{
    const struct link_role *r = rm->ctx;
    size_t forwards = 0;
    size_t up = 0;
    uint64_t sent = 0;
    for (size_t i = 0; i < r->peer_count; i++) {
        const struct outbound *o = link_peer_outbound(r->peers[i]);
        forwards += outbound_forward_count(o);
        up += outbound_is_up(o);
        sent += outbound_bytes(o);
    }
    const int n = snprintf(out, cap,
                           "corridor_peers_up %zu\ncorridor_forwards %zu\ncorridor_intakes %zu\n"
                           "corridor_requests %zu\ncorridor_sent_bytes %" PRIu64
                           "\ncorridor_received_bytes %" PRIu64 "\n",
                           up, forwards, inbound_intake_count(r->inbound),
                           inbound_request_count(r->inbound), sent, inbound_bytes(r->inbound));
    return n < 0 || (size_t)n >= cap ? 0 : (size_t)n;
}

const struct role_ops link_role_ops = {
    .role = ROLE_LINK,
    .setup = link_role_setup,
    .start = link_role_start,
    .on_message = link_role_message,
    .on_peer_lost = link_role_peer_lost,
    .on_peer_new = link_role_peer_new,
    .on_reload = link_role_reload,
    .on_drain = link_role_drain,
    .on_stats = link_role_stats,
};
