/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/clerk/world.h"

#include "crypto/body.h"
#include "crypto/crypto.h"
#include "crypto/receipt.h"
#include "crypto/release.h"
#include "gateway/clerk/spool.h"
#include "gateway/core/parcel.h"
#include "gateway/net/identity.h"
#include "schemas/entry.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORLD_BYTES = 1000, WORLD_KEY = 7 };

uint64_t
world_random(struct world *w)
{
    w->seed ^= w->seed << 13;
    w->seed ^= w->seed >> 7;
    w->seed ^= w->seed << 17;
    return w->seed;
}

bool
world_chance(struct world *w, uint32_t ppm)
{
    return ppm > 0 && world_random(w) % 1000000 < ppm;
}

void
world_broke(struct world *w, const char *what)
{
    printf("# clerk broke a rule: %s\n", what);
    w->broken++;
}

void
world_hash_of(const uint8_t id[static 16], uint8_t mark, uint8_t out[static 32])
{
    memcpy(out, id, 16);
    memset(out + 16, mark, 16);
}

struct world_item *
world_item_of(struct world *w, const uint8_t *id)
{
    for (size_t i = 0; i < w->item_count; i++) {
        if (w->items[i].known && memcmp(w->items[i].id, id, 16) == 0)
            return &w->items[i];
    }
    return NULL;
}

struct world_entry *
world_entry_of(struct world *w, const uint8_t *id, uint8_t kind, uint64_t n)
{
    for (size_t i = 0; i < w->log_count; i++) {
        struct world_entry *e = &w->log[i];
        if (e->kind == kind && e->n == n && memcmp(e->transfer, id, 16) == 0)
            return e;
    }
    return NULL;
}

struct world_event *
world_push(struct world *w, const uint8_t *transfer, enum msg_type type, struct span body)
{
    for (size_t i = 0; i < WORLD_EVENTS; i++) {
        struct world_event *e = &w->events[i];
        if (e->used)
            continue;
        *e = (struct world_event){.used = true, .type = type, .len = body.len};
        e->body = malloc(body.len + 1);
        assert(e->body != NULL);
        if (body.len > 0)
            memcpy(e->body, body.ptr, body.len);
        if (transfer != NULL)
            memcpy(e->transfer, transfer, 16);
        return e;
    }
    abort();
}

struct world_event *world_last;

int
world_memfd_of(const void *bytes, size_t len)
{
    const int fd = memfd_create("world", MFD_CLOEXEC);
    assert(fd >= 0 && pwrite(fd, bytes, len, 0) == (ssize_t)len);
    return fd;
}

static int
persons_fd(uint64_t first, uint64_t count)
{
    const size_t len = 40 + 8 * count;
    uint64_t *image = calloc(1, len);
    const uint32_t head[2] = {0x505a4454, 1};
    assert(image != NULL);
    memcpy(image, head, 8);
    image[1] = count;
    for (uint64_t i = 0; i < count; i++)
        image[5 + i] = (first + i) * UINT64_C(1000003000000) + 3;
    const int fd = world_memfd_of(image, len);
    free(image);
    return fd;
}

static void
deliver(struct world *w, struct world_event *e)
{
    struct world_event copy = *e;
    struct msg m = {.type = copy.type, .body = span_of(copy.body, copy.len)};
    struct chan_ticket ticket = {.generation = copy.client, .seq = w->generation};
    enum err err = ERR_OK;
    memcpy(m.transfer, copy.transfer, 16);
    memcpy(ticket.transfer, copy.transfer, 16);
    e->used = false;
    if (copy.fds && copy.err == ERR_OK) {
        m.fds[0] = world_memfd_of("{}", 2);
        m.fds[1] = persons_fd(copy.persons_first, copy.persons_count);
        m.fd_count = 2;
    }
    if (copy.is_answer)
        err = flow_answer(w->flow, copy.tag, copy.err, copy.err == ERR_OK ? &m : NULL);
    else
        err = flow_message(w->flow, copy.from, copy.index, copy.asks ? &ticket : NULL, &m);
    if (err != ERR_OK) {
        printf("# clerk called %s a violation: %s\n", msg_name(copy.type), error_name(err));
        w->broken++;
    }
    msg_close_fds(&m);
    free(copy.body);
}

