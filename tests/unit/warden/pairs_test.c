/* SPDX-License-Identifier: Apache-2.0 */
/* Who hears of a new process in which order. The children are chan ends in this process: each notes
 * the channels it is given and, unless it hangs, says that they are open. */
#include "gateway/warden/warden_pairs.h"

#include <sys/socket.h>
#include <unistd.h>

#include "gateway/warden/warden_child.h"
#include "schemas/wire.h"
#include "tests/test.h"

struct process {
    struct warden_child *child;
    struct chan_host host;
    struct chan *chan;
    unsigned given[ROLE_COUNT]; /* channels it has to each role */
    bool hangs;
};

static struct warden warden;
static struct process edge;
static struct process keeper;
static struct process ledger;
static struct process inspector;
static struct process clerk;
static struct process *const all[] = {&edge, &keeper, &ledger, &inspector, &clerk};
static enum err told; /* what the warden made of the last CHANNEL_OPEN */

static void
say_open(struct process *p, struct span body)
{
    const struct msg m = {.type = MSG_CHANNEL_OPEN, .body = body};
    CHECK_EQ(chan_send(p->chan, &m), ERR_OK);
}

static enum err
on_child(void *ctx, struct chan *chan, struct msg *m)
{
    struct process *p = ctx;
    (void)chan;
    CHECK_EQ(m->type, MSG_CHANNEL);
    CHECK(m->body.len > 7 && m->body.ptr[0] < ROLE_COUNT);
    p->given[m->body.ptr[0]]++;
    if (!p->hangs)
        say_open(p, span_of(m->body.ptr, 7));
    return ERR_OK;
}

static enum err
on_warden(void *ctx, struct chan *chan, struct msg *m)
{
    (void)chan;
    told = warden_pairs_opened(ctx, m);
    return ERR_OK;
}

static void
on_lost(void *ctx, struct chan *chan)
{
    (void)ctx;
    (void)chan;
}

static void
on_violation(void *ctx, struct chan *chan, enum err why, uint32_t type)
{
    (void)ctx;
    (void)chan;
    (void)why;
    (void)type;
}

static void
turn(void)
{
    for (unsigned i = 0; i < 20; i++)
        CHECK_EQ(loop_run_once(warden.loop, false), ERR_OK);
}

/* Starts it as warden_child_start does, without a process of its own. */
static void
start(struct process *p)
{
    int ends[2];
    memset(p->given, 0, sizeof(p->given));
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    CHECK_EQ(chan_open(p->child->chan, ends[0], 1), ERR_OK);
    CHECK_EQ(chan_open(p->chan, ends[1], 1), ERR_OK);
    p->child->pid = -1; /* living, and nobody that could be killed */
    p->child->incarnation = ++warden.incarnation;
    p->child->since_ms = clock_mono_ms();
    p->child->is_known = false;
    CHECK_EQ(warden_pairs_make(p->child), ERR_OK);
    turn();
}

static void
stop(struct process *p)
{
    p->child->pid = 0;
    chan_close(p->child->chan);
    chan_close(p->chan);
}

static void
make_process(struct process *p, enum role_id role)
{
    memset(p, 0, sizeof(*p));
    CHECK_EQ(warden_child_new(&warden, role, 0, &p->child), ERR_OK);
    warden.children[role][0] = p->child;
    p->child->host.on_message = on_warden;
    p->child->host.on_lost = on_lost;
    p->child->host.on_violation = on_violation;
    CHECK_EQ(chan_new(&p->child->host, role, 0, false, &p->child->chan), ERR_OK);
    p->host = (struct chan_host){.loop = warden.loop,
                                 .self = role,
                                 .ctx = p,
                                 .on_message = on_child,
                                 .on_lost = on_lost,
                                 .on_violation = on_violation};
    CHECK_EQ(chan_new(&p->host, ROLE_WARDEN, 0, false, &p->chan), ERR_OK);
}

/* Everybody runs but inspector. */
static void
make(void)
{
    memset(&warden, 0, sizeof(warden));
    told = ERR_OK;
    CHECK_EQ(loop_new(&warden.loop), ERR_OK);
    make_process(&edge, ROLE_EDGE);
    make_process(&keeper, ROLE_KEEPER);
    make_process(&ledger, ROLE_LEDGER);
    make_process(&inspector, ROLE_INSPECTOR);
    make_process(&clerk, ROLE_CLERK);
    start(&keeper);
    start(&ledger);
    start(&edge);
    start(&clerk);
}

static void
drop(void)
{
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        chan_free(all[i]->chan);
        chan_free(all[i]->child->chan);
        free(all[i]->child);
    }
    loop_free(warden.loop);
}

