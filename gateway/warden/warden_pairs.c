/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/warden/warden_pairs.h"

#include <sys/socket.h>
#include <unistd.h>

#include "gateway/warden/warden_child.h"
#include "schemas/wire.h"

/* Whom clerk names to others. */
enum { WARDEN_NAMED = ROLES(EDGE) | ROLES(INSPECTOR) | ROLES(SEALER) };

/* Gives one end of a pair to child; the end is closed here. */
static enum err
warden_pairs_give(struct warden_child *child, const struct warden_child *peer, bool blocking,
                  uint32_t generation, int end)
{
    uint8_t buf[16];
    struct wire_writer w;
    struct msg m = {.type = MSG_CHANNEL, .fds = {end}, .fd_count = 1};
    wire_writer_init(&w, buf, sizeof(buf));
    wire_put_u8(&w, (uint8_t)peer->role);
    wire_put_u8(&w, (uint8_t)peer->index);
    wire_put_u8(&w, blocking ? 1 : 0);
    wire_put_u32(&w, generation);
    wire_put_u32(&w, peer->incarnation);
    enum err err = wire_writer_finish(&w, &m.body);
    if (err == ERR_OK)
        err = chan_send(child->chan, &m);
    if (err == ERR_OK)
        child->generation[blocking ? 1 : 0][peer->role][peer->index] = generation;
    (void)close(end);
    return err;
}

static enum err
warden_pairs_join(struct warden_child *child, struct warden_child *peer, bool blocking)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        return ERR_SYS;
    const uint32_t generation = ++child->warden->generation;
    const enum err err = warden_pairs_give(child, peer, blocking, generation, ends[0]);
    /* A peer that cannot take it is on its way out: its successor gets a new pair. */
    if (warden_pairs_give(peer, child, blocking, generation, ends[1]) != ERR_OK)
        warden_child_kill(peer);
    return err;
}

/* True: clerk hears of it last. */
static bool
warden_pairs_is_named(const struct warden_child *child)
{
    return (WARDEN_NAMED & ROLE_BIT(child->role)) != 0;
}

static bool
warden_pairs_is_living(const struct warden_child *child)
{
    return child != NULL && child->pid != 0 && chan_is_open(child->chan);
}

static bool
warden_pairs_has_to_wait(const struct warden_child *a, const struct warden_child *b)
{
    return (a->role == ROLE_CLERK && warden_pairs_is_named(b) && !b->is_known) ||
           (b->role == ROLE_CLERK && warden_pairs_is_named(a) && !a->is_known);
}

static enum err
warden_pairs_join_all(struct warden_child *child, struct warden_child *peer)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        if (msg_pair_allowed(child->role, peer->role, kind == 1))
            TRY(warden_pairs_join(child, peer, kind == 1));
    }
    return ERR_OK;
}

enum err
warden_pairs_make(struct warden_child *child)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        for (unsigned i = 0; i < ROLE_INDEX_MAX; i++) {
            struct warden_child *peer = child->warden->children[role][i];
            if (warden_pairs_is_living(peer) && peer != child &&
                !warden_pairs_has_to_wait(child, peer))
                TRY(warden_pairs_join_all(child, peer));
        }
    }
    return ERR_OK;
}

/* Whether peer has opened all it was given to reach child. */
static bool
warden_pairs_has_opened(const struct warden_child *peer, const struct warden_child *child)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        if (peer->opened[kind][child->role][child->index] !=
            peer->generation[kind][child->role][child->index])
            return false;
    }
    return true;
}

static bool
warden_pairs_have_all(const struct warden_child *child)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        for (unsigned i = 0; i < ROLE_INDEX_MAX; i++) {
            const struct warden_child *peer = child->warden->children[role][i];
            if (warden_pairs_is_living(peer) && role != ROLE_CLERK &&
                !warden_pairs_has_opened(peer, child))
                return false;
        }
    }
    return true;
}

void
warden_pairs_tick(struct warden_child *child, int64_t now_ms)
{
    struct warden_child *clerk = child->warden->children[ROLE_CLERK][0];
    if (!warden_pairs_is_named(child) || child->is_known || !warden_pairs_is_living(child))
        return;
    if (!warden_pairs_have_all(child) && now_ms - child->since_ms < WARDEN_KNOWN_MS)
        return;
    child->is_known = true;
    if (warden_pairs_is_living(clerk) && warden_pairs_join_all(child, clerk) != ERR_OK)
        warden_child_kill(child);
}

enum err
warden_pairs_opened(struct warden_child *child, const struct msg *m)
{
    struct wire_reader r;
    enum role_id role = ROLE_WARDEN;
    wire_reader_init(&r, m->body);
    const uint8_t role_byte = wire_get_u8(&r);
    const uint8_t index = wire_get_u8(&r);
    const uint8_t blocking = wire_get_u8(&r);
    const uint32_t generation = wire_get_u32(&r);
    TRY(wire_reader_finish(&r));
    TRY(role_from_u8(role_byte, &role));
    if (index >= ROLE_INDEX_MAX || blocking > 1 || child->warden->children[role][index] == NULL)
        return ERR_PROTOCOL;
    child->opened[blocking][role][index] = generation;
    warden_pairs_tick(child->warden->children[role][index], clock_mono_ms());
    return ERR_OK;
}