static void
client_streams(struct world *w, size_t number, const uint8_t *id, struct span body)
{
    struct world_item *item = &w->items[number];
    struct p_upload_go go;
    struct p_upload_end end = {
        .bytes = WORLD_BYTES, .wait_ms = 10000, .outcome = (uint8_t)w->outcome};
    struct p_inspected in = {.bytes_in = WORLD_BYTES, .bytes_out = WORLD_BYTES};
    struct p_sealed sealed = {.suite = 1, .chunks = 1, .plaintext_len = WORLD_BYTES};
    assert(payload_upload_go_get(body, &go) == ERR_OK);
    memcpy(item->id, id, 16);
    item->known = true;
    TELL(w, ROLE_EDGE, 0, id, UPLOAD_END, upload_end, &end);
    world_last->asks = true;
    world_last->client = (uint32_t)number + 1;
    if (w->outcome != UPLOAD_COMPLETE || w->inspector_silent)
        return;
    memcpy(in.offer_hash, go.offer_hash, 32);
    memcpy(sealed.offer_hash, go.offer_hash, 32);
    TELL(w, ROLE_INSPECTOR, go.inspector, id, INSPECTED, inspected, &in);
    world_last->fds = true;
    world_last->persons_first = item->first;
    world_last->persons_count = item->count;
    const struct flow_run *run = flow_run_live(w->flow, id);
    assert(run != NULL);
    TELL(w, ROLE_SEALER, run->sealer.index, id, SEALED, sealed, &sealed);
}

static void
client_answered(struct world *w, size_t number, const uint8_t *id, struct span body)
{
    struct world_item *item = &w->items[number];
    struct p_answer p;
    struct store_row row;
    static const uint8_t zero[16];
    assert(payload_answer_get(body, &p) == ERR_OK);
    item->status = p.status;
    item->flags = p.flags;
    item->ended = true;
    (void)snprintf(item->code, sizeof(item->code), "%.*s", (int)p.code.len,
                   (const char *)p.code.ptr);
    snprintf(item->link, sizeof(item->link), "%.*s", (int)p.link.len, (const char *)p.link.ptr);
    if ((p.flags & ANSWER_TRANSFER) != 0 && memcmp(id, zero, 16) == 0)
        world_broke(w, "an answer names no transfer");
    if ((p.flags & ANSWER_TRANSFER) != 0 && !item->known) {
        memcpy(item->id, id, 16);
        item->known = true;
    }
    if (p.status != 201 || (p.flags & ANSWER_REPLAYED) != 0)
        return;
    if (store_row_get(w->store, id, &row) != ERR_OK || row.shown < FLOW_SHOWN_SETTLED ||
        world_entry_of(w, id, ENTRY_SETTLED, 0) == NULL)
        world_broke(w, "201 before the transfer was settled");
}

static enum err
out_answer(void *ctx, const struct chan_ticket *ticket, const struct msg *m)
{
    struct world *w = ctx;
    struct p_corridor_answer corridor;
    struct world_item *item = NULL;
    if (w->crashed || ticket->seq != w->generation)
        return ERR_ROLE_LOST;
    switch ((unsigned)m->type) {
    case MSG_UPLOAD_GO:
        client_streams(w, ticket->generation - 1, ticket->transfer, m->body);
        return ERR_OK;
    case MSG_ANSWER:
        if (ticket->generation > 0)
            client_answered(w, ticket->generation - 1, ticket->transfer, m->body);
        return ERR_OK;
    case MSG_PULL_GO:
        w->pulls++;
        if (world_entry_of(w, ticket->transfer, ENTRY_OPENED, 0) == NULL)
            w->opened_before_log++;
        return ERR_OK;
    case MSG_CORRIDOR_ANSWER:
        assert(payload_corridor_answer_get(m->body, &corridor) == ERR_OK);
        w->corridor_status = corridor.status;
        (void)snprintf(w->corridor_said, sizeof(w->corridor_said), "%.*s", (int)corridor.body.len,
                       corridor.body.len == 0 ? "" : (const char *)corridor.body.ptr);
        item = world_item_of(w, ticket->transfer);
        if (item != NULL && item->import && !w->peer_stops && corridor.status < 300) {
            item->peer_step++;
            world_peer_next(w, item);
        } else if (item != NULL && item->import && corridor.status == 409) {
            item->peer_step = 1; /* it does not hold the body: again from the SEAL */
        }
        return ERR_OK;
    default:
        abort();
    }
}