static void
test_order(void)
{
    TEST("clerk hears of an inspector when all its peers have opened their channels")
    {
        make();
        edge.hangs = true;
        keeper.hangs = true;
        start(&inspector);
        CHECK(edge.given[ROLE_INSPECTOR] == 1 && keeper.given[ROLE_INSPECTOR] == 1);
        CHECK(inspector.given[ROLE_EDGE] == 1 && inspector.given[ROLE_CLERK] == 0);
        CHECK(clerk.given[ROLE_INSPECTOR] == 0 && !inspector.child->is_known);
        const uint8_t from_edge[] = {
            ROLE_INSPECTOR, 0, 0, 0, 0, 0, (uint8_t)edge.child->generation[0][ROLE_INSPECTOR][0]};
        say_open(&edge, span_of(from_edge, sizeof(from_edge)));
        turn();
        CHECK(told == ERR_OK && clerk.given[ROLE_INSPECTOR] == 0);
        const uint8_t from_keeper[] = {
            ROLE_INSPECTOR, 0, 0, 0, 0, 0, (uint8_t)keeper.child->generation[0][ROLE_INSPECTOR][0]};
        say_open(&keeper, span_of(from_keeper, sizeof(from_keeper)));
        turn();
        CHECK(clerk.given[ROLE_INSPECTOR] == 1 && inspector.given[ROLE_CLERK] == 1);
        CHECK(inspector.child->is_known);
        drop();
    }
    TEST("and of an edge likewise, but of a ledger at once: nobody is told its number")
    {
        make();
        keeper.hangs = true;
        stop(&edge);
        stop(&ledger);
        const unsigned edges = clerk.given[ROLE_EDGE];
        const unsigned ledgers = clerk.given[ROLE_LEDGER];
        start(&edge);
        start(&ledger);
        CHECK_EQ(clerk.given[ROLE_EDGE], edges);
        CHECK_EQ(clerk.given[ROLE_LEDGER], ledgers + 1);
        drop();
    }
    TEST("an older channel said to be open does not count for the new one")
    {
        make();
        start(&inspector);
        const uint8_t older[] = {
            ROLE_INSPECTOR, 0, 0, 0, 0, 0, (uint8_t)edge.child->generation[0][ROLE_INSPECTOR][0]};
        CHECK_EQ(clerk.given[ROLE_INSPECTOR], 1);
        stop(&inspector);
        edge.hangs = true;
        start(&inspector);
        say_open(&edge, span_of(older, sizeof(older)));
        turn();
        CHECK(clerk.given[ROLE_INSPECTOR] == 1 && !inspector.child->is_known);
        drop();
    }
}

static void
test_ends(void)
{
    TEST("a peer that dies over it is waited for no longer")
    {
        make();
        edge.hangs = true;
        start(&inspector);
        warden_pairs_tick(inspector.child, inspector.child->since_ms);
        CHECK_EQ(clerk.given[ROLE_INSPECTOR], 0);
        stop(&edge);
        warden_pairs_tick(inspector.child, inspector.child->since_ms);
        turn();
        CHECK_EQ(clerk.given[ROLE_INSPECTOR], 1);
        drop();
    }
    TEST("a peer that hangs delays it, and no more than that")
    {
        make();
        keeper.hangs = true;
        start(&inspector);
        warden_pairs_tick(inspector.child, inspector.child->since_ms + WARDEN_KNOWN_MS - 1);
        turn();
        CHECK_EQ(clerk.given[ROLE_INSPECTOR], 0);
        warden_pairs_tick(inspector.child, inspector.child->since_ms + WARDEN_KNOWN_MS);
        turn();
        CHECK_EQ(clerk.given[ROLE_INSPECTOR], 1);
        warden_pairs_tick(inspector.child, inspector.child->since_ms + WARDEN_KNOWN_MS);
        turn();
        CHECK_EQ(clerk.given[ROLE_INSPECTOR], 1);
        drop();
    }
    TEST("a clerk that starts is given those that are known, and the others when they are")
    {
        make();
        stop(&clerk);
        start(&inspector);
        CHECK(inspector.child->is_known && inspector.given[ROLE_CLERK] == 0);
        start(&clerk);
        CHECK(clerk.given[ROLE_INSPECTOR] == 1 && inspector.given[ROLE_CLERK] == 1);
        stop(&clerk);
        stop(&inspector);
        edge.hangs = true;
        start(&inspector);
        start(&clerk);
        CHECK_EQ(clerk.given[ROLE_INSPECTOR], 0);
        const uint8_t now[] = {
            ROLE_INSPECTOR, 0, 0, 0, 0, 0, (uint8_t)edge.child->generation[0][ROLE_INSPECTOR][0]};
        say_open(&edge, span_of(now, sizeof(now)));
        turn();
        CHECK(clerk.given[ROLE_INSPECTOR] == 1 && inspector.given[ROLE_CLERK] == 1);
        drop();
    }
}

static void
test_words(void)
{
    static const uint8_t nobody[] = {ROLE_LINK, 0, 0, 0, 0, 0, 1};
    static const uint8_t no_role[] = {ROLE_COUNT, 0, 0, 0, 0, 0, 1};
    static const uint8_t far[] = {ROLE_EDGE, ROLE_INDEX_MAX, 0, 0, 0, 0, 1};
    static const uint8_t kind[] = {ROLE_EDGE, 0, 2, 0, 0, 0, 1};
    static const uint8_t more[] = {ROLE_EDGE, 0, 0, 0, 0, 0, 1, 0};
    TEST("a channel to nobody, of no kind, or said in other words is a violation")
    {
        make();
        const struct {
            struct span body;
            enum err want;
        } bad[] = {{span_of(nobody, sizeof(nobody)), ERR_PROTOCOL},
                   {span_of(no_role, sizeof(no_role)), ERR_RANGE},
                   {span_of(far, sizeof(far)), ERR_PROTOCOL},
                   {span_of(kind, sizeof(kind)), ERR_PROTOCOL},
                   {span_of(more, sizeof(more)), ERR_TRAILING},
                   {span_of(more, 6), ERR_SHORT}};
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            say_open(&keeper, bad[i].body);
            turn();
            CHECK_EQ(told, bad[i].want);
        }
        drop();
    }
}

int
main(void)
{
    test_order();
    test_ends();
    test_words();
    return test_end();
}