static uint32_t
out_generation(void *ctx, enum role_id role, unsigned index)
{
    const struct world *w = ctx;
    return role == ROLE_INSPECTOR && index >= 8 ? 0 : w->generation;
}

static unsigned
out_instances(void *ctx, enum role_id role)
{
    (void)ctx;
    return role == ROLE_INSPECTOR ? 8 : role == ROLE_SEALER ? 2 : 1;
}

static void
out_fault(void *ctx, enum flow_state state, bool stored)
{
    struct world *w = ctx;
    const bool here = w->crash_state == (int)state && w->crash_stored == stored;
    if (!w->can_crash || !(here || world_chance(w, w->crash_ppm)))
        return;
    w->crash_state = -1;
    w->crashed = true;
    w->flow->dead = true; /* from here on nothing leaves it */
}

static void
out_notice(void *ctx, enum flow_notice notice, const uint8_t *transfer, uint64_t value)
{
    struct world *w = ctx;
    (void)transfer;
    (void)value;
    w->notices[notice]++;
    if (notice == FLOW_NOTICE_CONFLICT || notice == FLOW_NOTICE_STORE ||
        notice == FLOW_NOTICE_DAMAGED)
        world_broke(w, "an operator is called");
}

static int64_t
out_wall(void *ctx)
{
    return ((const struct world *)ctx)->wall_ms;
}

static int64_t
out_mono(void *ctx)
{
    return ((const struct world *)ctx)->mono_ms;
}

static enum err
out_random(void *ctx, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(world_random(ctx) >> 24);
    return ERR_OK;
}

/* -- life */

static void
open_flow(struct world *w)
{
    const struct flow_outbound out = {.ctx = w,
                                      .wall_ms = out_wall,
                                      .mono_ms = out_mono,
                                      .random = out_random,
                                      .tell = world_tell,
                                      .ask = world_ask,
                                      .answer = out_answer,
                                      .generation = out_generation,
                                      .instances = out_instances,
                                      .fault = out_fault,
                                      .notice = out_notice};
    struct flow_config config = {.zone = "my-cyberjaya",
                                 .peers = {{"my-perlis"}, {"cn-lingang"}},
                                 .peer_count = 2,
                                 .dataset_bytes_max = 1 << 20,
                                 .spool_bytes_max = 1 << 30,
                                 .spool_peer_bytes_max = 1 << 29,
                                 .uploads_per_partner = 64,
                                 .name_bytes_max = 255,
                                 .role_ms = 15000,
                                 .retry_min_ms = 100,
                                 .retry_max_ms = 1000,
                                 .retain_days = 30,
                                 .offer_valid_s = 604800,
                                 .idempotency_ms = 86400000};
    struct p_ledger_state state = {.state = LOG_CONFIRMED, .compared = 1};
    (void)snprintf(config.origin, sizeof(config.origin), "%s", w->origin);
    assert(store_open(w->folder, &w->store) == ERR_OK);
    assert(flow_new(w->store, w->spool_dir, &config, &out, &w->flow) == ERR_OK);
    w->generation++;
    for (unsigned i = 0; i < 8; i++)
        flow_new_peer(w->flow, ROLE_INSPECTOR, i);
    flow_new_peer(w->flow, ROLE_LEDGER, 0);
    state.size = w->log_count;
    state.unseen = w->generation > 1 ? w->unseen : 0;
    if (w->former == NULL)
        TELL(w, ROLE_LEDGER, 0, NULL, LEDGER_STATE, ledger_state, &state);
}

static void
drop_events(struct world *w)
{
    for (size_t i = 0; i < WORLD_EVENTS; i++) {
        if (w->events[i].used)
            free(w->events[i].body);
        w->events[i].used = false;
    }
}

void
world_start(struct world *w)
{
    char spool[80];
    *w = (struct world){.seed = 88172645463325252,
                        .crash_state = -1,
                        .limit_pi = UINT64_MAX,
                        .preflight = VERDICT_ALLOW,
                        .verdict = VERDICT_ALLOW,
                        .import_verdict = VERDICT_ALLOW,
                        .receipt = 3,
                        .origin = "my-cyberjaya/gw1/2026h2"};
    assert(crypto_init() == ERR_OK);
    w->wall_ms = INT64_C(1795313940000); /* 2026-11-22T02:19:00Z */
    w->mono_ms = 1000;
    (void)snprintf(w->folder, sizeof(w->folder), "/tmp/tdz-flow-XXXXXX");
    assert(mkdtemp(w->folder) != NULL);
    (void)snprintf(spool, sizeof(spool), "%s/spool", w->folder);
    assert(mkdir(spool, 0700) == 0);
    w->spool_dir = open(spool, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert(w->spool_dir >= 0);
    open_flow(w);
    assert(flow_start(w->flow) == ERR_OK);
    world_run(w);
}

void
world_reopen(struct world *w)
{
    w->keeper_forgot = w->keeper_forgets;
    do {
        flow_free(w->flow);
        store_close(w->store);
        drop_events(w);
        w->crashed = false;
        open_flow(w);
        const enum err err = flow_start(w->flow);
        assert(err == ERR_OK || w->crashed);
        w->crashes += w->crashed ? 1 : 0;
    } while (w->crashed);
}

static bool
keep_none(void *ctx, const char *stem)
{
    (void)ctx;
    (void)stem;
    return false;
}

void
world_stop(struct world *w)
{
    char path[96];
    size_t removed = 0;
    flow_free(w->flow);
    store_close(w->store);
    drop_events(w);
    for (size_t i = 0; i < w->log_count; i++)
        free(w->log[i].bytes);
    assert(spool_sweep(w->spool_dir, keep_none, NULL, &removed) == ERR_OK);
    (void)close(w->spool_dir);
    (void)snprintf(path, sizeof(path), "%s/spool", w->folder);
    (void)rmdir(path);
    (void)snprintf(path, sizeof(path), "%s/clerk.db", w->folder);
    (void)unlink(path);
    (void)rmdir(w->folder);
}

size_t
world_upload(struct world *w, const char *name, const char *key, uint64_t first, uint64_t count,
             uint8_t fingerprint)
{
    const size_t number = w->item_count++;
    struct world_item *item = &w->items[number];
    struct p_upload_open p = {.partner = SPAN_LIT("acme"),
                              .agreement = SPAN_LIT("open-data"),
                              .name = span_str(name),
                              .facts = SPAN_LIT("{}"),
                              .length = WORLD_BYTES,
                              .idempotency_key = span_str(key)};
    *item = (struct world_item){.first = first, .count = count};
    memset(p.fingerprint, fingerprint, 32);
    TELL(w, ROLE_EDGE, 0, NULL, UPLOAD_OPEN, upload_open, &p);
    world_last->asks = true;
    world_last->client = (uint32_t)number + 1;
    return number;
}

void
world_peer_asks(struct world *w, struct world_item *item, uint8_t what, struct span body)
{
    struct p_corridor_in in = {.peer = SPAN_LIT("cn-lingang"), .what = what, .body = body};
    TELL(w, ROLE_LINK, 0, item->id, CORRIDOR_IN, corridor_in, &in);
    world_last->asks = true;
}

/* The peer's next request: offer, seal, body, release. */
void
world_peer_next(struct world *w, struct world_item *item)
{
    static const uint8_t seal[] = {0, 0, 0, 4, 'S', 'E', 'A', 'L'};
    uint8_t record[1024];
    uint8_t bytes[4096];
    struct release release = {.suite = SUITE_AES_256_GCM, .verdict = SPAN_LIT("{}")};
    if (w->other_release)
        release.verdict = SPAN_LIT("{\"other\":1}");
    struct parcel parcel = {
        .kind = PARCEL_RELEASE, .entry = SPAN_LIT("{\"d\":1}"), .proof = SPAN_LIT("p")};
    struct span body;
    if (item->peer_step == 0) {
        world_peer_asks(w, item, CORRIDOR_OFFER, SPAN_LIT("OFFER"));
    } else if (item->peer_step == 1) {
        world_peer_asks(w, item, CORRIDOR_SEAL, span_of(seal, sizeof(seal)));
    } else if (item->peer_step == 2) {
        struct p_body_state state = {.groups = 1, .complete = 1};
        TELL(w, ROLE_LINK, 0, item->id, BODY_STATE, body_state, &state);
        item->peer_step++;
    }
    if (item->peer_step == 3) {
        world_hash_of(item->id, 's', release.seal_hash);
        release.sigs.count = 1;
        release.sigs.one[0].alg = SIGN_ED25519;
        release.sigs.one[0].len = 64;
        assert(release_encode(&release, record, sizeof(record), &parcel.record) == ERR_OK);
        assert(parcel_write(&parcel, bytes, sizeof(bytes), &body) == ERR_OK);
        world_peer_asks(w, item, CORRIDOR_RELEASE, body);
    }
}

size_t
world_import(struct world *w)
{
    const size_t number = w->item_count++;
    struct world_item *item = &w->items[number];
    *item = (struct world_item){.import = true, .known = true};
    assert(out_random(w, item->id, 16) == ERR_OK);
    world_peer_next(w, item);
    return number;
}

void
world_query(struct world *w, size_t number, uint8_t what, uint8_t role)
{
    struct world_item *item = &w->items[number];
    const struct span args = span_str(w->args == NULL ? "" : w->args);
    struct p_query p = {.what = what, .role = role, .party = SPAN_LIT("acme"), .args = args};
    if (what == QUERY_APPROVAL || what == QUERY_ADJUST || what == QUERY_DECISION)
        p.body = span_str(w->note == NULL ? "signed note" : w->note);
    item->status = 0;
    TELL(w, role == IDENTITY_PARTNER ? ROLE_EDGE : ROLE_DESK, 0, item->id, QUERY, query, &p);
    world_last->asks = true;
    world_last->client = (uint32_t)number + 1;
}

void
world_pull(struct world *w, size_t number, const char *party)
{
    struct world_item *item = &w->items[number];
    struct p_pull_open p = {.partner = span_str(party), .last = UINT64_MAX};
    item->status = 0;
    TELL(w, ROLE_EDGE, 0, item->id, PULL_OPEN, pull_open, &p);
    world_last->asks = true;
    world_last->client = (uint32_t)number + 1;
}

static bool
deliver_one(struct world *w)
{
    size_t ready = 0;
    for (size_t i = 0; i < WORLD_EVENTS; i++)
        ready += w->events[i].used ? 1 : 0;
    if (ready == 0)
        return false;
    size_t pick = world_random(w) % ready;
    for (size_t i = 0; i < WORLD_EVENTS; i++) {
        struct world_event *e = &w->events[i];
        if (!e->used || pick-- > 0)
            continue;
        const bool is_told = !e->is_answer && !e->asks && !e->fds;
        if (is_told && world_chance(w, w->twice_ppm)) {
            struct world_event *again =
                world_push(w, e->transfer, e->type, span_of(e->body, e->len));
            again->from = e->from;
            again->index = e->index;
        }
        deliver(w, e);
        return true;
    }
    return false;
}

void
world_requests(struct world *w)
{
    for (size_t i = 0; i < WORLD_EVENTS; i++) {
        if (w->events[i].used && w->events[i].type == MSG_UPLOAD_OPEN)
            deliver(w, &w->events[i]);
    }
}

void
world_pass(struct world *w, int64_t ms)
{
    w->mono_ms += ms;
    w->wall_ms += ms;
    for (unsigned i = 0; i < 8; i++) {
        if (w->retired[i])
            flow_new_peer(w->flow, ROLE_INSPECTOR, i); /* the warden replaced it */
        w->retired[i] = false;
    }
    (void)flow_tick(w->flow);
}

/* The peer repeats what it has no answer to, as link would. */
static void
peers_repeat(struct world *w)
{
    for (size_t i = 0; i < w->item_count; i++) {
        struct world_item *item = &w->items[i];
        if (item->import && item->receipts == 0 && !w->peer_stops) {
            item->peer_step = item->peer_step >= 4 ? 4 : item->peer_step;
            world_peer_next(w, item);
        }
    }
}

void
world_run(struct world *w)
{
    unsigned quiet = 0;
    while (quiet < 40 && !(w->crashed && w->halts)) {
        if (w->crashed) {
            w->crashes++;
            if (w->lost_with_crash != NULL)
                world_lose_log(w, w->lost_with_crash, UINT32_MAX, 1);
            w->lost_with_crash = NULL;
            world_reopen(w);
            quiet = 0;
        }
        if (deliver_one(w)) {
            world_check(w);
            continue;
        }
        if (quiet % 10 == 9)
            peers_repeat(w);
        world_pass(w, 400);
        quiet++;
    }
}
